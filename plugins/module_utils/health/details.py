# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Details of a service besides its status: update progress, restarts, last failure, time of the last change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Iterable, List, Optional, Sequence

from ansible_collections.stackwright.swarm.plugins.module_utils.health.nodes import hostname, is_down
from ansible_collections.stackwright.swarm.plugins.module_utils.health.seen import Seen, View, condition_of, sort_out
from ansible_collections.stackwright.swarm.plugins.module_utils.health.statuses import (
    DEGRADED,
    FAILED,
    GOOD,
    Judgement,
    mode_of,
    update_state,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.health.tasks import (
    ENDED_BADLY,
    by_slot,
    error_of,
    how_it_ended,
    is_current,
    seconds,
    shown,
    state_of,
    timestamp,
)

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Node, Service, Task

Found = Dict[str, Any]

#: Seconds that a task must run after a failed one to count as healthy.
SETTLED = 10.0
SKEW = 5.0  # seconds by which a node's clock may be ahead
MOVING = ("updating", "rollback_started")
HELD = ("paused", "rollback_paused")


def report(
    service: Service,
    tasks: Sequence[Task],
    nodes: Sequence[Node],
    fine: Iterable[str],
    found: Judgement,
    after: Optional[Task] = None,
) -> Found:
    """Returns healthy, updating, update_status, restarts, last_failure and since of one service.

    ``tasks`` are those of the service, ``fine`` the ids of failed tasks with a healthy successor, ``found`` its
    judgement, ``after`` the result of ``restarted``. Times are text in UTC, or None.
    """
    seen = sort_out(service, tasks, View(nodes, frozenset(fine)))
    return {
        "healthy": _healthy(seen, nodes),
        "updating": update_state(service) in MOVING or (bool(seen.outdated) and update_state(service) not in HELD),
        "update_status": _update(service, seen, found),
        "restarts": _restarts(service, tasks),
        "last_failure": _last_failure(service, tasks, nodes),
        "since": shown(_when(after)) if after and found.status not in GOOD else _since(service, seen, found),
    }


def restarted(service: Service, tasks: Sequence[Task], now: Optional[float]) -> Optional[Task]:
    """Returns a failed task whose replacement has just started, so it is unknown whether that one keeps running.

    ``now`` is the managers' time in seconds since 1970; without it, returns None.
    """
    if now is None:
        return None
    mode = mode_of(service["Spec"])
    if mode.endswith("job"):
        return None
    for found in by_slot([task for task in tasks if is_current(task, service)], mode).values():
        again = len(found) > 1 and state_of(found[0]) == "running" and _is_bad(service, found[1])
        if again and _began_within(found[0], now, SETTLED):
            return found[1]
    return None


def is_young(service: Service, tasks: Sequence[Task], now: Optional[float], stable_for: float) -> bool:
    """Whether a running task of the current specification started less than ``stable_for`` seconds before ``now``."""
    if now is None or mode_of(service["Spec"]).endswith("job"):
        return False
    running = [task for task in tasks if is_current(task, service) and state_of(task) == "running"]
    return any(_began_within(task, now, stable_for) for task in running)


def _began_within(task: Task, now: float, limit: float) -> bool:
    """Whether a running task started less than ``limit`` seconds before ``now``."""
    began = seconds(_when(task))
    return began is not None and -SKEW <= now - began < limit


def _healthy(seen: Seen, nodes: Sequence[Node]) -> int:
    away = {str(node.get("ID")) for node in nodes if is_down(node)}
    return len([task for task in seen.running if str(task.get("NodeID")) not in away]) + len(seen.done)


def _update(service: Service, seen: Seen, found: Judgement) -> Found:
    status = service.get("UpdateStatus") or {}
    return {
        "state": update_state(service),
        "done": seen.good,
        "total": found.desired,
        "old": len(seen.outdated),
        "started": shown(status.get("StartedAt")),
        "ended": shown(status.get("CompletedAt")),
        "message": str(status.get("Message") or ""),
    }


def _restarts(service: Service, tasks: Sequence[Task]) -> int:
    current = [task for task in tasks if is_current(task, service)]
    followed = [task for found in by_slot(current, mode_of(service["Spec"])).values() for task in found[1:]]
    return sum(_is_bad(service, task) for task in followed)


def _is_bad(service: Service, task: Task) -> bool:
    """Whether a task has failed, or ended although it should run forever."""
    spec = service["Spec"]
    for_ever = not mode_of(spec).endswith("job") and condition_of(spec) == "any"
    return state_of(task) in ENDED_BADLY or (for_ever and state_of(task) == "complete")


def _last_failure(service: Service, tasks: Sequence[Task], nodes: Sequence[Node]) -> Optional[Dict[str, Any]]:
    """Returns the newest failure that the Swarm remembers, also of an earlier specification."""
    bad = [task for task in tasks if _is_bad(service, task)]
    if not bad:
        return None
    task = max(bad, key=lambda each: timestamp(_when(each)))
    names = {str(node.get("ID")): hostname(node) for node in nodes}
    container = (task.get("Status") or {}).get("ContainerStatus") or {}
    node = str(task.get("NodeID") or "")
    return {
        "error": error_of(task) or how_it_ended(task),
        "exit_code": container.get("ExitCode") or 0 if container.get("ContainerID") else None,
        "node": names.get(node, node),
        "at": shown(_when(task)),
        "task": str(task["ID"]),
        "slot": task.get("Slot"),
        "old": not is_current(task, service),
    }


def _since(service: Service, seen: Seen, found: Judgement) -> Optional[str]:
    """Returns the start of the current state, from the tasks that the Swarm remembers."""
    update = service.get("UpdateStatus") or {}
    if found.status in GOOD:
        times = [_when(task) for task in (*seen.running, *seen.done)]
        if update_state(service) == "completed":
            times.append(update.get("CompletedAt"))
        return shown(max(filter(None, times), key=timestamp, default=service.get("UpdatedAt")))
    if found.status in (DEGRADED, FAILED) and seen.failures:
        return shown(min((_when(task) for task in seen.failures), key=timestamp))
    if update_state(service) in MOVING:
        return shown(update.get("StartedAt"))
    waiting: List[Task] = [*seen.stuck, *seen.coming]
    return shown(min((task.get("CreatedAt") for task in waiting), key=timestamp, default=service.get("UpdatedAt")))


def _when(task: Task) -> Any:
    """Returns the time at which the node reported the task's state."""
    return (task.get("Status") or {}).get("Timestamp")
