# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The meeting of a play's hosts at one task: which have started it, which wait, and the results for each cluster.

Each host runs in a separate process on the controller. The process keeps a file locked as long as it lives, so no host
waits for a dead process.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from contextlib import contextmanager
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple

HERE, WAITING, DONE = "here", "waiting", "done"
#: The states of a lease (leasing.py): its keeper keeps it, and leaves; another host asks for it, and works under it.
KEEPING, LEAVING, ASKING, WORKING = "keeping", "leaving", "asking", "working"

#: The open files of the seats that stay locked until the process ends, by path.
_STAYING: Dict[str, int] = {}


class Seat(NamedTuple):
    """A host at the meeting. ``facts`` has its last message; it is ``alive`` until its process ends."""

    host: str
    alive: bool
    facts: Dict[str, Any]


class Meeting:
    """The seat of ``host`` at the meeting: a context manager.

    :param folder: a folder that all hosts of the run share and that is removed with the run.
    :param key: the same text for the same task.
    :raises OSError: the folder can't be written.
    """

    def __init__(self, folder: str, key: str, host: str) -> None:
        self.host = host
        self._folder = os.path.join(folder, f"stackwright-meeting-{_digest(key)}")
        self._handle = -1
        self._stays = False
        self._size = 0
        #: How often this host has run the task, and the number of the last publication that it has read.
        self.visit, self.used = 1, 0

    def __enter__(self) -> Meeting:
        os.makedirs(self._folder, mode=0o700, exist_ok=True)
        path = os.path.join(self._folder, f"host-{_digest(self.host)}")
        if path in _STAYING:
            os.close(_STAYING.pop(path))  # a retry of the task runs in the same process
        self._handle = _open(path)
        fcntl.flock(self._handle, fcntl.LOCK_EX)
        before = _read(self._handle)
        self.visit, self.used = int(before.get("visit", 0)) + 1, int(before.get("used", 0))
        self._size = os.fstat(self._handle).st_size
        self.say(HERE)
        return self

    def __exit__(self, *error: object) -> None:
        self.leave()

    def leave(self) -> None:
        """Releases the seat, unless it stays. Its last message remains readable."""
        if self._handle >= 0 and not self._stays:
            os.close(self._handle)
        self._handle = -1

    def stay(self) -> None:
        """Keeps this host alive for the others until its process ends: then Ansible has its result."""
        self._stays = True
        _STAYING[os.path.join(self._folder, f"host-{_digest(self.host)}")] = self._handle

    def say(self, state: str, **facts: object) -> None:
        """Publishes the state of this host to the others."""
        said = {"host": self.host, "state": state, "visit": self.visit, "used": self.used, **facts}
        # One write, and never shorter than the last one: other hosts read at the same time.
        content = json.dumps(said).encode().ljust(self._size)
        self._size = len(content)
        os.pwrite(self._handle, content, 0)

    def seats(self) -> List[Seat]:
        """Returns all hosts at the meeting, including this one."""
        found = []
        for name in sorted(os.listdir(self._folder)):
            if not name.startswith("host-"):
                continue
            # A separate open file for the check: a lock belongs to the open file.
            handle = _open(os.path.join(self._folder, name))
            try:
                alive = not _free(handle)
                facts = _read(handle)
            finally:
                os.close(handle)
            found.append(Seat(str(facts.get("host") or ""), alive, facts))
        return found

    def of_clusters(self) -> Dict[str, str]:
        """Returns the clusters of the hosts that have published theirs, by host."""
        return {seat.host: str(seat.facts["cluster"]) for seat in self.seats() if seat.facts.get("cluster")}

    def publish(self, cluster: str, facts: Mapping[str, object]) -> None:
        """Publishes the result for a cluster atomically. A retry publishes it again with the next ``number``."""
        before = [known["number"] for known in self.clusters() if known["cluster_id"] == cluster]
        self._put("cluster", cluster, {**facts, "cluster_id": cluster, "number": max(before, default=0) + 1})

    def lend(self, cluster: str, lease: Mapping[str, object]) -> None:
        """Publishes the lease for the hosts of a cluster (leasing.py)."""
        self._put("lease", cluster, lease)

    def lent(self, cluster: str) -> Dict[str, Any]:
        """Returns the last published lease for the hosts of a cluster; empty if there is none."""
        path = self._path("lease", cluster)
        if not os.path.exists(path):
            return {}
        with open(path, encoding="utf-8") as handle:
            found: Dict[str, Any] = json.load(handle)
        return found

    def _path(self, what: str, cluster: str) -> str:
        return os.path.join(self._folder, f"{what}-{_digest(cluster)}")

    def _put(self, what: str, cluster: str, facts: Mapping[str, object]) -> None:
        path = self._path(what, cluster)
        new = f"{path}.{_digest(self.host)}.new"
        with open(new, "w", encoding="utf-8") as handle:
            json.dump(facts, handle)
        os.rename(new, path)

    def clusters(self) -> List[Dict[str, Any]]:
        """Returns the published results, one for each cluster."""
        found = []
        for name in sorted(os.listdir(self._folder)):
            if name.startswith("cluster-") and not name.endswith(".new"):
                with open(os.path.join(self._folder, name), encoding="utf-8") as handle:
                    found.append(json.load(handle))
        return found

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Lets only one host at a time run the block."""
        handle = _open(os.path.join(self._folder, "door"))
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _open(path: str) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _free(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(handle: int) -> Dict[str, Any]:
    """Returns the last message of a host; empty while the host writes it."""
    try:
        found = json.loads(os.pread(handle, os.fstat(handle).st_size, 0) or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
