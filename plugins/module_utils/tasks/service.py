# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes services of a stack, under the stack's lock and through the same gate as a deployment."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.logins import (
    refused_by,
    with_notices,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.observe import (
    nodes_of,
    observe,
    services_of,
    tasks_of,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import Clock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import (
    DeployError,
    EngineError,
    StackwrightError,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.core.retry import Backoff, patiently
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.outcome import finish
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.health.declared import whole_rollback
from ansible_collections.stackwright.swarm.plugins.module_utils.health.job_runs import (
    RUNNING,
    STOPPED,
    with_outcome,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.health.statuses import GOOD, Judgement
from ansible_collections.stackwright.swarm.plugins.module_utils.health.tasks import ENDED_BADLY, is_current, state_of
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import Operation, Plan, with_mask
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.plan_id import plan_id
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.reconcile import node_count
from ansible_collections.stackwright.swarm.plugins.module_utils.request.options import detach, with_defaults
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import name_of, stack_of
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.owner import labels_in, refuse_others
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.scheduled import is_scheduled
from ansible_collections.stackwright.swarm.plugins.module_utils.transitions.one_service import (
    AWAY,
    PAUSED,
    RESTARTED,
    ROLLED_BACK,
    RUN,
    service_plan,
)

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.apply import Apply
    from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.run import Run
    from ansible_collections.stackwright.swarm.plugins.module_utils.health.gate import Before
    from ansible_collections.stackwright.swarm.plugins.module_utils.request.option_types import ServiceOptions
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Service, Task
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import Observed

Result = Dict[str, Any]
KEEP = "keep"
LINES = 20  # of a job's output
PAUSE = 0.1  # seconds between two checks of a rollback


def change_service(client: EngineClient, clock: Clock, stack: str, given: Mapping[str, object]) -> Result:
    """Brings the services ``given["service"]`` (one, or a list) to ``given["state"]``. Returns the result of
    ``deploy_stack``; after a run of a job also its exit code and last lines.

    Raises DeployError (``no_stack``, ``no_service``), PlanError, and as ``deploy_stack``.
    """
    options: ServiceOptions = with_defaults(given)
    if options["state"] == RUN:
        options["on_failure"] = KEEP  # a job's run can't be undone
    seen = _Comparison(client, stack, options)
    if options["check"] or (options["defer"] and seen.plan.changed):
        return seen.result(None)
    # A lock although nothing differs: another run is active, or has died.
    if not seen.plan.changed and (seen.observed["lock"] is None or options["defer"]):
        return seen.result([] if options["defer"] else _unchanged(client, clock, seen, options))
    from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.run import Run

    with Run(client, clock, stack, str(options["state"]), options) as run:
        logins = seen.logins
        seen = patiently(clock, lambda: _Comparison(client, stack, options, logins), run.keep)
        judgements = _changed(run, seen) if seen.plan.changed else _unchanged(client, clock, seen, options, run.keep)
        ran = _ran(run, seen) if options["state"] == RUN and options["wait"] else {}
    return run.with_interrupted({**seen.result(judgements), **ran})


class _Comparison:
    def __init__(
        self, client: EngineClient, stack: str, options: ServiceOptions, logins: Optional[Mapping[str, str]] = None
    ) -> None:
        self.client, self.stack, self.options = client, stack, options
        self.observed: Observed = observe(client, stack)
        refuse_others(options["identity"], stack, labels_in(self.observed, stack))
        given = options["service"]
        found = [
            _find(client, stack, str(key), self.observed) for key in ([given] if isinstance(given, str) else given)
        ]
        self.lives = {name_of(live): live for live in found}
        on_schedule = options["state"] == RUN and any(is_scheduled(live["Spec"]) for live in found)
        tasks = tasks_of(client, stack) if options["state"] == RESTARTED or on_schedule else []
        operations: List[Operation] = []
        for live in self.lives.values():
            nodes, replicas = node_count(self.observed), options.get("replicas") or 0
            old = [str(options["away_from"])] if options["state"] == AWAY else self._old(live, tasks)
            runs = self._runs(live, tasks) if on_schedule else []
            operations += service_plan(live, options["state"], options["prefix"], nodes, replicas, old, runs).operations
        self.plan: Plan = with_mask(Plan(tuple(operations)), options["mask"])
        if self.plan.changed and options["identity"]:
            from ansible_collections.stackwright.swarm.plugins.module_utils.revisions.history import (
                History,
                refuse_history,
            )

            refuse_history(options["identity"], stack, History(client, None, stack).read())
        self.logins = logins
        if self.plan.changed and (options["with_registry_auth"] or options["registry_auth"]):
            self.logins = refused_by(client, self.plan, options) if logins is None else logins
            self.plan = with_notices(self.plan, self.logins)

    def _runs(self, live: Service, tasks: Sequence[Task]) -> List[Dict[str, object]]:
        """Returns the runs to record for a job on a schedule: the former ones with their outcome, and the new one."""
        before = with_outcome(live, [task for task in tasks if task.get("ServiceID") == live["ID"]])
        if before and before[-1].get("state") == RUNNING:
            before[-1] = {**before[-1], "state": STOPPED}  # Swarm stops it when the next one starts
        now = str(self.observed["info"].get("SystemTime") or "")[:19]
        return [*before, {"slot": str(self.options.get("slot") or ""), "started": f"{now}Z"}]

    def _old(self, live: Service, tasks: Sequence[Task]) -> List[str]:
        """Returns the running tasks that were created before ``started_before`` (all, without that option)."""
        limit = str(self.options.get("started_before") or "")
        found = [
            task["ID"]
            for task in tasks
            if task.get("ServiceID") == live["ID"]
            and task.get("DesiredState") == "running"
            and (state_of(task) == "running" or not limit)
            and (not limit or str(task.get("CreatedAt") or "")[:19] < limit[:19])
        ]
        # Just after a rolled-back update, Swarm has no running task for a moment.
        mode = live["Spec"].get("Mode") or {}
        return found or [live["ID"]] * (0 if limit else int((mode.get("Replicated") or {}).get("Replicas") or 0))

    def result(self, judgements: Any) -> Result:
        """Returns the result of the run."""
        wanted = [self.options["state"], *self.lives, self.options.get("replicas")]
        identity = plan_id(self.stack, wanted, self.observed)
        found = finish(self.client, self.stack, self.observed, self.plan, self.options, judgements, identity)
        found.pop("plan_id")
        reasons = [op.reason if len(self.lives) == 1 else f"{op.name}: {op.reason}" for op in self.plan.operations]
        return {**found, "service": ", ".join(self.lives), "reason": "; ".join(reasons)}


def _find(client: EngineClient, stack: str, service: str, observed: Observed) -> Service:
    mine: Dict[str, Service] = {name_of(s): s for s in observed["services"] if stack_of(s) == stack}
    found = mine.get(f"{stack}_{service}") or mine.get(service)
    if found is not None:
        return found
    if not mine:
        raise DeployError(
            f"This Swarm has no services of a stack {stack}.",
            "no_stack",
            "List the stacks with stack_info. Names are case-sensitive.",
        )
    every = {name_of(s): stack_of(s) for s in client.list("/services")}
    if service in every:
        whose = f"belongs to the stack {every[service]}" if every[service] else "belongs to no stack"
        message = f"The service {service} {whose}, not to {stack}."
    else:
        message = f"The stack {stack} has no service {service}."
    raise DeployError(message, "no_service", f"It has {', '.join(sorted(mine))}.", {"services": sorted(mine)})


def _changed(run: Run, seen: _Comparison) -> List[Judgement]:
    from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.apply import Apply
    from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.noting import note_services
    from ansible_collections.stackwright.swarm.plugins.module_utils.gate.wait import before, limits_of, wait

    def was() -> Before:
        nodes = nodes_of(run.client, seen.observed)
        return before(seen.observed["services"], tasks_of(run.client, run.stack), nodes)

    past = patiently(run.clock, was, run.keep)
    withdraw = note_services(run, seen.lives, seen.plan.work(), seen.observed, seen.options["state"])
    applying = Apply(run.client, run.clock, seen.observed, header=run.header, progress=run.progress, keep=run.keep)
    try:
        if seen.options["state"] == ROLLED_BACK:
            for operation in seen.plan.work():
                past = _roll_back(run, operation, seen.lives[operation.name], applying, past)
        else:
            applying.run(seen.plan.work())
        if not run.options["wait"] or seen.options["state"] == PAUSED:
            return patiently(run.clock, lambda: _judgements(run.client, seen), run.keep)
        touched = dict.fromkeys(applying.touched, False)
        limits = limits_of(run.options)
        names = set(seen.lives)
        return wait(run.client, run.clock, run.stack, limits, past, touched, run.progress, names, run.keep)
    except BaseException as error:
        from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.look import Planned
        from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.restore import Former
        from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.undo import undo

        if seen.options["state"] == RUN and isinstance(error, StackwrightError):
            error.details.update(_ran(run, seen))
        planned = Planned({}, seen.observed, {}, frozenset(), seen.plan, "")
        former = Former(seen.observed, frozenset(("service", op.name) for op in seen.plan.work()), past)
        failure = undo(run, planned, former, applying, error)
        outcome = getattr(failure, "details", {}).get("outcome") or {}
        if outcome.get("rollback") == "done":
            with suppress(StackwrightError):
                withdraw()
        raise failure from error


def _ran(run: Run, seen: _Comparison) -> Result:
    """Returns the exit code of jobs (the first one that is not 0), and the last lines of their output."""
    from ansible_collections.stackwright.swarm.plugins.module_utils.info.logs import Wanted, stack_logs

    try:
        jobs = {s["ID"]: s for s in services_of(run.client, run.stack) if name_of(s) in seen.lives}
        tasks = [task for task in tasks_of(run.client, run.stack) if task.get("ServiceID") in jobs]
        current = {task["ID"]: task for task in tasks if is_current(task, jobs[task["ServiceID"]])}
        found = stack_logs(run.client, run.clock, run.stack, Wanted(tuple(seen.lives), tail=LINES * 10))["lines"]
    except EngineError as error:
        return {"exit_code": None, "lines": [], "notices": [f"the job's output could not be read: {error.message}"]}
    lines = [str(line["text"]) for line in found if line["task"] in current]
    return {"exit_code": _exit_code(current.values()), "lines": lines[-LINES:]}


def _exit_code(tasks: Iterable[Task]) -> Optional[int]:
    """Returns the exit code of the newest task of each slot and node; None if none has ended."""
    newest: Dict[Tuple[object, ...], Task] = {}
    for task in sorted(tasks, key=lambda task: str(task.get("CreatedAt") or "")):
        newest[task.get("ServiceID"), task.get("Slot"), task.get("NodeID") if not task.get("Slot") else ""] = task
    codes = [
        int(((task.get("Status") or {}).get("ContainerStatus") or {}).get("ExitCode") or 0)
        for task in newest.values()
        if state_of(task) in ("complete", *ENDED_BADLY)
    ]
    return next((code for code in codes if code), codes[0]) if codes else None


def _roll_back(run: Run, operation: Operation, live: Service, applying: Apply, past: Before) -> Before:
    """Starts Swarm's own rollback and waits for its end; returns the state that the gate compares with."""
    from ansible_collections.stackwright.swarm.plugins.module_utils.gate.wait import updates_of

    run.keep()
    run.progress(str(operation))
    applying.attempted.append(operation)
    path = f"/services/{operation.payload['id']}"
    _send_rollback(run, path, live)
    applying.done.append(str(operation))
    limit = run.options["timeout"] + whole_rollback(live)
    if run.options["deadline"]:
        limit = min(limit, float(run.options["deadline"]))
    deadline = run.clock.now() + limit
    while True:
        now = patiently(run.clock, lambda: run.client.get(path), run.keep)
        state = str((now.get("UpdateStatus") or {}).get("State") or "")
        if state != "rollback_started":
            break
        if run.clock.now() >= deadline:
            raise DeployError(f"The rollback of {operation.name} did not end within {limit:g} s.", "timeout")
        run.keep()
        run.clock.sleep(PAUSE)
    if state == "rollback_paused":
        reason = str((now.get("UpdateStatus") or {}).get("Message") or "no reason given")
        raise DeployError(f"Swarm stopped the rollback of {operation.name}: {reason}.", "health_gate_failed")
    return past._replace(updates={**past.updates, **updates_of([now])}, broken=past.broken - {now["ID"]})


def _send_rollback(run: Run, path: str, live: Service) -> None:
    """Sends the rollback. After a lost answer, or if Swarm has changed the version, checks the service's spec."""
    backoff, now = Backoff(run.clock, run.keep, also=("out_of_sequence",)), live
    while True:
        try:
            query = {"version": now["Version"]["Index"], "rollback": "previous"}
            run.client.post(f"{path}/update", query, now["Spec"])
            return
        except EngineError as error:
            refused = error
            backoff.bear(error)
        now = patiently(run.clock, lambda: run.client.get(path), run.keep)
        # A rollback exchanges Spec and PreviousSpec.
        if now["Spec"] == live["PreviousSpec"]:
            return
        if now["Spec"] != live["Spec"]:
            raise refused


def _unchanged(
    client: EngineClient,
    clock: Clock,
    seen: _Comparison,
    options: ServiceOptions,
    keep: Optional[Callable[[], None]] = None,
) -> List[Judgement]:
    found = _judgements(client, seen)
    if all(judgement.status in GOOD for judgement in found) or not options["wait"] or options["state"] == PAUSED:
        return found
    from ansible_collections.stackwright.swarm.plugins.module_utils.gate.wait import before, limits_of, wait

    if keep is None:
        detach(options)
    nodes = nodes_of(client, seen.observed)
    past = before(seen.observed["services"], tasks_of(client, seen.stack), nodes).forgiving_none()
    late = {live["ID"]: False for live in seen.lives.values()}  # wait only for these
    return wait(client, clock, seen.stack, limits_of(options), past, late, options["progress"], set(seen.lives), keep)


def _judgements(client: EngineClient, seen: _Comparison) -> List[Judgement]:
    from ansible_collections.stackwright.swarm.plugins.module_utils.gate.wait import look

    return look(client, seen.stack, [s for s in services_of(client, seen.stack) if name_of(s) in seen.lives])
