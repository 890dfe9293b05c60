# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run that changes a stack: it holds the stack's lock, and has a record in its history."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Optional, Sequence

from ansible_collections.stackwright.swarm.plugins.module_utils.binding.recall import draft
from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.logins import registry_header
from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import Clock, iso
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import DeployError, StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.core.retry import patiently
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.history.retention import left_open, noted, unfinished
from ansible_collections.stackwright.swarm.plugins.module_utils.history.revision import (
    CANCELLED,
    DEPLOYING,
    HEAL,
    QUEUED,
    Revision,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.locking.holder import describe
from ansible_collections.stackwright.swarm.plugins.module_utils.locking.in_line import wait_in_line
from ansible_collections.stackwright.swarm.plugins.module_utils.locking.lock import CALL, OPEN, Lock
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import Operation
from ansible_collections.stackwright.swarm.plugins.module_utils.pulling.before import remove_left
from ansible_collections.stackwright.swarm.plugins.module_utils.request.options import detach
from ansible_collections.stackwright.swarm.plugins.module_utils.revisions.history import History, refuse_history

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.request.option_types import Options
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import Note, Observed, Snapshot


class LeftOpen(DeployError):
    """Healing would undo the work of a run that died or that failed without a rollback."""

    default_code = "out_of_sequence"


class Run:
    """A context that holds the stack's lock.

    ``interrupted`` are the revisions of runs that died during a change; entering the context marks them as FAILED.
    ``unfinished`` also has earlier ones, if one run died after the other. ``revision`` is the run's own record, if
    there is one. Entering raises DeployError (``locked``) and EngineError.
    """

    def __init__(self, client: EngineClient, clock: Clock, stack: str, operation: str, options: Options) -> None:
        self.client, self.clock, self.stack, self.operation, self.options = client, clock, stack, operation, options
        self.progress: Callable[[str], None] = options["progress"] or (lambda line: None)
        self.header = registry_header(options)
        holder = options["this_run"](operation, options["commit_message"], clock.wall(), options["who"])
        self.lock = Lock(client, clock, stack, holder, is_gone=options["is_gone"], identity=options["identity"])
        self.history = History(client, clock, stack, options["identity"])
        self.revision: Optional[Revision] = None
        self.interrupted: List[Revision] = []
        self.unfinished: List[Revision] = []
        self.seen: Observed = {}  # the latest state of the stack
        self.began = clock.now()  # when it got the lock

    def __enter__(self) -> Run:
        detach(self.options)
        try:
            died = self.lock.acquire(self.options["lock_timeout"], self._wait_in_line)
            if died:
                remove_left(self.client, self.clock, self.stack, self.progress, self.keep)
            # A hanging engine must be detected while the lock can still be renewed.
            self.client.read_timeout, self.client.heartbeat = CALL, self.keep
            if self.options["runs_at_once"]:
                wait_in_line(self.lock, self.options["runs_at_once"], self.options["lock_timeout"], self._wait_in_line)
            patiently(self.clock, self.history.read, self.keep)
            refuse_history(self.options["identity"], self.stack, self.history.revisions)
            if self.operation == HEAL and left_open(self.history.revisions):
                # The user may want to keep that run's changes: its record stays open for the next run.
                self._leave_line("an earlier revision is still open, and healing does not skip it")
                self.lock.leave(died)
                raise LeftOpen("A revision is still open.")
            self.interrupted = self.history.settle(str(self.lock.holder["run"]), describe(died) if died else "")
            self.unfinished = unfinished(self.history.revisions)
        except LeftOpen:
            raise
        except BaseException as error:
            self._leave_line(str(error) if isinstance(error, StackwrightError) else "interrupted while it waited")
            self.lock.release()
            raise
        self.began = self.clock.now()
        for revision in self.interrupted:
            self.progress(f"revision {revision.number} was interrupted, and is now marked as failed")
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.client.read_timeout, self.client.heartbeat = None, lambda: None
        if isinstance(error, StackwrightError):
            error.details.update(self.with_interrupted({}))
        if self.lock.held:
            self._leave_line(str(error) if isinstance(error, StackwrightError) else "nothing was left to do")
        # If the end could not be recorded, the lock is left to expire: runs without changes see it at no cost, and the
        # run that takes it over marks the record as failed.
        if self.revision is None or self.revision.status != DEPLOYING:
            self._mark_open()
            self.lock.release()

    def with_interrupted(self, result: Mapping[str, object]) -> Dict[str, Any]:
        """Returns ``result`` with the revisions of runs that died: the audit has no result of them."""
        died = [
            {
                "revision": revision.number,
                "operation": revision.operation,
                "who": revision.who,
                "started": iso(revision.started),
            }
            for revision in self.interrupted
        ]
        return {**result, **({"interrupted": died} if died else {})}

    def keep(self) -> None:
        """Renews the lock when it is due. Raises DeployError (``lock_lost``)."""
        self.lock.keep()

    def hand_on(self) -> str:
        """Leaves the lock to other nodes, which renew it (lease.py); returns its run, or empty text if that failed."""
        self._leave_line("nothing was left to do")
        self._mark_open()
        try:
            return self.lock.hand_on()
        except StackwrightError:
            return ""

    def _mark_open(self) -> None:
        """Marks the lock if a revision is open. Then its config stays, and runs without changes read the history."""
        self.lock.holder[OPEN] = bool(left_open(self.history.revisions))

    # -- the record

    def begin(
        self,
        snapshot: Optional[Snapshot] = None,
        own: Sequence[Note] = (),
        volumes: Sequence[Mapping[str, str]] = (),
        owed: Sequence[Mapping[str, str]] = (),
    ) -> Revision:
        """Records the start. ``own`` are the remaining notes of our own runs, ``volumes`` the snapshots that the run
        will take, ``owed`` those that it will restore. Raises EngineError."""
        message = self.options["commit_message"]
        made = draft(self.stack, self.lock.holder, message, self.operation, snapshot, int(self.options["back_to"]))
        if self.revision is not None:
            made = replace(self.revision, packed=made.packed, references=made.references, sources=made.sources)
        # Healing keeps all notes.
        made = replace(made, own=noted(self.history.revisions) if self.operation == HEAL else tuple(own))
        self.revision = self.history.begin(replace(made, volumes=tuple(volumes), owed=tuple(owed)))
        return self.revision

    def paid(self, volume: str) -> None:
        """Records that a volume was restored. If that fails, the next run sees that its services run, or restores it
        again."""
        with suppress(StackwrightError):
            self.history.pay(volume)
        number = self.revision.number if self.revision is not None else 0
        self.revision = next((one for one in self.history.revisions if one.number == number), self.revision)

    def end(self, status: str, reason: str = "", services: Sequence[Mapping[str, object]] = (), **more: Any) -> None:
        """Records the end. Raises EngineError."""
        if self.revision is not None:
            hide = self.options["scrub"]
            self.revision = self.history.mark(self.revision, status, hide(reason), hide(list(services)), **more)

    def end_if_possible(
        self, status: str, reason: str, services: Sequence[Mapping[str, object]] = (), **more: object
    ) -> None:
        """Records the end, for a run that already reports an error; if that fails, the next run marks the record."""
        with suppress(StackwrightError):
            self.end(status, reason, services, **more)

    def tidy(self) -> None:
        """Removes the records of old revisions. A run without a record has not read their number."""
        if self.revision is None:
            return
        self.history.collect(self.history.revisions, self.options["keep_revisions"])

    def _wait_in_line(self, line: str) -> None:
        self.progress(line)
        if self.revision is None:
            made = draft(self.stack, self.lock.holder, self.options["commit_message"], self.operation)
            with suppress(StackwrightError):  # a failed record of a wait must not end it
                self.revision = self.history.queue(made, self.options["lock_timeout"])

    def _leave_line(self, reason: str) -> None:
        if self.revision is not None and self.revision.status == QUEUED:
            self.end_if_possible(CANCELLED, reason)


def so_far(done: Sequence[object]) -> str:
    """Returns a hint about an aborted change that was not rolled back."""
    count = len(done)
    text = "Nothing was done" if not count else f"{count} operation{' was' if count == 1 else 's were'} done"
    return f"{text}; running again completes the rest."


def lines_of(operations: Sequence[Operation]) -> List[str]:
    """Returns a line for each operation."""
    return [str(operation) for operation in operations]
