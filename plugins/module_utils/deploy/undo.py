# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Handles a failed change: rolls it back, keeps it for inspection, or stops it; and the message for the user."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Sequence

from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.image_digests import asked_as_well
from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.observe import configs_named
from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import iso
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import DeployError, StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.apply import Apply
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.look import Planned
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.noting import left_behind
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.restore import Former, restore
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.run import Run, lines_of, so_far
from ansible_collections.stackwright.swarm.plugins.module_utils.health.gate import Before
from ansible_collections.stackwright.swarm.plugins.module_utils.health.pulls import cause
from ansible_collections.stackwright.swarm.plugins.module_utils.health.statuses import Judgement
from ansible_collections.stackwright.swarm.plugins.module_utils.history.encoding import unpack
from ansible_collections.stackwright.swarm.plugins.module_utils.history.retention import newest_good
from ansible_collections.stackwright.swarm.plugins.module_utils.history.revision import (
    CANCELLED,
    DEPLOYING,
    FAILED,
    HEALTHY,
    Revision,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import Operation
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import name_of
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.names import revision_name
from ansible_collections.stackwright.swarm.plugins.module_utils.transitions.restore import (
    before_extra_steps,
    interrupted,
    moved,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.volumes.in_plan import owed, restores_for

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import Observed

ROLLBACK, KEEP, STOP = "rollback", "keep", "stop"
Outcome = Dict[str, Any]


def former_of(run: Run, observed: Observed, past: Before) -> Former:
    """Returns the target of a rollback: the state before the first of the runs that died, else the current one."""
    if not run.unfinished:
        was = before_extra_steps(run.stack, observed)
        # A service is only started again if this run has changed it: its volume may not be restored yet.
        return Former(was, {name for name in moved(run.stack, was, observed) if name[0] == "network"}, past)
    first = run.unfinished[0]
    names = [revision_name(run.stack, revision.number) for revision in run.unfinished]
    created = {name_of(record): str(record.get("CreatedAt") or "") for record in configs_named(run.client, names)}
    starts = [created.get(name, "") for name in names]
    good = newest_good(run.history.revisions, first.number)
    known = {service["name"] for service in unpack(good.packed)["services"]} if good is not None else set()
    # From the start of a dead run's rollback to the start of the next run, updated services are restored ones.
    undone = [
        (_noticed(run, revision), end) for revision, end in zip(run.unfinished, [*starts[1:], ""]) if revision.noticed
    ]
    was = interrupted(run.stack, observed, starts[0], known, undone)
    lost = sorted(known - {name_of(service) for service in was["services"]})
    return Former(was, moved(run.stack, was, observed), past, lost=lost)


def _noticed(run: Run, revision: Revision) -> str:
    """Returns when a run began its rollback; by the Engine's clock, unless another run has written its record since."""
    return run.history.written.get(revision.number, "") if revision in run.interrupted else iso(revision.noticed)


def undo(run: Run, planned: Planned, former: Former, applying: Apply, error: BaseException) -> BaseException:
    """Handles the failure ``error`` of a change, and returns the error to raise."""
    noticed = run.clock.wall()
    failure = _failure(run, planned, applying, error)
    how = run.options["on_failure"] or (KEEP if run.options["mode"] == "fast" else ROLLBACK)
    outcome: Outcome = failure.details["outcome"]
    outcome.update(rollback="none", restored=[])
    if failure.error_code == "lock_lost":
        return failure  # another run works on the stack: don't touch it
    if how == KEEP:
        left = so_far(applying.done) if outcome["not_done"] else "The whole plan was carried out."
        left += _started_again(run, former, applying)
        failure.hint = f"{failure.hint} The stack was left as is (on_failure: keep). {left}".strip()
    else:
        volumes = restores_for(applying.completed)
        # The next run needs this if this one dies during the rollback.
        due = owed(volumes) if run.options["restore_snapshot"] else ()
        run.end_if_possible(DEPLOYING, failure.message, noticed=noticed, owed=due)
        former = former._replace(names=former.names | {(op.kind, op.name) for op in applying.attempted})
        if run.options["restore_snapshot"]:
            former = former._replace(volumes=volumes)
        failure = _rolled_back(run, former, failure, how == STOP)
        if volumes and not run.options["restore_snapshot"]:
            failure.message += _not_restored(volumes)
        if former.lost:
            names = ", ".join(former.lost)
            failure.message += f"\nMissing services of the last good revision: {names}. Run stack_rollback."
    services = failure.details.get("services") or ()
    _record(run, error, failure, services, noticed, former)
    return failure if isinstance(error, Exception) else error


def _not_restored(volumes: Sequence[Operation]) -> str:
    kept = ", ".join(f"{op.payload['snapshot']} of {op.name} in {op.payload['dest']}{_on_node(op)}" for op in volumes)
    return f"\nThe volumes were not restored (restore_snapshot: false). Snapshots of before: {kept}."


def _on_node(op: Operation) -> str:
    return f" on {op.payload['place']['name']}" if op.payload["place"] else ""


def _started_again(run: Run, former: Former, applying: Apply) -> str:
    """Starts the services that were stopped for a snapshot and not changed afterwards; returns the error as text."""
    changed = {op.name for op in applying.attempted if op.kind == "service" and not op.extra}
    names = {op.name for op in applying.attempted if op.payload.get("stops")} - changed
    if not names:
        return ""
    try:
        restore(run, former._replace(names=frozenset(("service", name) for name in names)), False)
    except StackwrightError as error:
        return f" Services that were stopped for a snapshot could not be started: {error.message}"
    return ""


def _rolled_back(run: Run, former: Former, failure: DeployError, stop: bool) -> DeployError:
    """Rolls the stack back; returns ``failure`` with the result, or an error with both failures."""
    outcome = failure.details["outcome"]
    try:
        restored = restore(run, former, stop)
    except StackwrightError as second:
        outcome.update(rollback="failed", restored=second.details.get("restored") or [])
        left = second.details.get("failures") or []
        details = {
            **failure.details,
            "cause": {"error_code": failure.error_code, "message": failure.message},
            "rollback_error": {"error_code": second.error_code, "message": second.message, "failures": left},
        }
        return DeployError(
            f"{failure.message}\nRolling the stack back failed as well: {second.message}",
            "rollback_failed",
            "The stack is in a mixed state. Fix the cause in the last lines, then run again with the same files, or "
            "roll back with stack_rollback.",
            details,
        )
    outcome.update(rollback="done", restored=restored.lines)
    # After a dead run, the rollback also restores that run's changes.
    first = f" to the state before revision {run.unfinished[0].number}, which was interrupted" if run.unfinished else ""
    failure.message = " ".join([f"{failure.message}\nRolled back{first}: {restored.summary}.", *restored.down])
    return failure


def _failure(run: Run, planned: Planned, applying: Apply, error: BaseException) -> DeployError:
    """Returns ``error`` as a DeployError with the outcome so far."""
    if isinstance(error, StackwrightError):
        failure = DeployError(error.message, error.error_code, error.hint, dict(error.details))
    else:
        word = "an error in the collection itself" if isinstance(error, Exception) else "it was interrupted"
        failure = DeployError(f"The change of the stack {run.stack} was aborted: {word} ({type(error).__name__}).")
    if "outcome" not in failure.details:
        done = set(applying.done)
        failure.details["outcome"] = {
            "done": list(applying.done),
            "failed": "wait for the stack to run",
            "not_done": [line for line in lines_of(planned.plan.work()) if line not in done],
        }
    failure.details.setdefault("notices", list(planned.plan.notices))
    failure.error_code, failure.hint = cause(failure, asked_as_well(run.client, failure, planned.images, run.header))
    return failure


def _record(
    run: Run,
    error: BaseException,
    failure: DeployError,
    services: Sequence[Mapping[str, object]],
    noticed: float,
    former: Former,
) -> None:
    status = FAILED if isinstance(error, Exception) else CANCELLED
    rollback = failure.details["outcome"]["rollback"]
    own: Sequence[Mapping[str, Any]] = ()
    with suppress(StackwrightError):
        own = left_behind(run, former) if rollback == "done" else ()
    run.end_if_possible(status, failure.message, services, restored=rollback, noticed=noticed, own=own)
    with suppress(StackwrightError):
        run.tidy()


def prune_failed(run: Run, judgements: Sequence[Judgement], error: StackwrightError) -> StackwrightError:
    """Returns the error for a stack that runs as requested, but some of whose old objects could not be removed."""
    services: List[Dict[str, Any]] = [judgement.as_dict() for judgement in judgements]
    outcome = error.details.setdefault("outcome", {"done": [], "failed": "", "not_done": []})
    outcome.update(rollback="none", restored=[])
    error.details["services"] = services
    text = f"The stack {run.stack} runs as requested, but its old objects could not be removed completely"
    error.message = f"{text}: {error.message}"
    error.hint = f"{error.hint} Run again to continue from there.".strip()
    if error.error_code != "lock_lost":
        run.end_if_possible(HEALTHY, error.message, services)
    return error


def recording_failed(run: Run, applying: Apply, error: StackwrightError) -> DeployError:
    """Returns the error for a complete change that could not be recorded: the next run marks its record as failed."""
    outcome = {
        "done": list(applying.done),
        "failed": "record the result",
        "not_done": [],
        "rollback": "none",
        "restored": [],
    }
    return DeployError(
        f"The stack {run.stack} runs as requested, but the result could not be recorded: {error.message}",
        error.error_code,
        error.hint,
        {**error.details, "outcome": outcome},
    )
