# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change of a stack as one transaction.

    lock ─ look again ─ pull ─ record ─ change, wave by wave, each gated ─ gate ─ prune ─ record ─ unlock
                                              └── failed: what happened? ─ restore, gated ─ record ─ unlock ─ raise

Until the gate has passed, a failure rolls the whole change back (undo.py). Only then are objects removed that are no
longer in the files. A failed removal is not rolled back: the next run completes it.
"""

from __future__ import annotations

import time
from itertools import groupby
from typing import TYPE_CHECKING, AbstractSet, Any, Dict, Iterator, List, Set

from ansible_collections.stackwright.swarm.plugins.module_utils.binding.recall import snapshot_of, with_others
from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.observe import nodes_of, services_of, tasks_of
from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import Clock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError, StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.core.retry import patiently
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.apply import PATIENCE, Apply
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.closer import whole_plan, with_registry_answers
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.look import Planned, Wanted, look
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.outcome import finish
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.recompare import recomparer
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.restore import Former
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.run import Run
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.unchanged import unchanged
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.undo import (
    former_of,
    prune_failed,
    recording_failed,
    undo,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.gate.failed_jobs import not_waited_for
from ansible_collections.stackwright.swarm.plugins.module_utils.gate.wait import before, limits_of, wait
from ansible_collections.stackwright.swarm.plugins.module_utils.gate.wait import look as look_at_tasks
from ansible_collections.stackwright.swarm.plugins.module_utils.health.declared import longest_grace
from ansible_collections.stackwright.swarm.plugins.module_utils.health.gate import Before
from ansible_collections.stackwright.swarm.plugins.module_utils.health.statuses import (
    GOOD,
    Judgement,
    at_a_glance,
    mode_of,
    warnings_of,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.history.retention import left_open, noted
from ansible_collections.stackwright.swarm.plugins.module_utils.history.revision import (
    DEPLOY,
    HEALTHY,
    ROLLBACK,
    UNHEALTHY,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import CHANGE, PRUNE, Operation, Plan
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.plan_id import check_approved
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.steps import to_run
from ansible_collections.stackwright.swarm.plugins.module_utils.pulling.before import Around, pull_before
from ansible_collections.stackwright.swarm.plugins.module_utils.request.options import BEFORE, detach
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import id_of, name_of
from ansible_collections.stackwright.swarm.plugins.module_utils.volumes.in_plan import owed, taken_by, with_ids

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.request.option_types import Options
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import Note, Snapshot

Result = Dict[str, Any]
NOT_WAITED = "the run did not wait for the services"


def change(client: EngineClient, clock: Clock, wanted: Wanted, seen: Planned, options: Options) -> Result:
    """Carries out the plan; ``seen`` is the comparison without the lock. Returns and raises as ``deploy_stack``."""
    stack = wanted.stack
    operation = options["operation"] or (ROLLBACK if options["back_to"] else DEPLOY)
    if seen.plan.changed:
        detach(options)
        seen = with_registry_answers(client, stack, seen, options)
    with Run(client, clock, stack, operation, options) as run:
        wanted.check(run.history.revisions)
        # A retry reads the values that the first attempt stored.
        planned = patiently(clock, lambda: _look_again(run, wanted, seen), run.keep)
        check_approved(stack, planned.id, planned.plan.changed, options)
        if planned.plan.changed or run.unfinished:
            return run.with_interrupted(_transaction(run, planned, wanted))
        if left_open(run.history.revisions):
            return run.with_interrupted(_close_revision(run, planned, wanted))
    return unchanged(client, clock, stack, planned, options)


def _look_again(run: Run, wanted: Wanted, seen: Planned) -> Planned:
    """Plans under the lock, and stores the values that the plan needs. Raises as ``whole_plan`` or ValueStoreError."""
    client, options, values = run.client, run.options, wanted.values
    if not seen.plan.changed:
        seen = look(client, wanted, options)
    while seen.plan.changed:
        planned = whole_plan(client, wanted, options, seen, lambda: run.history.revisions)
        if values is None or not planned.plan.changed or values.store():
            return planned
    return seen


def _transaction(run: Run, planned: Planned, wanted: Wanted) -> Result:
    _pull(run, planned)
    former = _former(run, planned)
    started = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(run.clock.wall()))
    left = taken_by(run.client, planned.observed, run.unfinished)
    plan, shots = with_ids(str(run.lock.holder["run"]), started, planned.plan, left)
    planned = planned._replace(plan=plan)
    number = run.begin(_snapshot(run, planned, wanted), _noted(run, planned), shots, owed(plan.operations)).number
    applying = _applying(run, planned, former, left)
    try:
        judgements = _forward(run, planned, applying, former.past)
    except BaseException as error:
        raise undo(run, planned, former, applying, error) from error
    try:
        applying.run(planned.plan.work(PRUNE))
    except StackwrightError as error:
        raise prune_failed(run, judgements, error) from error
    status, reason = _status(run.options, judgements)
    try:
        run.end(status, reason, [judgement.as_dict() for judgement in judgements])
        run.tidy()
    except EngineError as error:
        raise recording_failed(run, applying, error) from error
    result = finish(
        run.client,
        run.stack,
        planned.observed,
        planned.plan,
        run.options,
        judgements,
        planned.id,
        number,
        planned.drift,
    )
    return {**result, "snapshots": [dict(shot) for shot in shots]} if shots else result


def _pull(run: Run, planned: Planned) -> None:
    """Pulls the images first (``rollout.pull: before``). A failure leaves no trace: nothing is changed or recorded."""
    if run.options["pull"] != BEFORE:
        return
    around = Around(run.client, run.clock, run.stack, run.header, run.progress, run.keep)
    pull_before(around, planned.plan.work(CHANGE), int(run.options["pulls_at_once"]), float(run.options["timeout"]))
    run.began = run.clock.now()  # the deadline counts from the first change


def _former(run: Run, planned: Planned) -> Former:
    past = _before(run, planned)
    # A run that only completes another one waits for all services, also for those that did not run before.
    return former_of(run, planned.observed, past if planned.plan.changed else past.forgiving_none())


def _close_revision(run: Run, planned: Planned, wanted: Wanted) -> Result:
    """Records the current state as a new revision, once it is healthy. The run that deployed it had failed and was not
    rolled back, so its revision is still open."""
    result = unchanged(run.client, run.clock, run.stack, planned, run.options, run.keep)
    number = run.begin(_snapshot(run, planned, wanted), _noted(run, planned)).number
    good = result["status"] in GOOD or not result["services"]
    run.end(HEALTHY if good else UNHEALTHY, "" if good else NOT_WAITED, result["services"])
    run.tidy()
    return {**result, "revision": number}


def _snapshot(run: Run, planned: Planned, wanted: Wanted) -> Snapshot:
    if wanted.record is not None:
        return {**wanted.record(planned)}
    snapshot = snapshot_of(run.client, planned.bound, planned.observed, planned.plan)
    if planned.bound.get("part"):
        snapshot = with_others(snapshot, run.stack, run.history.revisions)
    sources = wanted.state.get("sources")
    return {**snapshot, "sources": sources} if sources else snapshot


def _noted(run: Run, planned: Planned) -> List[Note]:
    """Returns the notes of our own runs about services that a partial deployment does not change."""
    if not planned.bound.get("part"):
        return []
    names = {service["name"] for service in planned.bound["services"]}
    return [note for note in noted(run.history.revisions) if note["name"] not in names]


def _before(run: Run, planned: Planned) -> Before:
    services = planned.observed["services"]
    if not services:
        return Before()
    tasks = patiently(run.clock, lambda: tasks_of(run.client, run.stack), run.keep)
    return before(services, tasks, patiently(run.clock, lambda: nodes_of(run.client, planned.observed), run.keep))


def _applying(run: Run, planned: Planned, former: Former, left: List[Operation]) -> Apply:
    """Returns what carries out the plan. Changes of runs that died count as its own: they are gated and rolled back."""
    applying = Apply(
        run.client,
        run.clock,
        planned.observed,
        recomparer(planned.bound, planned.observed, run.options, planned.images, _forced(planned.plan)),
        run.header,
        run.progress,
        patience=PATIENCE + longest_grace(planned.observed["services"]),
        keep=run.keep,
        paid=run.paid,
    )
    applying.completed += left
    for live in planned.observed["services"] if run.unfinished else ():
        if ("service", name_of(live)) in former.names:
            payload = {"id": id_of(live), "spec": live["Spec"]}
            applying.touched[id_of(live)] = Operation("update", "service", name_of(live), payload=payload)
    return applying


def _forced(plan: Plan) -> Set[str]:
    return {op.name for op in plan.operations if op.payload.get("forced")}


def _forward(run: Run, planned: Planned, applying: Apply, past: Before) -> List[Judgement]:
    """Changes wave by wave, and waits for the services of each wave before the next; at the end for the whole stack."""
    options, plan = run.options, planned.plan
    services = planned.bound["services"]
    steps = to_run(plan.operations, services)
    groups = [list(group) for _wave, group in groupby(plan.work(CHANGE), key=lambda op: op.wave)]
    waves = [batch for group in groups for batch in _batches(group, int(options["parallel"] or 0))]
    for number, wave in enumerate(waves):
        later = [op for other in waves[number + 1 :] for op in other] + plan.work(PRUNE)
        applying.run(wave, later)
        names = {op.name for op in wave if op.kind == "service" and _is_awaited(op, past)}
        waits = options["wait"] and options["mode"] != "fast" and number + 1 < len(waves)
        names = names if waits else names & steps
        if names:
            _wait(run, applying, past, names, stable=False)
    stays = {service["name"] for service in services if not service.get("step_of") or service["name"] in steps}
    if not options["prune"] and not planned.bound.get("part"):
        stays |= {service["Spec"]["Name"] for service in planned.observed["services"]}
    stays -= not_waited_for(planned.bound, planned.observed["services"])
    if options["wait"]:
        return _wait(run, applying, past, stays)
    return patiently(run.clock, lambda: _glance(run, planned, stays), run.keep)


def _batches(wave: List[Operation], most: int) -> Iterator[List[Operation]]:
    """Splits a wave into batches of at most ``most`` services; 0 means no limit."""
    batch: List[Operation] = []
    for operation in wave:
        if most and operation.kind == "service" and sum(op.kind == "service" for op in batch) == most:
            yield batch
            batch = []
        batch.append(operation)
    yield batch


def _is_awaited(operation: Operation, past: Before) -> bool:
    """Whether to wait for an operation. Of extra steps, only for those whose tasks must free a port on their nodes."""
    if not operation.extra:
        return True
    return bool(operation.payload.get("awaited")) and operation.payload["id"] not in past.broken


def _wait(run: Run, applying: Apply, past: Before, names: AbstractSet[str], stable: bool = True) -> List[Judgement]:
    limits = limits_of(run.options)
    if not stable:
        limits = limits._replace(stable_for=0.0)
    replaced = {
        key: bool(op.payload.get("ports_only")) and (applying.since.get(key) or True)
        for key, op in applying.touched.items()
        if _affects_tasks(op)
    }
    return wait(run.client, run.clock, run.stack, limits, past, replaced, run.progress, names, run.keep, run.began)


def _affects_tasks(operation: Operation) -> bool:
    """Whether an operation can cause tasks that don't run. A change of service labels does not replace tasks."""
    is_job = mode_of(operation.payload["spec"]).endswith("job")
    paths = [change.path for change in operation.changes]
    return is_job or not paths or not all(path.startswith("Labels") for path in paths)


def _glance(run: Run, planned: Planned, names: AbstractSet[str]) -> List[Judgement]:
    services = [service for service in services_of(run.client, run.stack) if service["Spec"]["Name"] in names]
    nodes = nodes_of(run.client, planned.observed)
    glances = [at_a_glance(service, nodes) for service in sorted(services, key=lambda s: str(s["Spec"]["Name"]))]
    if None in glances:
        return look_at_tasks(run.client, run.stack, services)
    return [judgement for judgement in glances if judgement is not None]


def _status(options: Options, judgements: List[Judgement]) -> Any:
    """Returns status and reason for the revision's record. Without a wait, it is unknown whether the stack will run."""
    if all(judgement.status in GOOD for judgement in judgements):
        return HEALTHY, ""
    return UNHEALTHY, " ".join(warnings_of(judgements)) if options["wait"] else NOT_WAITED
