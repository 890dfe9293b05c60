# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks that are recreated in place: the services on them stop and leave them first.

The label of such an extra step stores the service and its networks before it, so that each call can be undone, also by
the next run. Jobs can't be stopped: they are removed and recreated. Why: decisions/0032.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, AbstractSet, Any, Dict, List, Mapping, NamedTuple, Sequence, cast

from ansible_collections.stackwright.swarm.plugins.module_utils.plan.differences import differences
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import CHANGE, PRUNE, Operation, Plan
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.extra_step import (
    Hidden,
    before_extra_step,
    extra_step_spec,
    values_to_carry,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.objects import removed_first
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.prune import references
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.services import (
    AS_DOCKER,
    NOT_RUN,
    mode_of,
    task_count,
    without_tasks,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm import normalise
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import id_of, name_of, stack_of

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import (
        Attachment,
        Network,
        Service,
        ServiceSpec,
    )
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import Observed

ANEW = "on the recreated network"
FIELDS = ("Name", "Driver", "Internal", "Attachable", "EnableIPv6", "IPAM", "Labels")

Item = Mapping[str, Any]
Spec = Dict[str, Any]


def as_created(network: Mapping[str, object]) -> Any:
    """Returns the NetworkCreate body that recreates a live network."""
    options = {k: v for k, v in (cast("Network", network).get("Options") or {}).items() if k != normalise.VXLAN_IDS}
    return {**{field: network[field] for field in FIELDS if network.get(field)}, "Options": options}


def with_targets(spec: ServiceSpec, names: Mapping[str, str]) -> ServiceSpec:
    """Returns a copy of a ServiceSpec whose networks are replaced as ``names`` maps them."""
    template = spec.get("TaskTemplate") or {}
    if not names or not template.get("Networks"):
        return {**spec}
    networks: List[Attachment] = [
        {**item, "Target": names.get(item.get("Target", ""), item.get("Target", ""))} for item in template["Networks"]
    ]
    return {**spec, "TaskTemplate": {**template, "Networks": networks}}


class _Recreation(NamedTuple):
    """The recreated networks: those that are removed (names by id), all that a stopped service must not refer to, and
    their bodies for the label of the extra step."""

    gone: Mapping[str, str]
    barred: AbstractSet[str]
    kept: Sequence[Item]
    names: Mapping[str, str]
    nodes: int
    hidden: Hidden
    back: bool


def in_place(plan: Plan, stack: str, observed: Observed, nodes: int, hidden: Hidden, back: bool = False) -> Plan:
    """Returns ``plan`` with extra steps: services leave each network before it is removed, and join the new one.

    In a rollback (``back``), the extra step is made from the target spec, so that Swarm never loses it.
    """
    gone = removed_first(plan.operations)
    if not gone:
        return plan
    creations = [op.payload for op in plan.operations if (op.action, op.kind) == ("create", "network")]
    created = [payload["spec"] for payload in creations]
    olds = [{**as_created(network), "Id": id_of(network)} for network in observed["networks"] if id_of(network) in gone]
    kept = [{**payload["spec"], "Id": payload["was"]} for payload in creations] if back else olds
    names = {id_of(network): name_of(network) for network in observed["networks"]}
    barred = {*gone, *gone.values(), *(spec["Name"] for spec in created)}
    recreation = _Recreation(gone, barred, kept, names, nodes, hidden, back)
    users = {
        name_of(service): service
        for service in observed["services"]
        if stack_of(service) == stack
        and any(("network", target) in set(references(service["Spec"])) for target in gone)
    }
    planned: Dict[str, List[Operation]] = {}
    for op in plan.operations:
        if op.kind == "service" and op.name in users and not op.extra:  # it gives up its ports with the network
            planned.setdefault(op.name, []).append(op)
    first: List[Operation] = []
    then: Dict[str, List[Operation]] = {}
    for name, live in sorted(users.items()):
        step, then[name] = _steps(planned.get(name) or [Operation("keep", "service", name)], live, recreation)
        first.append(step)
    others = [op for op in plan.operations if op.kind != "service" or op.name not in users]
    return replace(plan, operations=_in_order(plan, others, first, then, stack))


def _in_order(
    plan: Plan, others: Sequence[Operation], first: List[Operation], then: Dict[str, List[Operation]], stack: str
) -> Any:
    """Returns configs and secrets, the extra steps, networks, services in their former order, and the last phase."""
    stopped = {op.payload["id"]: op.name for op in first}
    objects = [op for op in others if op.phase == CHANGE and op.kind in ("config", "secret")]
    networks = [op for op in others if op.phase == CHANGE and op.kind == "network"]
    networks = [
        replace(op, payload={**op.payload, "stack": stack, "tasks_of": stopped}) if op.action == "remove" else op
        for op in sorted(networks, key=lambda op: op.action != "remove")
    ]
    services: List[Operation] = []
    last: List[Operation] = []
    for op in plan.operations:
        if op.kind == "service" and op.name in then:
            for mine in then.pop(op.name):
                (last if mine.phase == PRUNE else services).append(mine)
        elif op in others and (op.kind == "service" or op.phase == PRUNE):
            (last if op.phase == PRUNE else services).append(op)
    services += [op for found in then.values() for op in found]
    start = min((op.wave for op in services), default=0)
    return (*(replace(op, wave=start) for op in (*objects, *first, *networks)), *services, *last)


def _steps(planned: Sequence[Operation], live: Service, recreation: _Recreation) -> Any:
    """Returns the step by which a service leaves the networks, and the operations after it."""
    op = planned[-1]
    count = task_count(live, recreation.nodes)
    is_job = mode_of(live["Spec"]).endswith("Job")
    removal = next((op for op in planned if op.action == "remove" and op.phase == CHANGE), None)
    if removal is not None or is_job:
        reason = removal.reason if removal is not None else ANEW
        step = Operation("remove", "service", op.name, op.key, reason, restarts=count, payload={"id": id_of(live)})
        return step, [_made_again(op, live, recreation) for op in planned if _is_wanted(op, recreation)]
    base = before_extra_step(op.payload["spec"] if recreation.back and op.action == "update" else live["Spec"])
    base = with_targets(base, recreation.gone)
    off = _stopped(base, recreation.barred)
    have = normalise.service(live["Spec"], recreation.names)
    was = {field: base.get(field) or {} for field in ("EndpointSpec", "Mode")}
    was.update(
        {field: base["TaskTemplate"].get(field) for field in ("Networks", "Placement")}, networks=recreation.kept
    )
    spec = extra_step_spec(base, was, off, values_to_carry(live, base, recreation.hidden))
    identity = {"id": id_of(live), "version": live["Version"]["Index"]}
    step = Operation(
        "update",
        "service",
        op.name,
        op.key,
        f"leaves the network {', '.join(_left_by(live, recreation.gone))}",
        differences(have, normalise.service({**base, **off}, recreation.names)),
        op.restarts or count,
        dependents=op.dependents,
        extra=True,
        payload={**identity, "spec": spec},
    )
    if op.phase == PRUNE:
        return step, [op]
    if op.action != "update":
        # The history still needs the reason for which the service was kept.
        reason = f"{op.reason}; {ANEW}" if op.reason.startswith(AS_DOCKER) else ANEW
        op = replace(op, action="update", reason=reason, payload={**op.payload, **identity, "spec": base})
    after = with_targets(op.payload["spec"], recreation.gone)
    return step, [
        replace(op, restarts=0, at_most=False, payload={**op.payload, "spec": after, "after": step.payload["spec"]})
    ]


def _left_by(live: Service, gone: Mapping[str, str]) -> List[str]:
    return sorted({gone[target] for kind, target in references(live["Spec"]) if kind == "network" and target in gone})


def _is_wanted(op: Operation, recreation: _Recreation) -> bool:
    """Whether a removed service is recreated. A rollback recreates no job: it would run again."""
    return op.action in ("create", "update") or (op.action == "keep" and op.reason != NOT_RUN and not recreation.back)


def _made_again(op: Operation, live: Service, recreation: _Recreation) -> Operation:
    spec = with_targets(op.payload.get("spec") or live["Spec"], recreation.gone)
    reason = op.reason if op.action == "create" else ANEW
    left = op.payload.get("left", ())
    return replace(op, action="create", reason=reason, restarts=0, payload={"spec": spec, "left": left})


def _stopped(base: ServiceSpec, barred: AbstractSet[str]) -> ServiceSpec:
    """Returns the fields of a service without tasks, without these networks, and without ports of other services."""
    off = without_tasks(base)
    template = off["TaskTemplate"]
    left = [item for item in template.get("Networks") or [] if item.get("Target") not in barred]
    off["TaskTemplate"] = {**template, "Networks": left}
    endpoint = base.get("EndpointSpec") or {}
    if all(port.get("PublishedPort") for port in endpoint.get("Ports") or []):
        off["EndpointSpec"] = {**endpoint, "Ports": []}  # if Swarm chose the numbers, the service must keep them
    return off
