# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The snapshot that a preflight checks: nodes, services, tasks, and the desired state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, FrozenSet, List, Mapping, NamedTuple

from ansible_collections.stackwright.swarm.plugins.module_utils.health.tasks import ON_THE_WAY, state_of
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import id_of, name_of, stack_of
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.ports import Port, asked, held

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Node, Platform, Service, Task
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import ServiceEntry, State

#: Tasks in these states hold resources of their node; those in earlier states have no node.
HOLDING = frozenset(ON_THE_WAY) - {"new", "pending"} | {"running"}


class Seen(NamedTuple):
    """One snapshot. ``platforms`` are those of the images, by service name, if a registry has returned them."""

    desired: State
    nodes: List[Node]
    services: List[Service]
    tasks: List[Task]
    platforms: Mapping[str, List[Platform]]

    @property
    def own(self) -> Dict[str, Service]:
        """The stack's running services that are in the files, by name."""
        stack, names = self.desired["stack"]["name"], {s["name"] for s in self.desired["services"]}
        return {name_of(s): s for s in self.services if stack_of(s) == stack and name_of(s) in names}

    @property
    def others(self) -> List[Service]:
        """All other running services, including those of the stack that a deployment removes."""
        own = {id_of(service) for service in self.own.values()}
        return [service for service in self.services if id_of(service) not in own]

    @property
    def foreign(self) -> List[Service]:
        """The running services of other owners. The stack's own services can hand over their ports."""
        return [service for service in self.services if stack_of(service) != self.desired["stack"]["name"]]

    def holding(self) -> List[Task]:
        """Returns the tasks that hold resources of a node."""
        return [task for task in self.tasks if state_of(task) in HOLDING and task.get("NodeID")]

    def nodes_of(self, service_id: str) -> FrozenSet[str]:
        """Returns the ids of the nodes with tasks of a service."""
        return frozenset(str(task["NodeID"]) for task in self.holding() if task.get("ServiceID") == service_id)


def published(service: Mapping[str, object], mode: str) -> List[Port]:
    """Returns the ports that a service (running, or of a DesiredState) publishes in a mode, except ports that Swarm
    chooses."""
    live: Any = service
    ports = held(live) if "Spec" in live else asked(live["spec"])
    return sorted(ports.ingress if mode == "ingress" else ports.host)


def is_global(service: ServiceEntry) -> bool:
    """Whether a service of a DesiredState has a task on each node."""
    mode = service["spec"].get("Mode") or {}
    return "Global" in mode or "GlobalJob" in mode


def replicas(service: ServiceEntry) -> int:
    """Returns how many tasks of a service of a DesiredState run at a time, if it is not global."""
    mode = service["spec"].get("Mode") or {}
    job = mode.get("ReplicatedJob")
    if job is not None:
        most = int(job.get("MaxConcurrent") or 1)
        return min(most, int(job.get("TotalCompletions") or most))
    count = (mode.get("Replicated") or {}).get("Replicas")
    return 1 if count is None else int(count)
