# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plans of ``state: stopped`` and ``state: absent``: from the running services alone, without files.

Also the extra step that stops a service for a while.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Sequence, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.plan.differences import differences
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import Operation, Plan, ordered
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.extra_step import NETWORKS, extra_step_spec
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.prune import gone_objects, gone_services
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.services import (
    mode_of,
    task_count,
    without_tasks,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm import normalise
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import (
    BEFORE_STOP,
    NOWHERE,
    name_of,
    spellings,
    stack_of,
)

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import ServiceSpec
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import Observed

Spec = Dict[str, Any]


def stop(stack: str, observed: Observed, prefix: str, nodes: int) -> Plan:
    """Returns the plan that scales replicated services to zero, and gives global ones a constraint that no node meets.
    A label stores the state before."""
    operations = []
    for service in observed["services"]:
        if stack_of(service) != stack:
            continue
        name = name_of(service)
        spec, reason = stopped(service["Spec"], prefix)
        if spec is None:
            operations.append(Operation("keep", "service", name, reason=reason))
            continue
        before, after = normalise.service(service["Spec"]), normalise.service(spec)
        operations.append(
            Operation(
                "update",
                "service",
                name,
                reason=reason,
                changes=differences(before, after),
                restarts=task_count(service, nodes),
                payload={
                    "id": service["ID"],
                    "version": service["Version"]["Index"],
                    "spec": spec,
                },
            )
        )
    if not operations:
        return Plan(
            (), (f"there is no stack {stack} in this Swarm, so nothing was stopped; list the stacks with stack_info",)
        )
    return Plan(ordered(operations))


def stopped(spec: ServiceSpec, prefix: str) -> Tuple[Optional[ServiceSpec], str]:
    """Returns the ServiceSpec without tasks, with its number of replicas in a label that begins with ``prefix``, or
    None; and the reason."""
    mode = mode_of(spec)
    label = prefix + BEFORE_STOP
    old = [start + BEFORE_STOP for start in spellings(prefix)]  # from an earlier stop
    labels = {name: value for name, value in (spec.get("Labels") or {}).items() if name not in old}
    if mode.endswith("Job"):
        return None, "a job runs to its end"
    if mode == "Replicated":
        replicas = (spec["Mode"]["Replicated"] or {}).get("Replicas", 1)
        if not replicas:
            return None, "has no tasks"
        labels[label] = str(replicas)
    elif NOWHERE in ((spec["TaskTemplate"].get("Placement") or {}).get("Constraints") or []):
        return None, "has no tasks"
    else:
        labels[label] = "global"
    return {**spec, **without_tasks(spec), "Labels": labels}, "stopped"


def stop_of(base: ServiceSpec, carried: Sequence[str], **more: object) -> ServiceSpec:
    """Returns the extra step (extra_step.py) that stops a service with the spec ``base``. ``more`` goes into its
    label."""
    was: Dict[str, object] = {field: base["TaskTemplate"].get(field) for field in ("Networks", "Placement")}
    was.update({"EndpointSpec": base.get("EndpointSpec") or {}, "Mode": base.get("Mode") or {}, NETWORKS: [], **more})
    return extra_step_spec(base, was, without_tasks(base), carried)


def remove(stack: str, observed: Observed, nodes: int) -> Plan:
    """Returns the plan that removes the stack except its volumes, also objects that its revisions need."""
    observed = {**observed, "kept": {}}
    none: Dict[str, Any] = {"network": set(), "config": set(), "secret": set()}
    operations: List[Operation] = gone_services(stack, set(), observed, nodes)
    removals, notices = gone_objects(stack, none, observed, operations)
    absent = [replace(operation, reason="state absent") for operation in operations + removals]
    return Plan(ordered(absent), tuple(sorted(notices)))
