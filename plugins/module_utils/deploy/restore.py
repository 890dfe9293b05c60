# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rolls a stack back to its state before a failed change, and waits until it is healthy.

Swarm may roll back a service by itself at the same time. So each round plans again from the current state. If Swarm
changes a service before our update of it, the service is compared again, and often needs no update.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, AbstractSet, List, NamedTuple, Optional, Sequence, Set

from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.observe import observe, services_of, tasks_of
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import DeployError, StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.core.retry import patiently
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.apply import Apply
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.closer import in_order
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.run import Run, lines_of
from ansible_collections.stackwright.swarm.plugins.module_utils.gate.wait import before as past_of
from ansible_collections.stackwright.swarm.plugins.module_utils.gate.wait import limits_of, look, updates_of, wait
from ansible_collections.stackwright.swarm.plugins.module_utils.gate.wait_gone import wait_until_gone
from ansible_collections.stackwright.swarm.plugins.module_utils.health.declared import longest_grace
from ansible_collections.stackwright.swarm.plugins.module_utils.health.gate import Before
from ansible_collections.stackwright.swarm.plugins.module_utils.health.statuses import mode_of, warnings_of
from ansible_collections.stackwright.swarm.plugins.module_utils.history.snapshot import hidden_texts
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import (
    CHANGE,
    PRUNE,
    Operation,
    Plan,
    with_mask,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.reconcile import node_count
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import name_of, stack_of
from ansible_collections.stackwright.swarm.plugins.module_utils.transitions.restore import (
    NOT_PUT_BACK,
    Name,
    back,
    on_live_networks,
    restoration,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.transitions.with_snapshots import (
    RESTORE,
    with_snapshots,
)

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Service
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import Observed

ROUNDS = 3


class Former(NamedTuple):
    """The rollback target: the observed state, the objects that may have changed, the tasks before the change, the
    operations that restore volumes, and the services that a dead run has removed after its health gate."""

    observed: Observed
    names: AbstractSet[Name]
    past: Before
    volumes: Sequence[Operation] = ()
    lost: Sequence[str] = ()


class Restored(NamedTuple):
    """A line for each operation, a summary, and a sentence for each service that does not run now."""

    lines: List[str]
    summary: str
    down: Sequence[str] = ()


def restore(run: Run, former: Former, stop_new: bool) -> Restored:
    """Restores the stack; ``stop_new`` stops new services instead of removing them.

    Raises StackwrightError; ``details["restored"]`` has a line for each operation that was carried out.
    """
    run.progress("rolling the stack back")
    done: List[Operation] = []
    try:
        touched: Set[str] = set()
        plan = _plan(run, former, stop_new, done)
        for _round in range(ROUNDS):
            if not plan.work(CHANGE):
                break
            touched |= _carry_out(run, former, plan.work(CHANGE), done)
            plan = _plan(run, former, stop_new, done)
        if plan.work(CHANGE):
            raise _changed_by_others(plan)
        failed = _wait(run, former, touched)
        # New unused objects are removed even if a service does not become healthy.
        rest = _plan(run, former, stop_new, done).work(PRUNE)
        if any(operation.kind == "network" for operation in rest):
            # A node lists a removed network until its last task has ended: the next run would take it for a usable one.
            wait_until_gone(run.client, run.clock, run.stack, run.options["timeout"], run.keep, _removed(done))
        _carry_out(run, former, rest, done)
        if failed is not None:
            raise failed
    except StackwrightError as error:
        error.details["restored"] = lines_of(done)
        raise
    jobs = [op for op in plan.operations if op.reason in NOT_PUT_BACK]
    removed = {op.name for op in done}
    lines = lines_of(done) + lines_of([op for op in jobs if op.name not in removed])
    text = summary(run.stack, former, run.seen, done, [op.name for op in jobs])
    return Restored(lines, text, _not_running(run, {op.name for op in jobs}))


def _not_running(run: Run, jobs: AbstractSet[str]) -> List[str]:
    """Returns a sentence for each service that does not run. It may not have run before, or its node is lost."""
    if not run.options["wait"]:
        return []
    try:
        services = [service for service in services_of(run.client, run.stack) if name_of(service) not in jobs]
        return warnings_of(look(run.client, run.stack, services))
    except StackwrightError:
        return []  # the user needs the cause of the failure, not this error


def _removed(done: Sequence[Operation]) -> Set[str]:
    return {str(op.payload["id"]) for op in done if op.kind == "service" and op.action == "remove"}


def _plan(run: Run, former: Former, stop_new: bool, done: Sequence[Operation]) -> Plan:
    def look() -> Observed:
        now = observe(run.client, run.stack)
        return {**now, "all_services": run.client.list("/services")}

    now = patiently(run.clock, look, run.keep)
    prefix = run.options["prefix"] if stop_new else ""
    plan = restoration(run.stack, former.observed, now, former.names, prefix)
    plan = in_order(plan, run.stack, now, back=True)
    restored = {op.name for op in done if op.action == RESTORE}
    volumes = [op for op in former.volumes if op.name not in restored]
    plan = with_snapshots(plan, run.stack, now, node_count(now), hidden_texts, volumes, back=True)
    run.seen = now
    return with_mask(plan, run.options["mask"])


def _carry_out(run: Run, former: Former, work: Sequence[Operation], done: List[Operation]) -> Set[str]:
    """Carries out operations; returns the ids of the services that were created or updated."""
    olds = {name_of(service): service for service in on_live_networks(former.observed, run.seen, run.stack)}

    def recompare(name: str, live: Service) -> Operation:
        stop = next((op for op in work if op.name == name and op.payload.get("stops")), None)
        if stop is not None and stop not in applying.completed:
            return replace(stop, payload={**stop.payload, "version": live["Version"]["Index"]})
        if name in olds:
            return back(olds[name], live)
        operation = [op for op in work if op.name == name and op.kind == "service"][-1]
        version = live["Version"]["Index"]
        return Operation("update", "service", name, payload={**operation.payload, "version": version})

    applying = Apply(
        run.client,
        run.clock,
        run.seen,
        recompare,
        run.header,
        run.progress,
        run.options["timeout"] + longest_grace(run.seen["services"]),
        run.keep,
        insist=True,
        paid=run.paid,
    )
    try:
        applying.run(work)
    finally:
        done += applying.completed
    return set(applying.touched)


def _wait(run: Run, former: Former, touched: Set[str]) -> Optional[StackwrightError]:
    """Waits until the restored services run; returns the error if they don't. Ignores jobs, and services that did
    not run before."""
    ran = {
        name_of(service)
        for service in former.observed["services"]
        if service["ID"] not in former.past.broken and not mode_of(service["Spec"]).endswith("job")
    }
    names = ran & {name for kind, name in former.names if kind == "service"}
    if not names or not run.options["wait"]:
        return None
    services, tasks, nodes = patiently(
        run.clock,
        lambda: (services_of(run.client, run.stack), tasks_of(run.client, run.stack), run.client.list("/nodes")),
        run.keep,
    )
    at_first = {key: value for key, value in updates_of(run.seen["services"]).items() if key not in touched}
    was = former.past
    past = past_of(services, tasks, nodes)._replace(
        updates=at_first, broken=was.broken, lost=was.lost, waiting=was.waiting
    )
    limits = limits_of(run.options)._replace(stable_for=0.0, observe=False, deadline=0.0)
    try:
        # Every service has its old spec; tasks that can't run because of a lost node don't make the rollback fail.
        wait(run.client, run.clock, run.stack, limits, past, {}, run.progress, names, run.keep)
    except StackwrightError as error:
        return error
    return None


def _changed_by_others(plan: Plan) -> DeployError:
    left = [str(operation) for operation in plan.work()]
    return DeployError(
        f"The stack was changed by another client at the same time: {'; '.join(left)}.",
        "out_of_sequence",
        "Run again.",
        {"left": left},
    )


def summary(stack: str, former: Former, now: Observed, done: Sequence[Operation], jobs: Sequence[str] = ()) -> str:
    """Returns ``1 service restored, 1 new service and 2 new configs removed, 3 other services unchanged``.

    ``done`` are the operations of the rollback, ``now`` is the state after them; ``jobs`` were not restored.
    """
    parts: List[str] = []
    old = {name_of(service): service for service in former.observed["services"] if stack_of(service) == stack}
    again = {op.name for op in done if (op.action, op.kind) == ("create", "service")}
    same = {op.name for op in done if (op.action, op.kind) == ("update", "service") and op.name in old}
    same |= {name_of(live) for live in now["services"] if _by_swarm(former, old.get(name_of(live)), live)}
    same -= again.union(jobs)
    if same:
        parts.append(f"{_number(len(same), 'service')} restored")
    if again:
        parts.append(f"{_number(len(again), 'service')} recreated")
    new = [op for op in done if op.kind != "service" or op.name not in old]
    gone = [op.kind for op in new if op.action == "remove"]
    if gone:
        kinds = [kind for kind in ("service", "network", "config", "secret") if kind in gone]
        parts.append(f"{_list([_number(gone.count(kind), f'new {kind}') for kind in kinds])} removed")
    stopped = sum(op.kind == "service" and op.action == "update" for op in new)
    if stopped:
        parts.append(f"{_number(stopped, 'new service')} stopped")
    for op in (op for op in new if op.action == RESTORE):
        parts.append(f"the volume {op.name} restored {op.reason}{_kept(op)}")
    if jobs:
        one = len(jobs) == 1
        parts.append(
            f"{'the job' if one else 'the jobs'} {_list(list(jobs))} {'was' if one else 'were'} not restored, since "
            f"{'it' if one else 'they'} would run again"
        )
    rest = len(set(old) - same - again.union(jobs))
    if rest:
        parts = parts or ["nothing had to be restored"]
        parts.append(f"{_number(rest, 'other service' if rest < len(old) else 'service')} unchanged")
    return ", ".join(parts) or "nothing had to be restored"


def _by_swarm(former: Former, old: Optional[Service], live: Service) -> bool:
    """Whether Swarm itself has rolled back a service that the run changed (``failure_action: rollback``)."""
    if old is None or ("service", name_of(old)) not in former.names:
        return False
    state = (live.get("UpdateStatus") or {}).get("State")
    return state == "rollback_completed" and live["Version"] != old["Version"]


def _kept(op: Operation) -> str:
    before = op.payload["found"].get("before")
    return f" from the volume, and kept as snapshot {before}" if before else ""


def _number(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _list(words: List[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
