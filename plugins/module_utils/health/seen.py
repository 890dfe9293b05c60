# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tasks of one service, sorted: which of them count, and their states."""

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
    """What judging needs beside the service and its tasks."""

    nodes: Sequence[Node] = ()
    old_failures: AbstractSet[str] = frozenset()  # ids of tasks that had ended before
    old_update: Tuple[str, str] = ("", "")  # state and start of the update that was known before
    since: str = ""  # when an update replaced tasks although their specification is the same
    max_restarts: int = 3  # of one slot; one more is a crash loop
    ended: Mapping[str, FrozenSet[str]] = {}  # by slot: ids of ended tasks that the Swarm may have forgotten by now
    observe: bool = True  # whether Swarm's own observation after an update is waited for
    old_lost: AbstractSet[str] = frozenset()  # ids of tasks that were on lost nodes before
    now: Optional[float] = None  # seconds since 1970, where one look is to tell what has been pending for too long
    pending: float = 20.0  # seconds for which a task may wait for a node
    asked: bool = False  # whether this run changed the service: a job on a schedule that it runs is waited for
    old_slots: Optional[AbstractSet[str]] = None  # those that had tasks before (None: any): only there ``since`` counts


class Seen(NamedTuple):
    """The tasks of one service that count. A job has those of its present run only."""

    running: List[Task]  # one for each slot
    done: List[Task]  # ended well, and not started again
    failures: List[Task]  # of now, the newest first; where tasks are to run for ever, those that ended well, too
    stuck: List[Task]  # no node takes them, and the Swarm says why
    coming: List[Task]  # on the way, the newest first
    outdated: List[Task]  # still running on an older specification
    ended: Dict[str, FrozenSet[str]]  # by slot: ids of the failures, also of those that the view remembers
    given_up: List[Task]  # failures that nothing follows in their slot
    # Replaced although they are of the present specification, and not ended: on a node that was lost, or stopping.
    # Swarm's updater would wait for them until the node is back.
    left_behind: List[Task]
    stopping: List[Task]  # to end, of whatever specification, on nodes where they can

    @property
    def unplaced(self) -> List[Task]:
        """Those that have no node: also while the Swarm has not said yet why none takes them."""
        return [*self.stuck, *(task for task in self.coming if has_no_node(task))]

    @property
    def most_failures(self) -> int:
        """How often the worst slot has failed."""
        return max((len(ids) for ids in self.ended.values()), default=0)

    @property
    def good(self) -> int:
        """How many slots are as they should be."""
        return len(self.running) + len(self.done)


def condition_of(spec: ServiceSpec) -> str:
    """When a task that ended is started again: any, on-failure or none."""
    policy = spec["TaskTemplate"].get("RestartPolicy") or {}
    return str(policy.get("Condition") or "any")


def sort_out(service: Service, tasks: Sequence[Task], view: View) -> Seen:
    """The tasks of ``service`` (``tasks`` are all of its own) by what they do."""
    spec = service["Spec"]
    mode = mode_of(spec)
    # More replicas and other ports at once: Swarm makes the tasks of new slots a moment before its update begins.
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
    # On a paused node Swarm leaves a global service as it is.
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
    """The slots that are as they should be."""
    return frozenset(slot_of(task, mode) for task in (*seen.running, *seen.done))
