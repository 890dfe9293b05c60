# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads each list of the Engine once and shares it between the comparisons of many stacks."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Set

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.connection import Connection
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import NAMESPACE, labels_of

#: Nearly all of these belong to stacks, so the whole list is read once, and each comparison gets its stack's part.
OF_STACKS = ("/services", "/configs")


class NotShared(StackwrightError):
    """A comparison needs more than shared reads: it waits, writes, or asks a registry."""

    default_code = "not_shared"


def _no_other_nodes(question: object, keep: object) -> Dict[str, Any]:
    del question, keep
    raise NotShared("Data of other nodes is not available while many stacks are compared.")


class SharedReads(EngineClient):
    """A client that reads each path once and changes nothing.

    With ``many``, it takes the objects of one stack from the list of all. A comparison that reads the same again waits
    for a change, which shared reads don't show: NotShared.
    """

    def __init__(self, connection: Connection, transport: object = None) -> None:
        super().__init__(connection, transport)
        self.many = False
        self.run_on_node = _no_other_nodes
        self._answers: Dict[str, Any] = {}
        self._asked: Optional[Set[str]] = None
        self._recorder: Any = None

    def begin(self, recorder: object = None) -> None:
        """Begins a comparison, whose calls ``recorder`` (a Trace) records."""
        self._asked, self._recorder = set(), recorder

    def request(
        self,
        method: str,
        path: str,
        query: Optional[Mapping[str, object]] = None,
        body: object = None,
        headers: Optional[Dict[str, str]] = None,
        stream: bool = False,
        timeout: Optional[float] = None,
    ) -> Any:
        """As in EngineClient, but returns the same response to each comparison. Raises NotShared, EngineError."""
        if path == "/_ping":
            return super().request(method, path, query, body, headers, stream, timeout)
        key = f"{path} {sorted((query or {}).items())!r}"
        if method != "GET" or headers or stream or key in (self._asked or ()):
            raise NotShared(f"{method} {path} is not available while many stacks are compared.")
        if self._asked is not None:
            self._asked.add(key)
        found = self._found(path, query or {}, timeout)
        if self._recorder is not None:
            self._recorder.sent(method, path, headers, stream)
            self._recorder.answered(path, query, found)
        return list(found) if isinstance(found, list) else found

    def _found(self, path: str, query: Mapping[str, object], timeout: Optional[float]) -> Any:
        stack = _only_stack(query) if self.many and path in OF_STACKS else ""
        if stack:
            query = {name: item for name, item in query.items() if name != "filters"}
        key = f"{bool(stack)} {path} {sorted(query.items())!r}"
        if key not in self._answers:
            found = super().request("GET", path, query, timeout=timeout)
            self._answers[key] = _by_stack(found or []) if stack else found
        return self._answers[key].get(stack, []) if stack else self._answers[key]


def _by_stack(found: List[Mapping[str, object]]) -> Dict[str, List[Mapping[str, Any]]]:
    """Groups objects by stack; those without a stack have an empty name."""
    stacks: Dict[str, List[Mapping[str, Any]]] = {}
    for one in found:
        stacks.setdefault(str(labels_of(one).get(NAMESPACE) or ""), []).append(one)
    return stacks


def _only_stack(query: Mapping[str, Any]) -> str:
    """Returns the stack that ``query`` filters by; empty if it has other filters or none."""
    filters = query.get("filters") or {}
    labels = filters.get("label") or []
    if list(filters) == ["label"] and len(labels) == 1 and str(labels[0]).startswith(NAMESPACE + "="):
        return str(labels[0])[len(NAMESPACE) + 1 :]
    return ""
