# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The waits without progress that the old and new specifications declare."""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict, Iterable, List, Optional, Sequence

from ansible_collections.stackwright.swarm.plugins.module_utils.health.statuses import replicas_of, update_state
from ansible_collections.stackwright.swarm.plugins.module_utils.health.tasks import grace, state_of

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Service, Task

NANO = 1e9
#: The Engine's defaults, in seconds.
MONITOR, INTERVAL = 5.0, 30.0
#: Parts of errors about resources that a stopping task will free.
FREED = ("host-mode port", "insufficient resources", "max replicas per node")


def waits(tasks: Sequence[Task], stopping: Sequence[Task]) -> Dict[str, float]:
    """Returns the declared waits of one service, in seconds since each was first seen, by a unique text.

    ``tasks`` are all tasks of the service, ``stopping`` those that are stopping.
    """
    found = {f"{task['ID']} stops": grace(task) for task in stopping}
    for task in tasks:
        spec = task.get("Spec") or {}
        # While an old task stops, its grace period is the wait.
        if task.get("DesiredState") == "ready" and not stopping:
            delay = (spec.get("RestartPolicy") or {}).get("Delay")
            found[f"{task['ID']} starts"] = _seconds(delay, 0.0)
        check = (spec.get("ContainerSpec") or {}).get("Healthcheck") or {}
        if state_of(task) == "starting" and check:
            found[f"{task['ID']} is checked"] = _seconds(check.get("StartPeriod"), 0.0) + _seconds(
                check.get("Interval"), INTERVAL
            )
    return found


def observation(service: Service) -> float:
    """Returns the seconds in which an update may make no progress: between two steps, and while Swarm monitors it."""
    state = update_state(service)
    if state not in ("updating", "rollback_started"):
        return 0.0
    spec = service["Spec"]
    config = (spec.get("UpdateConfig") if state == "updating" else spec.get("RollbackConfig")) or {}
    delay = _seconds(config.get("Delay"), 0.0)
    # Swarm monitors for longer than the delay, whatever ``Monitor`` is.
    return delay + max(_seconds(config.get("Monitor"), MONITOR), delay + 1)


def whole_rollback(service: Service) -> float:
    """Returns the seconds that Swarm's rollback of a service may take, from the waits in its specification."""
    spec = service["Spec"]
    config = spec.get("RollbackConfig") or {}
    at_once = int(config.get("Parallelism") or 0) or replicas_of(spec) or 1
    steps = -(-replicas_of(spec) // at_once)
    each = _seconds(config.get("Delay"), 0.0) + grace({"Spec": spec["TaskTemplate"]})
    return steps * each + observation({**service, "UpdateStatus": {"State": "rollback_started"}})


def longest_grace(services: Iterable[Service]) -> float:
    """Returns the longest grace period of these services in seconds."""
    return max((grace({"Spec": service["Spec"]["TaskTemplate"]}) for service in services), default=0.0)


def still_stopping(stopping: List[Task], old: str = "old ") -> str:
    """Returns a text about stopping tasks; empty if there are none."""
    if not stopping:
        return ""
    who = f"the {old}task is" if len(stopping) == 1 else f"{len(stopping)} {old}tasks are"
    return f"{who} still stopping (grace period {max(map(grace, stopping)):g} s)"


def _seconds(given: Optional[float], default: float) -> float:
    return default if given is None else float(given) / NANO
