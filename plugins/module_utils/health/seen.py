# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sorts the tasks of one service: which of them count, and their states."""

from __future__ import annotations

from typing import TYPE_CHECKING, AbstractSet, Dict, FrozenSet, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.health.nodes import is_down, paused
from ansible_collections.stackwright.swarm.plugins.module_utils.health.statuses import mode_of
from ansible_collections.stackwright.swarm.plugins.module_utils.health.tasks import (
    ENDED_BADLY,
    ON_THE_WAY,
    by_slot,
    error_of,
    has_no_node,
    is_current,
    is_stopping,
    slot_of,
    state_of,
)

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import (
        Node,
        Service,
        ServiceSpec,
        Task,
    )


class View(NamedTuple):
    """What ``judge`` needs besides the service and its tasks."""

    nodes: Sequence[Node] = ()
    old_failures: AbstractSet[str] = frozenset()  # ids of tasks that had ended before the change
    old_update: Tuple[str, str] = ("", "")  # state and start of the update before the change
    since: str = ""  # start of an update that replaces tasks although their specification is the same
    max_restarts: int = 3  # per slot; one more is a crash loop
    ended: Mapping[str, FrozenSet[str]] = {}  # by slot: ids of failed tasks, which the Swarm may have forgotten
    observe: bool = True  # whether to wait until Swarm has monitored the update
    old_lost: AbstractSet[str] = frozenset()  # ids of tasks that were on lost nodes before the change
    now: Optional[float] = None  # seconds since 1970, to detect in a single snapshot that a task waits too long
    pending: float = 20.0  # seconds that a task may wait for a node
    asked: bool = False  # whether this run changed the service; it then waits for a scheduled job too
    old_slots: Optional[AbstractSet[str]] = None  # slots with tasks before (None: any); ``since`` counts only there


class Seen(NamedTuple):
    """The tasks of one service that count. A job has only those of its current run."""

    running: List[Task]  # one per slot
    done: List[Task]  # ended successfully, and not restarted
    failures: List[Task]  # the newest first; if tasks should run forever, also those that ended successfully
    stuck: List[Task]  # no node takes them, and Swarm reports why
    coming: List[Task]  # starting, the newest first
    outdated: List[Task]  # still running with an older specification
    ended: Dict[str, FrozenSet[str]]  # by slot: ids of the failures, also of those in ``View.ended``
    given_up: List[Task]  # failures without a successor in their slot
    # Stopping although they have the current specification, also on a lost node.
    # Swarm's updater would wait for them until the node is back.
    left_behind: List[Task]
    stopping: List[Task]  # of any specification, except on lost nodes

    @property
    def unplaced(self) -> List[Task]:
        """The tasks without a node, also while Swarm has not reported why."""
        return [*self.stuck, *(task for task in self.coming if has_no_node(task))]

    @property
    def most_failures(self) -> int:
        """The number of failures of the worst slot."""
        return max((len(ids) for ids in self.ended.values()), default=0)

    @property
    def good(self) -> int:
        """The number of slots with a running or completed task."""
        return len(self.running) + len(self.done)


def condition_of(spec: ServiceSpec) -> str:
    """Returns the restart condition: any, on-failure or none."""
    policy = spec["TaskTemplate"].get("RestartPolicy") or {}
    return str(policy.get("Condition") or "any")


def sort_out(service: Service, tasks: Sequence[Task], view: View) -> Seen:
    """Sorts ``tasks``, which are all tasks of ``service``, by their states."""
    spec = service["Spec"]
    mode = mode_of(spec)
    # If an update adds replicas and changes ports, Swarm creates tasks of new slots just before the update begins.
    old = view.old_slots
    current = [
        task
        for task in tasks
        if is_current(task, service, view.since if old is None or slot_of(task, mode) in old else "")
    ]
    seen = Seen([], [], [], [], [], _outdated(tasks, current, mode, view), {}, [], [], _stopping(tasks, view))
    seen.left_behind.extend(task for task in current if is_stopping(task))
    for_ever = not mode.endswith("job") and condition_of(spec) == "any"
    for slot, found in by_slot(current, mode).items():
        live = [task for task in found if _is_live(task)]
        newest = live[0] if live else None
        bad = [task for task in found if _is_bad(task, for_ever) and task["ID"] not in view.old_failures]
        seen.failures.extend(bad)
        ids = view.ended.get(slot, frozenset()) | {task["ID"] for task in bad}
        if ids:
            seen.ended[slot] = frozenset(ids)
        if newest is None:
            if state_of(found[0]) == "complete" and not for_ever:
                seen.done.append(found[0])
            elif found[0] in bad and found[0].get("DesiredState") in ("shutdown", "remove"):
                seen.given_up.append(found[0])
        elif state_of(newest) == "running" and newest.get("DesiredState") != "ready":
            seen.running.append(newest)
        elif state_of(newest) == "pending" and error_of(newest):
            seen.stuck.append(newest)
        else:
            seen.coming.append(newest)
    for listed in (seen.failures, seen.coming):
        listed.sort(key=lambda task: str(task.get("CreatedAt")), reverse=True)
    return seen


def _is_live(task: Task) -> bool:
    wanted = task.get("DesiredState") in ("running", "ready", "complete")
    return wanted and state_of(task) in (*ON_THE_WAY, "running")


def _stopping(tasks: Sequence[Task], view: View) -> List[Task]:
    down = {str(node.get("ID")) for node in view.nodes if is_down(node)}
    return [task for task in tasks if is_stopping(task) and task.get("NodeID") and task["NodeID"] not in down]


def _is_bad(task: Task, for_ever: bool) -> bool:
    return state_of(task) in ENDED_BADLY or (for_ever and state_of(task) == "complete")


def _outdated(tasks: Sequence[Task], current: Sequence[Task], mode: str, view: View) -> List[Task]:
    ids = {task["ID"] for task in current}
    # Swarm does not update the tasks of a global service on a paused node.
    kept = paused(view.nodes) if mode == "global" else ()
    return [
        task
        for task in tasks
        if task["ID"] not in ids
        and task.get("DesiredState") == "running"
        and state_of(task) == "running"
        and task.get("NodeID") not in kept
    ]


def good_slots(seen: Seen, mode: str) -> FrozenSet[str]:
    """Returns the slots with a running or completed task."""
    return frozenset(slot_of(task, mode) for task in (*seen.running, *seen.done))
