# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds services of a plan that get no node for their host-mode ports, certainly or only probably.

The Engine accepts such a service, and its tasks wait. It is certain if neither the return of lost nodes nor the end of
other stacks' tasks would help.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List, NamedTuple, Sequence

from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import Operation
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.placing import is_settled
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.services import mode_of
from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.capacity import capacity_findings
from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.facts import (
    Seen,
    is_global,
    replicas,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.findings import ERROR, WARNING, Finding
from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.placement import eligible, fits
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import id_of, name_of, stack_of
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.ports import asked, held

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Node, Service
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import (
        Observed,
        Placing,
        ServiceEntry,
        State,
    )


class Contested(NamedTuple):
    """The services with host-mode ports, and the keys of those that may get no node for one."""

    services: List[ServiceEntry]
    keys: Sequence[str]


def contested(desired: State, observed: Observed, operations: Sequence[Operation]) -> Contested:
    """Finds services of a plan whose host-mode ports other services or several own tasks need. Reads no nodes."""
    stack = desired["stack"]["name"]
    live = {name_of(service): service for service in observed["all_services"] if stack_of(service) == stack}
    writes = {op.name: op for op in operations if op.action in ("create", "update") and not op.extra}
    services: List[Any] = []
    for service in desired["services"]:
        op = writes.get(service["name"])
        spec: Any = op.payload["spec"] if op is not None and op.kind == "service" else service["spec"]
        if asked(spec).host and not service.get("step_of") and not mode_of(spec).endswith("Job"):
            template = {"Placement": spec["TaskTemplate"].get("Placement") or {}, "ContainerSpec": {}}
            services.append({**service, "spec": {**spec, "TaskTemplate": template}})
    foreign = [held(other) for other in observed["all_services"] if stack_of(other) != stack] if services else []
    keys = []
    for service in services:
        ports, was = asked(service["spec"]), live.get(service["name"])
        others = foreign + [asked(other["spec"]) for other in services if other is not service]
        several = not is_global(service) and replicas(service) > 1
        is_new = service["name"] in writes and (was is None or _takes_more(service, was))
        if is_new and (several or any(ports.shared(has) for has in others)):
            keys.append(service["key"])
    return Contested(services, keys)


def _takes_more(service: ServiceEntry, live: Service) -> bool:
    """Whether a change needs ports on more or other nodes than the service has now."""
    now: Any = {"spec": live["Spec"]}
    placements = [spec["TaskTemplate"].get("Placement") or {} for spec in (service["spec"], live["Spec"])]
    more = is_global(service) != is_global(now) or (not is_global(now) and replicas(service) > replicas(now))
    return more or placements[0] != placements[1] or bool(asked(service["spec"]).minus(held(live)).host)


def unplaceable(desired: State, found: Contested, services: List[Service], placing: Placing) -> List[Finding]:
    """Returns the findings of a preflight about the contested ports; an error is certain."""
    wanted: State = {**desired, "services": found.services}
    seen = Seen(wanted, placing["nodes"], services, placing["tasks"], {})
    certain = [finding for finding in _findings(_at_best(seen), found) if finding["level"] == ERROR]
    return certain or [{**finding, "level": WARNING} for finding in _findings(seen, found)]


def _findings(seen: Seen, found: Contested) -> List[Finding]:
    may = {service["name"]: eligible(fits(seen, service)) for service in seen.desired["services"]}
    findings = capacity_findings(seen, may)
    return [finding for finding in findings if finding["code"] == "host_port" and finding["service"] in found.keys]


def _at_best(seen: Seen) -> Seen:
    """Returns the Swarm with all lost nodes back, and without other stacks' tasks that may end or move."""
    up = {id_of(node) for node in seen.nodes if (node.get("Status") or {}).get("State") == "ready"}
    stay = {id_of(service) for service in seen.services if _stays(service)}
    tasks = [
        task
        for task in seen.tasks
        if task.get("ServiceID") in stay
        and task.get("NodeID") in up
        and task.get("DesiredState") == (task.get("Status") or {}).get("State") == "running"
    ]
    nodes: List[Node] = [{**node, "Status": {**(node.get("Status") or {}), "State": "ready"}} for node in seen.nodes]
    return seen._replace(nodes=nodes, tasks=tasks)


def _stays(service: Service) -> bool:
    return is_settled(service) and held(service).host == asked(service["Spec"]).host
