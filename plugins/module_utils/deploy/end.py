# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``state: stopped`` and ``state: absent``, under the lock. The next run completes an interrupted one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Tuple, TypeVar

from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.observe import observe
from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import Clock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import DeployError, StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.core.retry import patiently
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.apply import Apply
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.outcome import finish
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.run import Run, lines_of, so_far
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.gate.wait_gone import (
    wait_until_gone,
    wait_until_stopped,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.history.revision import FAILED, REMOVED
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import Operation, Plan, with_mask
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.plan_id import check_approved, plan_id
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.reconcile import node_count
from ansible_collections.stackwright.swarm.plugins.module_utils.revisions.history import History, refuse_history
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.owner import labels_in, refuse_others
from ansible_collections.stackwright.swarm.plugins.module_utils.transitions import stop as planning

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.request.option_types import Options
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import Observed

Result = Dict[str, Any]
Found = TypeVar("Found")
#: Carries out the plan. Returns the revision's number (0 for none), and notices about tasks that it could not wait for.
Work = Callable[[Run, "Observed", Plan], Tuple[int, List[str]]]


def stop(client: EngineClient, clock: Clock, stack: str, options: Options) -> Result:
    """Scales the stack to zero; waits until its tasks have ended if ``wait`` is set."""

    def plan(observed: Observed) -> Plan:
        return planning.stop(stack, observed, options["prefix"], node_count(observed))

    return _end(client, clock, stack, options, "stop", plan, _stop)


def remove(client: EngineClient, clock: Clock, stack: str, options: Options) -> Result:
    """Removes the services, waits until their tasks are gone, then removes configs, secrets and networks."""

    def plan(observed: Observed) -> Plan:
        return planning.remove(stack, observed, node_count(observed))

    # A removal always waits until the tasks have ended: they use the networks.
    return _end(client, clock, stack, {**options, "wait": True}, "remove", plan, _remove)


def _end(
    client: EngineClient,
    clock: Clock,
    stack: str,
    options: Options,
    operation: str,
    plan_of: Callable[[Observed], Plan],
    work: Work,
) -> Result:
    observed, plan, identity = _look(client, stack, options, operation, plan_of)
    check_approved(stack, identity, plan.changed, options)
    idle = not plan.changed and (observed["lock"] is None or options["defer"])
    if idle or options["check"] or options["defer"]:
        return finish(client, stack, observed, plan, options, None, identity)
    with Run(client, clock, stack, operation, options) as run:
        observed, plan, identity = patiently(clock, lambda: _look(client, stack, options, operation, plan_of), run.keep)
        check_approved(stack, identity, plan.changed, options)
        revision, lost = work(run, observed, plan) if plan.changed else (0, [])
    plan = replace(plan, notices=(*plan.notices, *lost))
    return run.with_interrupted(finish(client, stack, observed, plan, options, None, identity, revision))


def _look(
    client: EngineClient, stack: str, options: Options, operation: str, plan_of: Callable[[Observed], Plan]
) -> Any:
    observed = observe(client, stack)
    refuse_others(options["identity"], stack, labels_in(observed, stack))
    plan = plan_of(observed)
    if plan.changed and options["identity"]:
        refuse_history(options["identity"], stack, History(client, None, stack).read())
    if plan.changed and operation == "remove":
        observed = {**observed, "all_services": client.list("/services")}
        plan = plan_of(observed)
    identity = plan_id(stack, [operation, options["prefix"]], observed)
    return observed, with_mask(plan, options["mask"]), identity


def _stop(run: Run, observed: Observed, plan: Plan) -> Tuple[int, List[str]]:
    applying = _applying(run, observed)
    _with_outcome(applying, [], lambda: applying.run(plan.work()))
    if not run.options["wait"]:
        return 0, []

    def wait() -> List[str]:
        names = _names(plan.work())
        return wait_until_stopped(
            run.client,
            run.clock,
            run.stack,
            run.options["timeout"],
            names,
            run.keep,
            run.progress,
            run.options["deadline"],
        )

    return 0, _with_outcome(applying, [], wait)


def _names(services: List[Operation]) -> Dict[str, str]:
    return {operation.payload["id"]: operation.name for operation in services}


def _remove(run: Run, observed: Observed, plan: Plan) -> Tuple[int, List[str]]:
    number = run.begin().number
    work = plan.work()
    services = [operation for operation in work if operation.kind == "service"]
    rest = [operation for operation in work if operation.kind != "service"]
    applying = _applying(run, observed)
    try:
        _with_outcome(applying, rest, lambda: applying.run(services, rest))
        lost = _with_outcome(
            applying,
            rest,
            lambda: wait_until_gone(
                run.client,
                run.clock,
                run.stack,
                run.options["timeout"],
                run.keep,
                tell=run.progress,
                names=_names(services),
                deadline=run.options["deadline"],
            ),
        )
        _with_outcome(applying, [], lambda: applying.run(rest))
    except StackwrightError as error:
        if error.error_code != "lock_lost":
            run.end_if_possible(FAILED, error.message, restored="none")
        raise
    run.end(REMOVED)
    run.tidy()
    return int(number), lost


def _applying(run: Run, observed: Observed) -> Apply:
    patience = run.options["timeout"]
    return Apply(run.client, run.clock, observed, progress=run.progress, patience=patience, keep=run.keep)


def _with_outcome(applying: Apply, rest: List[Operation], act: Callable[[], Found]) -> Found:
    """Calls ``act``; adds to its error how far the run got, and that nothing is rolled back."""
    try:
        return act()
    except StackwrightError as error:
        outcome = error.details.get("outcome") or {
            "done": list(applying.done),
            "failed": "wait until the tasks have ended",
            "not_done": lines_of(rest),
        }
        details = {**error.details, "outcome": {**outcome, "rollback": "none", "restored": []}}
        hint = f"{error.hint} {so_far(applying.done)}".strip()
        raise DeployError(error.message, error.error_code, hint, details) from error
