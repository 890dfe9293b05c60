# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The CPU usage of a stack's tasks on this node, and on a manager the data for the autoscaler."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.observe import of_stack, services_of, tasks_of
from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import Clock, SystemClock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError, StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.health.tasks import seconds, state_of
from ansible_collections.stackwright.swarm.plugins.module_utils.locking.holder import locked_by
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.autoscale import bounds_of, replicas_in
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import (
    BEFORE_STOP,
    HANDING_OVER,
    HELD,
    LOCK,
    labels_of,
    name_of,
    ours_in,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.names import Stack

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Service

SERVICE, TASK = "com.docker.swarm.service.name", "com.docker.swarm.task.id"
NANOSECONDS = 1e9
SHORTEST, LONGEST = 0.1, 60.0  # seconds


def show_load(client: EngineClient, params: Mapping[str, object], _check: bool) -> Dict[str, Any]:
    """Returns the result of the module stack_load; ``params`` are its options."""
    over = float(str(params["seconds"]))
    if not SHORTEST <= over <= LONGEST:
        raise StackwrightError(f"seconds must be from {SHORTEST:g} to {LONGEST:g}, not {over:g}.", "invalid_options")
    return stack_load(client, SystemClock(), Stack.of(params).full_name, over, str(params["label_prefix"]))


def stack_load(client: EngineClient, clock: Clock, stack: str, over: float, prefix: str) -> Dict[str, Any]:
    """Returns the ``tasks`` on this node with the percentage of their CPUs that they used in ``over`` seconds; on a
    manager also the ``services`` with the label autoscale.

    Raises EngineError, StackwrightError (``invalid_options``) for an invalid label.
    """
    info = client.get("/info")
    swarm = info.get("Swarm") or {}
    is_manager = bool(swarm.get("ControlAvailable"))
    before = {container["Id"]: _used(client, clock, container["Id"]) for container in _containers(client, stack)}
    clock.sleep(over if before else 0.0)
    tasks = []
    for container in _containers(client, stack) if before else ():
        first, last = before.get(container["Id"]), _used(client, clock, container["Id"])
        if first and last:
            labels = container.get("Labels") or {}
            percent = 100.0 * (last[1] - first[1]) / max(last[0] - first[0], 0.001) / _cpus(client, container["Id"])
            service = str(labels.get(SERVICE) or "")
            tasks.append({"service": service, "task": str(labels.get(TASK) or ""), "cpu_percent": round(percent, 1)})
    services = _services(client, stack, prefix, seconds(info.get("SystemTime")) or 0.0) if is_manager else []
    return {
        "changed": False,
        "stack": stack,
        "node": str(info.get("Name") or ""),
        "cluster_id": str((swarm.get("Cluster") or {}).get("ID") or ""),
        "manager": is_manager,
        "tasks": sorted(tasks, key=lambda task: (task["service"], task["task"])),
        "services": services,
        "calls": client.calls,
    }


def _containers(client: EngineClient, stack: str) -> List[Dict[str, Any]]:
    return client.list("/containers/json", of_stack(stack))


def _used(client: EngineClient, clock: Clock, identity: str) -> Optional[Tuple[float, float]]:
    """Returns the time, and the CPU seconds that a container has used; None if it has ended."""
    try:
        found = client.get(f"/containers/{identity}/stats", {"stream": False, "one-shot": True})
    except EngineError as error:
        if error.error_code == "not_found":
            return None
        raise
    used = ((found or {}).get("cpu_stats") or {}).get("cpu_usage") or {}
    total = used.get("total_usage")
    # A container that has just ended has no usage.
    return (clock.now(), total / NANOSECONDS) if isinstance(total, (int, float)) and total > 0 else None


def _cpus(client: EngineClient, identity: str) -> float:
    """Returns the CPU limit of a container; 1 if it has none."""
    try:
        host = client.get(f"/containers/{identity}/json").get("HostConfig") or {}
    except EngineError as error:
        if error.error_code == "not_found":
            return 1.0
        raise
    period = host.get("CpuPeriod") or 100_000
    return float((host.get("NanoCpus") or 0) / NANOSECONDS or (host.get("CpuQuota") or 0) / period or 1.0)


def _services(client: EngineClient, stack: str, prefix: str, now: float) -> List[Dict[str, Any]]:
    configs = client.list("/configs", of_stack(stack))
    lock = locked_by(next((config for config in configs if LOCK in labels_of(config)), None))
    running: Dict[str, List[str]] = {}
    for task in tasks_of(client, stack):
        if state_of(task) == "running" and task.get("DesiredState") == "running":
            running.setdefault(str(task.get("ServiceID")), []).append(task["ID"])
    found = []
    for service in services_of(client, stack):
        bounds = bounds_of(labels_of(service), prefix, f"service {name_of(service)}")
        replicas = replicas_in(service["Spec"])
        if bounds is not None and replicas is not None:
            item: Dict[str, Any] = {"name": name_of(service), "replicas": replicas}
            item["tasks"] = sorted(running.get(service["ID"], ()))
            item.update(low=bounds.low, high=bounds.high, busy=_busy(service, lock, prefix))
            # Both times are from managers, so the controller's clock does not matter.
            item["unchanged_for"] = max(0, int(now - (seconds(service.get("UpdatedAt")) or now)))
            found.append(item)
    return found


def _busy(service: Service, lock: str, prefix: str) -> str:
    """Returns why the replicas must not be changed now; empty if they may."""
    labels: Mapping[str, str] = labels_of(service)
    state = str((service.get("UpdateStatus") or {}).get("State") or "")
    if lock:
        return f"locked by {lock}"
    if ours_in(labels, prefix, BEFORE_STOP):
        return "the stack is stopped"
    if ours_in(labels, prefix, HELD) or state in ("paused", "rollback_paused"):
        return "its update is paused"
    return "it is being updated" if HANDING_OVER in labels or state in ("updating", "rollback_started") else ""
