# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One set of the Engine's answers for comparing many stacks: each list is read once, for all of them."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Set

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.connection import Connection
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import NAMESPACE, labels_of

#: What a Swarm has few of beside those of stacks: the list of all is read, and each look gets those of its stack.
OF_STACKS = ("/services", "/configs")


class NotShared(StackwrightError):
    """A look wants more than an answer that was read once: it waits, writes, or asks a registry."""

    default_code = "not_shared"


def _not_here(question: object, keep: object) -> Dict[str, Any]:
    del question, keep
    raise NotShared("Data of other nodes is not available while many stacks are compared.")


class SharedReads(EngineClient):
    """A client that only reads, each answer once.

    With ``many``, the objects of one stack are taken from the list of all. A look that asks the same again waits for
    something to change, which these answers do not: NotShared.
    """

    def __init__(self, connection: Connection, transport: object = None) -> None:
        super().__init__(connection, transport)
        self.many = False
        self.on_node = _not_here
        self._answers: Dict[str, Any] = {}
        self._asked: Optional[Set[str]] = None
        self._noted: Any = None

    def look(self, trace: object = None) -> None:
        """A new look begins, which notes its calls in ``trace``."""
        self._asked, self._noted = set(), trace

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
        """As in EngineClient; an answer that is there already is given again. Raises NotShared, EngineError."""
        if path == "/_ping":
            return super().request(method, path, query, body, headers, stream, timeout)
        key = f"{path} {sorted((query or {}).items())!r}"
        if method != "GET" or headers or stream or key in (self._asked or ()):
            raise NotShared(f"{method} {path} is not available while many stacks are compared.")
        if self._asked is not None:
            self._asked.add(key)
        found = self._found(path, query or {}, timeout)
        if self._noted is not None:
            self._noted.begins(method, path, headers, stream)
            self._noted.ends(path, query, found)
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
    """The objects of each stack; those of none under an empty name."""
    stacks: Dict[str, List[Mapping[str, Any]]] = {}
    for one in found:
        stacks.setdefault(str(labels_of(one).get(NAMESPACE) or ""), []).append(one)
    return stacks


def _only_stack(query: Mapping[str, Any]) -> str:
    """The stack whose objects alone are asked for; empty if a query has other filters."""
    filters = query.get("filters") or {}
    labels = filters.get("label") or []
    if list(filters) == ["label"] and len(labels) == 1 and str(labels[0]).startswith(NAMESPACE + "="):
        return str(labels[0])[len(NAMESPACE) + 1 :]
    return ""
