# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Effects of task placement: how many tasks a placement change replaces, and whether nodes must be read for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Iterable, Mapping, Optional

from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import Operation
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.constraints import meets
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import id_of

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import (
        Placement,
        Service,
        ServiceSpec,
    )
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import Placing

#: The states of an update that has replaced all tasks that it was to replace.
ENDED = ("", "completed", "rollback_completed")


def misplaced(service: Service, placement: Placement, placing: Placing) -> Optional[int]:
    """Returns how many tasks of a live service Swarm replaces if only its placement changes; None if unknown.

    As in swarmkit's IsTaskDirty, a task stays if its node meets the new constraints, even if the rest of the placement
    differs. ``placing`` has nodes and tasks.
    """
    constraints = placement.get("Constraints") or []
    if not constraints:
        return 0 if is_settled(service) else None
    if not placing.get("nodes") or not is_settled(service):
        return None
    nodes = {id_of(node): node for node in placing["nodes"]}
    places = [nodes.get(str(task["NodeID"])) for task in tasks_of(service, placing["tasks"])]
    return sum(node is None or not all(meets(node, text) for text in constraints) for node in places)


def tasks_of(service: Mapping[str, object], tasks: Iterable[Mapping[str, object]]) -> Iterable[Mapping[str, Any]]:
    """Returns the tasks of a live service that should run and have a node."""
    return [
        task
        for task in tasks
        if task.get("ServiceID") == id_of(service) and task.get("DesiredState") == "running" and task.get("NodeID")
    ]


def is_settled(service: Service) -> bool:
    """Whether no task of an older spec is left; an update would replace it in any case."""
    return str((service.get("UpdateStatus") or {}).get("State") or "") in ENDED


def needs_places(operations: Iterable[Operation]) -> bool:
    """Whether the effect of an operation depends on the nodes of tasks."""
    return any(
        op.at_most
        or op.payload.get("unplaced")
        or (op.restarts and op.payload.get("spec") and starts_first(op.payload["spec"]))
        for op in operations
    )


def starts_first(spec: ServiceSpec) -> bool:
    """Whether a new task of a service starts beside the old one, and may not be allowed on the same node."""
    if (spec.get("UpdateConfig") or {}).get("Order") != "start-first":
        return False
    ports = (spec.get("EndpointSpec") or {}).get("Ports") or ()
    in_host_mode = any(port.get("PublishMode") == "host" for port in ports)
    return in_host_mode or bool(((spec["TaskTemplate"].get("Placement")) or {}).get("MaxReplicas"))
