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
    """Healing would undo the work of a run that died, or failed without a rollback."""

    default_code = "out_of_sequence"


class Run:
    """A context that holds the lock, and always releases it at its end.

    ``interrupted`` are the revisions of runs that died at their work; they are settled (FAILED) when the context is
    entered. ``unfinished`` are these and those before them, if one run died after the other. ``revision`` is the run's
    own, once there is one. Entering raises DeployError (``locked``) and EngineError.
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
        self.seen: Observed = {}  # the latest look at the stack
        self.began = clock.now()  # once it has the lock

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
                # Its user may want the work of that run: its record is kept for the next one.
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
        # Where the end could not be recorded the lock is left to expire: runs without changes see it for free, and who
        # takes it over settles the record.
        if self.revision is None or self.revision.status != DEPLOYING:
            self._see_what_is_open()
            self.lock.release()

    def with_interrupted(self, result: Mapping[str, object]) -> Dict[str, Any]:
        """The result of this run with the revisions of runs that died, for an audit that has never heard their end."""
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
        """Leaves the lock to those who renew it from now on (lease.py); empty text if that failed."""
        self._leave_line("nothing was left to do")
        self._see_what_is_open()
        try:
            return self.lock.hand_on()
        except StackwrightError:
            return ""

    def _see_what_is_open(self) -> None:
        """Whether the lock's config is to stay, so that a run that finds nothing to change looks at the history too."""
        self.lock.holder[OPEN] = bool(left_open(self.history.revisions))

    # -- the record

    def begin(
        self,
        snapshot: Optional[Snapshot] = None,
        own: Sequence[Note] = (),
        volumes: Sequence[Mapping[str, str]] = (),
        owed: Sequence[Mapping[str, str]] = (),
    ) -> Revision:
        """Records the start; ``own`` are the notes of our own runs that remain, ``volumes`` the snapshots that it is
        about to take, ``owed`` those that it is about to put back. Raises EngineError."""
        message = self.options["commit_message"]
        # A change of one service records nothing.
        made = draft(self.stack, self.lock.holder, message, self.operation, snapshot, int(self.options["back_to"]))
        if self.revision is not None:
            made = replace(self.revision, packed=made.packed, references=made.references, sources=made.sources)
        # Healing leaves all of it.
        made = replace(made, own=noted(self.history.revisions) if self.operation == HEAL else tuple(own))
        self.revision = self.history.begin(replace(made, volumes=tuple(volumes), owed=tuple(owed)))
        return self.revision

    def paid(self, volume: str) -> None:
        """Records that a volume was restored. If that fails, the next run finds the services started, or restores the
        same again."""
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
        """Records the end if another error is reported anyway; if that fails, the next run settles it."""
        with suppress(StackwrightError):
            self.end(status, reason, services, **more)

    def tidy(self) -> None:
        """Removes the records of old revisions. A change without a record does not know their number."""
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
    """The message about an aborted change that is kept."""
    count = len(done)
    text = "Nothing was done" if not count else f"{count} operation{' was' if count == 1 else 's were'} done"
    return f"{text}; running again completes the rest."


def lines_of(operations: Sequence[Operation]) -> List[str]:
    """One line for each operation."""
    return [str(operation) for operation in operations]
