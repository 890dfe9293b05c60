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
    """How many tasks of a live service Swarm replaces where nothing but its placement changes; None: nobody can tell.

    As swarmkit's IsTaskDirty: a task on a node that meets the new constraints stays, whatever else is of the placement.
    ``placing`` has nodes and tasks.
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
    """The tasks of a live service that are meant to run, and have a node."""
    return [
        task
        for task in tasks
        if task.get("ServiceID") == id_of(service) and task.get("DesiredState") == "running" and task.get("NodeID")
    ]


def is_settled(service: Service) -> bool:
    """Whether no task of an older specification is left, which an update replaces anyway."""
    return str((service.get("UpdateStatus") or {}).get("State") or "") in ENDED


def needs_places(operations: Iterable[Operation]) -> bool:
    """Whether one has to know where tasks are, to tell what an operation does."""
    return any(
        op.at_most
        or op.payload.get("unplaced")
        or (op.restarts and op.payload.get("spec") and starts_first(op.payload["spec"]))
        for op in operations
    )


def starts_first(spec: ServiceSpec) -> bool:
    """Whether a service's new task starts beside the old one, and something may keep it from the old one's node."""
    if (spec.get("UpdateConfig") or {}).get("Order") != "start-first":
        return False
    ports = (spec.get("EndpointSpec") or {}).get("Ports") or ()
    in_host_mode = any(port.get("PublishMode") == "host" for port in ports)
    return in_host_mode or bool(((spec["TaskTemplate"].get("Placement")) or {}).get("MaxReplicas"))
