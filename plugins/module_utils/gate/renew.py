# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recreates tasks that wait for a node after an update that keeps them.

Swarm's scheduler retries a task only if its service was not updated since (moby 53722; seen on 20.10). After an update
of labels alone, or of the number of replicas, a task that waits for a node would wait for ever, even once there is one.
So the service is scaled down by those tasks, which Swarm removes first, and up again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Dict, List, Mapping, Optional

from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import Clock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.core.retry import Backoff, patiently
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.health.nodes import is_ready
from ansible_collections.stackwright.swarm.plugins.module_utils.health.tasks import state_of
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import Operation
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import id_of

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Service, ServiceSpec, Task
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import Observed

PAUSE, PATIENCE = 0.1, 10.0  # seconds: between checks, and at most until Swarm has removed the tasks
#: Swarm replaces the tasks by itself if one of these changes.
REPLACING = ("TaskTemplate", "EndpointSpec")


class Renewal:
    """Renews waiting tasks of the services in ``observed`` that run too few. ``keep`` renews the lock meanwhile."""

    def __init__(self, client: EngineClient, clock: Clock, observed: Observed, keep: Callable[[], None]) -> None:
        self._client, self._clock, self._keep = client, clock, keep
        # Tasks on a lost node count as running.
        unsure = "nodes" not in observed or not all(map(is_ready, observed["nodes"]))
        self._short = {id_of(service) for service in observed["services"] if unsure or _is_short(service)}

    def after(self, operation: Operation, spec: ServiceSpec, headers: Optional[Dict[str, str]]) -> None:
        """Renews the waiting tasks of a service that was just updated to ``spec``. Raises EngineError."""
        identity = operation.payload["id"]
        if identity in self._short and _keeps_tasks(operation):
            _renew(self._client, self._clock, identity, spec, headers, self._keep)


def _keeps_tasks(operation: Operation) -> bool:
    """Whether an update leaves the tasks of a replicated service as they are."""
    mode = operation.payload["spec"].get("Mode") or {}
    paths = [change.path for change in operation.changes]
    return bool(paths) and mode.get("Replicated") is not None and not any(p.startswith(REPLACING) for p in paths)


def _is_short(service: Service) -> bool:
    """Whether fewer tasks of a service run than should, by the Engine's own counts."""
    counts = service.get("ServiceStatus") or {}
    return int(counts.get("RunningTasks") or 0) < int(counts.get("DesiredTasks") or 0)


def _renew(
    client: EngineClient,
    clock: Clock,
    identity: str,
    spec: ServiceSpec,
    headers: Optional[Dict[str, str]],
    keep: Callable[[], None],
) -> None:
    replicas = int((spec["Mode"]["Replicated"] or {}).get("Replicas", 1))
    if not replicas:
        return
    waiting = {task["ID"] for task in _tasks(client, clock, identity, keep) if _waits(task)}
    if not waiting:
        return
    for count in (max(replicas - len(waiting), 0), replicas):
        _scale(client, clock, identity, {**spec, "Mode": {"Replicated": {"Replicas": count}}}, headers, keep)
        until = clock.now() + PATIENCE
        # Swarm acts on both numbers only if the first has taken effect before the second is set.
        while clock.now() < until and waiting & {t["ID"] for t in _tasks(client, clock, identity, keep) if _waits(t)}:
            clock.sleep(PAUSE)
            keep()


def _tasks(client: EngineClient, clock: Clock, identity: str, keep: Callable[[], None]) -> List[Task]:
    query = {"filters": {"service": [identity], "desired-state": ["running"]}}
    return patiently(clock, lambda: client.list("/tasks", query), keep)


def _waits(task: Task) -> bool:
    return state_of(task) == "pending" and not task.get("NodeID") and task.get("DesiredState") == "running"


def _scale(
    client: EngineClient,
    clock: Clock,
    identity: str,
    spec: Mapping[str, object],
    headers: Optional[Dict[str, str]],
    keep: Callable[[], None],
) -> None:
    backoff, path = Backoff(clock, keep, also=("out_of_sequence",)), f"/services/{identity}"
    while True:
        try:
            live = client.get(path)
            if live["Spec"].get("Mode") == spec["Mode"]:
                return
            client.post(f"{path}/update", {"version": live["Version"]["Index"]}, spec, headers)
            return
        except EngineError as error:
            backoff.bear(error)
