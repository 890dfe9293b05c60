# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One deployment per cluster, regardless of the number of managers in a play.

The hosts of a play run at the same time, each in a separate process on the controller. They meet in a file for each
cluster: the first to lock it leads and writes the outcome; the others wait for the lock and read it. The lock ends
with the process, so a leader that dies leaves no outcome and the next host leads.

A task may run for the same cluster more than once: a loop, ``retries``, a handler. So the file has one outcome for each
run, and each host reads them in order.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, Dict, Iterator, List, Mapping, Optional

#: Error codes after which another manager can take over: the leader could not act, or was cut off. No code ("") means
#: that the module ended without a result of ours, for example because there is no Python.
TAKE_OVER = frozenset(
    {
        "",
        "daemon_unreachable",
        "permission_denied",
        "not_a_manager",
        "not_in_swarm",
        "swarm_locked",
        "no_quorum",
        "host_unreachable",
        "worker_died",
    }
)


@dataclass(frozen=True)
class Outcome:
    """The data of a leader for the others; it contains no secrets."""

    host: str
    digest: str
    failed: bool = False
    error_code: str = ""
    plan_id: str = ""

    @property
    def settled(self) -> bool:
        """True if another manager would get the same result."""
        return not (self.failed and self.error_code in TAKE_OVER)


class Turn:
    """A host's turn at a cluster: ``outcome`` is the leader's, or None if this host leads."""

    def __init__(self, outcome: Optional[Outcome]) -> None:
        self.outcome = outcome
        self.result: Optional[Outcome] = None

    def settle(self, outcome: Outcome) -> None:
        """Publishes the result; the leader calls this once, before its turn ends."""
        self.result = outcome


@dataclass
class _Past:
    """The outcomes so far, and how many of them each host knows."""

    outcomes: List[Dict[str, Any]] = field(default_factory=list)
    known: Dict[str, int] = field(default_factory=dict)

    def next_for(self, host: str) -> Optional[Outcome]:
        """Returns the first outcome that is new to a host, except failures that were retried since."""
        while self.known.get(host, 0) < len(self.outcomes):
            self.known[host] = self.known.get(host, 0) + 1
            found = Outcome(**self.outcomes[self.known[host] - 1])
            if not found.failed or self.known[host] == len(self.outcomes):
                return found
        return None

    def add(self, outcome: Outcome) -> None:
        if outcome.settled:
            self.outcomes.append(asdict(outcome))
            self.known[outcome.host] = len(self.outcomes)


@contextmanager
def turn(folder: str, key: str, host: str) -> Iterator[Turn]:
    """Waits for this host's turn at the cluster that ``key`` names, in the run that ``folder`` belongs to.

    A turn that ends with an exception publishes nothing, so the next host leads.

    :param folder: a folder that all hosts of the run share and that is removed with the run.
    :param key: the same text for the same task, item of its loop, stack and cluster.
    :raises OSError: the folder can't be written.
    """
    name = "stackwright-" + hashlib.sha256(key.encode()).hexdigest()[:32]
    handle = os.open(os.path.join(folder, name), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        past = _read(handle)
        mine = Turn(past.next_for(host))
        if mine.outcome is not None:
            _write(handle, past)
        yield mine
        if mine.result:
            past.add(mine.result)
            _write(handle, past)
    finally:
        os.close(handle)


def task_key(task: Any, variables: Mapping[str, object]) -> str:
    """Returns a key for a task and the item of its loop: the same on all hosts, another one for each item."""
    names = [str(variables.get(name) or "") for name in ("ansible_loop_var", "ansible_index_var")]
    item = [variables[name] for name in names if name in variables]
    text = json.dumps(item, sort_keys=True, default=str)
    return f"{task._uuid}/{hashlib.sha256(text.encode()).hexdigest()}"


def _read(handle: int) -> _Past:
    content = os.pread(handle, os.fstat(handle).st_size, 0)
    try:
        return _Past(**json.loads(content)) if content else _Past()
    except (ValueError, TypeError):
        return _Past()  # a leader was killed while it wrote


def _write(handle: int, past: _Past) -> None:
    content = json.dumps(asdict(past)).encode()
    os.pwrite(handle, content, 0)
    os.ftruncate(handle, len(content))
