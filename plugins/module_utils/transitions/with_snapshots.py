# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots of volumes in a plan: before its first change, while the services with the volume are stopped.

A service stops in an extra step, as for a recreated network (in_place.py), and starts with its own change. So no task
writes between the snapshot and the change, and each call can be undone, also by the next run.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, AbstractSet, Callable, Dict, List, Mapping, Optional, Sequence

from ansible_collections.stackwright.swarm.plugins.module_utils.plan.differences import differences
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import CHANGE, Operation, Plan
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.extra_step import (
    before_extra_step,
    values_to_carry,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.services import (
    mode_of,
    task_count,
    without_tasks,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.volumes import base_of, named_volumes
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm import normalise
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import NOWHERE, id_of, name_of, stack_of
from ansible_collections.stackwright.swarm.plugins.module_utils.transitions.stop import stop_of

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Service, ServiceSpec
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import Observed

#: The hidden values of a ServiceSpec.
Values = Callable[[Mapping[str, object]], Sequence[str]]
SNAPSHOT, RESTORE = "snapshot", "restore"  # actions
AGAIN = "starts again"
#: Changes of these keep the tasks of a service.
QUIET = ("Labels", "Mode.Replicated", "UpdateConfig", "RollbackConfig")


def mounted(spec: ServiceSpec) -> Dict[str, str]:
    """Returns the volumes that a service mounts, with their names in the file."""
    return {str(mount["Source"]): base_of(mount) for mount in named_volumes(spec)}


def volumes_named(stack: str, names: Sequence[str], plan: Plan, observed: Observed) -> Dict[str, List[str]]:
    """Returns the stack's volumes in Docker for each of ``names`` (names in the file or in Docker)."""
    specs = [service["Spec"] for service in observed["services"] if stack_of(service) == stack]
    specs += [op.payload["spec"] for op in plan.work() if op.kind == "service" and op.payload.get("spec")]
    every = {volume: base for spec in specs for volume, base in mounted(spec).items()}
    return {
        name: sorted(volume for volume, base in every.items() if {volume, base} & {name, f"{stack}_{name}"})
        for name in names
    }


def changing(plan: Plan, observed: Observed) -> AbstractSet[str]:
    """Returns the volumes of services whose tasks the plan starts, replaces or removes."""
    lives = {name_of(service): service["Spec"] for service in observed["services"]}
    found: Dict[str, str] = {}
    for op in plan.work(CHANGE):
        if op.kind == "service" and not op.extra and _replaces(op):
            for spec in (lives.get(op.name), op.payload.get("spec")):
                found.update(mounted(spec) if spec else {})
    return frozenset(found)


def _replaces(op: Operation) -> bool:
    if op.action != "update" or op.restarts:
        return op.action in ("create", "update", "remove")
    return not all(change.path.startswith(QUIET) for change in op.changes)


def with_snapshots(
    plan: Plan,
    stack: str,
    observed: Observed,
    nodes: int,
    hidden: Values,
    volumes: Sequence[Operation],
    stop: bool = True,
    back: bool = False,
) -> Plan:
    """Returns ``plan`` with ``volumes`` (operations on volumes) before all others, and with ``stop`` the extra steps
    that stop their users.

    In a rollback (``back``), the extra step is made from the target spec, so that Swarm never loses it.
    """
    if not volumes:
        return plan
    names = {op.name for op in volumes}
    first: List[Operation] = []
    again: List[Operation] = []
    rest = list(plan.operations)
    # A dead run may have just stopped these: their containers may still be ending.
    ending: Dict[str, str] = {}
    for live in sorted(observed["services"], key=name_of) if stop else ():
        if stack_of(live) != stack or not names & set(mounted(live["Spec"])):
            continue
        if mode_of(live["Spec"]) == "Replicated" and _is_idle(live):
            ending[id_of(live)] = name_of(live)
        mine = [op for op in rest if (op.kind, op.name, op.phase) == ("service", name_of(live), CHANGE)]
        removal = next((op for op in mine if op.action == "remove"), None)
        if removal is not None:
            rest.remove(removal)
            first.append(removal)
        elif not _is_idle(live):
            planned = next((op for op in mine if op.action == "update"), None)
            step = _stop(live, planned, sorted(names & set(mounted(live["Spec"]))), nodes, hidden, back)
            first.append(step)
            if planned is not None:
                payload = {**planned.payload, "after": step.payload["spec"]}
                rest[rest.index(planned)] = replace(planned, restarts=0, at_most=False, payload=payload)
            elif not any(op.name == name_of(live) and op.kind == "service" and op.action == "remove" for op in rest):
                rest = [op for op in rest if (op.kind, op.name) != ("service", name_of(live))]
                again.append(_start(live, step))
    stopped = {op.payload["id"]: op.name for op in first}
    stopped.update(ending)
    taken = [replace(op, payload={**op.payload, "users": stopped}) for op in volumes]
    start = min((op.wave for op in rest if op.action != "keep" and op.phase == CHANGE), default=0)
    head = [replace(op, wave=start) for op in (*first, *taken, *again)]
    return replace(plan, operations=(*head, *rest))


def is_still(stack: str, volume: str, observed: Observed) -> bool:
    """Whether no service of the stack should run with the volume: services that a run stopped are still stopped."""
    users = [one for one in observed["services"] if stack_of(one) == stack and volume in mounted(one["Spec"])]
    return all(_is_idle(one) or NOWHERE in _constraints(one["Spec"]) for one in users)


def _constraints(spec: ServiceSpec) -> Sequence[str]:
    return (spec["TaskTemplate"].get("Placement") or {}).get("Constraints") or []


def _is_idle(live: Service) -> bool:
    """Whether a service has no tasks to stop; a job runs to its end."""
    mode = live["Spec"].get("Mode") or {}
    replicated = mode.get("Replicated")
    return mode_of(live["Spec"]).endswith("Job") or (replicated is not None and not replicated.get("Replicas"))


def _stop(
    live: Service, planned: Optional[Operation], volumes: Sequence[str], nodes: int, hidden: Values, back: bool
) -> Operation:
    base = before_extra_step(planned.payload["spec"] if back and planned is not None else live["Spec"])
    spec = stop_of(base, values_to_carry(live, base, hidden))
    return Operation(
        "update",
        "service",
        name_of(live),
        planned.key if planned is not None else "",
        f"stops for the volume {', '.join(volumes)}",
        differences(normalise.service(live["Spec"]), normalise.service({**live["Spec"], **without_tasks(base)})),
        task_count(live, nodes),
        extra=True,
        payload={"id": id_of(live), "version": live["Version"]["Index"], "spec": spec, "stops": True},
    )


def _start(live: Service, step: Operation) -> Operation:
    payload = {
        **step.payload,
        "spec": before_extra_step(step.payload["spec"]),
        "after": step.payload["spec"],
        "stops": False,
    }
    return Operation("update", "service", name_of(live), reason=AGAIN, payload=payload)
