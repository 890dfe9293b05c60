# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Engine calls of a run, with a digest of each response.

If a later run with the same inputs would get the same responses, its result is the same too, so it can be reused
(docs/decisions/0038-a-run-without-changes-is-remembered.md).
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Dict, List, Mapping, Optional, Sequence

#: Fields of /info that change all the time, and that no plan depends on.
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
#: A run with more calls is not remembered: it waits for something.
MOST = 12


class Trace:
    """The calls of one EngineClient in order, each with ``path``, ``query`` and the ``digest`` of its response."""

    def __init__(self) -> None:
        self.calls: List[Dict[str, Any]] = []
        self._open = 0
        self._only_reads = True

    @property
    def is_repeatable(self) -> bool:
        """Whether the calls can be repeated: at most ``MOST``, only reads, and all answered."""
        return self._only_reads and not self._open and 0 < len(self.calls) <= MOST

    def sent(self, method: str, path: str, headers: Optional[Mapping[str, str]], stream: bool) -> None:
        """Records that a request was sent."""
        if path == "/_ping":
            return
        self._open += 1
        # A registry's response is not the Swarm's, and credentials must not be recorded.
        is_read = method == "GET" and not headers and not stream and not path.startswith("/distribution/")
        self._only_reads = self._only_reads and is_read

    def answered(self, path: str, query: Optional[Mapping[str, object]], found: object) -> None:
        """Records the response ``found``."""
        self._open -= 1
        self.calls.append({"path": path, "query": dict(query or {}), "digest": digest(path, found)})


def digest(path: str, found: object) -> str:
    """Returns the SHA-256 digest (64 hexadecimal digits) of a response, independent of the order of its objects."""
    if path == "/info" and isinstance(found, dict):
        found = {name: item for name, item in found.items() if name not in VOLATILE}
        swarm: Dict[str, Any] = dict(found.get("Swarm") or {})
        swarm.pop("RemoteManagers", None)  # their order changes
        found["Swarm"] = swarm
    items = found if isinstance(found, list) else [found]
    lines = sorted(json.dumps(item, sort_keys=True, separators=(",", ":")) for item in items)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def are_unchanged(client: Any, calls: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the Engine still returns the same responses to ``calls``. Raises EngineError."""
    return all(digest(call["path"], client.get(call["path"], call["query"])) == call["digest"] for call in calls)
