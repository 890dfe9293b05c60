# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Engine calls of a run, with a digest of each answer.

A run that would get the same answers to the same request ends with the same result, so that result can be given again
(docs/decisions/0038-a-run-without-changes-is-remembered.md).
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Dict, List, Mapping, Optional, Sequence

#: Fields of /info that change by themselves, and that no plan depends on.
VOLATILE = (
    "Containers",
    "ContainersPaused",
    "ContainersRunning",
    "ContainersStopped",
    "DriverStatus",
    "Images",
    "NEventsListener",
    "NFd",
    "NGoroutines",
    "SystemTime",
    "Warnings",
)
#: The most calls of a run that is remembered: one that asks more waits for something.
MOST = 12


class Trace:
    """The calls of one EngineClient, in their order, each with ``path``, ``query`` and the answer's ``digest``."""

    def __init__(self) -> None:
        self.calls: List[Dict[str, Any]] = []
        self._open = 0
        self._whole = True

    @property
    def whole(self) -> bool:
        """Whether all that was asked can be asked again: only reads, which were all answered, and not many."""
        return self._whole and not self._open and 0 < len(self.calls) <= MOST

    def begins(self, method: str, path: str, headers: Optional[Mapping[str, str]], stream: bool) -> None:
        """A call is sent."""
        if path == "/_ping":
            return
        self._open += 1
        # A registry's answer is not the Swarm's, and credentials are not kept.
        self._whole = (
            self._whole and method == "GET" and not headers and not stream and not path.startswith("/distribution/")
        )

    def ends(self, path: str, query: Optional[Mapping[str, object]], found: object) -> None:
        """Its answer is there."""
        self._open -= 1
        self.calls.append({"path": path, "query": dict(query or {}), "digest": digest(path, found)})


def digest(path: str, found: object) -> str:
    """What an answer says, whatever the order of its objects. Unit: 64 hexadecimal digits."""
    if path == "/info" and isinstance(found, dict):
        found = {name: item for name, item in found.items() if name not in VOLATILE}
        swarm: Dict[str, Any] = dict(found.get("Swarm") or {})
        swarm.pop("RemoteManagers", None)  # in any order
        found["Swarm"] = swarm
    items = found if isinstance(found, list) else [found]
    lines = sorted(json.dumps(item, sort_keys=True, separators=(",", ":")) for item in items)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def would_repeat(client: Any, calls: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the Engine answers all of these calls as it did. Raises EngineError."""
    return all(digest(call["path"], client.get(call["path"], call["query"])) == call["digest"] for call in calls)
