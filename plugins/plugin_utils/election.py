# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One deployment a cluster, however many managers a play names.

The hosts of a play run at the same time, each in a process of its own on the controller. They meet in a file for each
cluster: the first to lock it leads and writes the outcome; the others wait for the lock and read it. The lock goes
with the process, so a leader that dies leaves an empty file and the next host leads.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Iterator, Optional

#: After these the leader could not act at all, or was cut off: another manager can take over.
TAKE_OVER = frozenset(
    {
        "daemon_unreachable",
        "permission_denied",
        "not_a_manager",
        "not_in_swarm",
        "no_quorum",
        "host_unreachable",
        "worker_died",
    }
)


@dataclass(frozen=True)
class Outcome:
    """What a leader left for the others; it holds no secret."""

    host: str
    digest: str
    failed: bool = False
    error_code: str = ""
    plan_id: str = ""

    @property
    def settled(self) -> bool:
        """True where another manager would come to the same end."""
        return not (self.failed and self.error_code in TAKE_OVER)


class Turn:
    """A host's turn at a cluster: ``outcome`` is the leader's, or None where this host leads."""

    def __init__(self, outcome: Optional[Outcome]) -> None:
        self.outcome = outcome
        self.result: Optional[Outcome] = None

    @property
    def leads(self) -> bool:
        """True where the work is this host's."""
        return self.outcome is None

    def settle(self, outcome: Outcome) -> None:
        """Says what came of it; the leader calls this once, before its turn ends."""
        self.result = outcome


@contextmanager
def turn(folder: str, key: str, host: str) -> Iterator[Turn]:
    """Waits for this host's turn at the cluster that ``key`` names, in the run that ``folder`` belongs to.

    :param folder: a folder that all hosts of the run share and that is removed with the run.
    :param key: the same text for the same task, stack and cluster.
    :raises OSError: the folder can't be written.
    """
    name = "stackwright-" + hashlib.sha256(key.encode()).hexdigest()[:32]
    handle = os.open(os.path.join(folder, name), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        found = _read(handle)
        # A host that meets its own outcome is in a retry: it tries again.
        mine = Turn(found if found and found.settled and found.host != host else None)
        yield mine
        if mine.result:
            _write(handle, mine.result)
    finally:
        os.close(handle)


def _read(handle: int) -> Optional[Outcome]:
    content = os.pread(handle, 1 << 16, 0)
    return Outcome(**json.loads(content)) if content else None


def _write(handle: int, outcome: Outcome) -> None:
    os.ftruncate(handle, 0)
    os.pwrite(handle, json.dumps(asdict(outcome)).encode(), 0)
