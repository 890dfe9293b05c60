# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waits until tasks have stopped: after ``stopped`` and between the removals of ``absent``."""

from __future__ import annotations

from typing import TYPE_CHECKING, AbstractSet, Any, Callable, Dict, List, Mapping, NamedTuple, Optional

from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.observe import tasks_of
from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import Clock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import DeployError
from ansible_collections.stackwright.swarm.plugins.module_utils.core.retry import patiently
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.health.lost import how_it_is
from ansible_collections.stackwright.swarm.plugins.module_utils.health.nodes import hostname, is_down, rejoined
from ansible_collections.stackwright.swarm.plugins.module_utils.health.tasks import grace, state_of
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import Operation

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Node, Task

Tick = Callable[[], None]
Tell = Callable[[str], None]
#: Names of services by their ids.
Names = Mapping[str, str]

FIRST_PAUSE, USUAL_PAUSE, LONGEST_PAUSE, GROWTH = 0.05, 0.15, 1.0, 1.5  # seconds, and a factor
SHARE = 10  # a pause may be at most this many times the duration of a check: the Engine has other work
TELL_EVERY = 10.0  # seconds
NAMED = 3  # places that a message lists
ALIVE = ("assigned", "accepted", "preparing", "ready", "starting", "running")


class _Left(NamedTuple):
    """The tasks that still run: on nodes that are up, and on lost nodes. ``nodes`` has all nodes by id."""

    ending: List[Task]
    lost: List[Task]
    nodes: Dict[str, Node]


def wait_until_stopped(
    client: EngineClient,
    clock: Clock,
    stack: str,
    timeout: float,
    names: Names,
    tick: Tick = lambda: None,
    tell: Tell = lambda line: None,
    deadline: float = 0.0,
) -> List[str]:
    """Waits until no task of the services in ``names`` runs; returns a sentence for each lost node with tasks.

    It does not wait for tasks on a node that is down: they can't end, and the Engine gives them up (``orphaned``) only
    after a day. Each round calls ``tick``, which renews a lock; ``tell`` gets a line about the tasks that are left.
    Raises DeployError (`timeout`) after ``timeout`` seconds without progress plus the longest grace period, or after
    ``deadline`` seconds in all.
    """
    what = f"The stack {stack} did not stop"
    return _until_none(lambda: _left(client, stack, names.keys()), clock, what, timeout, names, tick, tell, deadline)


def wait_until_gone(
    client: EngineClient,
    clock: Clock,
    stack: str,
    timeout: float,
    tick: Tick = lambda: None,
    ids: Optional[AbstractSet[str]] = None,
    tell: Tell = lambda line: None,
    names: Optional[Names] = None,
    deadline: float = 0.0,
) -> List[str]:
    """Does the same as ``wait_until_stopped`` for all tasks of the stack, or of the services ``ids``."""
    what = f"The tasks of the stack {stack} did not stop"
    return _until_none(lambda: _left(client, stack, ids), clock, what, timeout, names or {}, tick, tell, deadline)


def remove_network(applying: Any, operation: Operation) -> None:
    """Removes a network. If it will be recreated, waits for its tasks first: they would keep the name in use."""
    ids, stack = operation.payload.get("tasks_of"), operation.payload.get("stack", "")
    if ids:
        client, clock, patience = applying.client, applying.clock, applying.patience
        wait_until_gone(client, clock, stack, patience, applying.keep, ids.keys(), applying.progress, ids)
    applying.remove_when_free(operation)


def _left(client: EngineClient, stack: str, ids: Optional[AbstractSet[str]]) -> _Left:
    tasks = [t for t in tasks_of(client, stack) if state_of(t) in ALIVE and t.get("NodeID")]
    if ids is not None:
        tasks = [task for task in tasks if task.get("ServiceID") in ids]
    if not tasks:
        return _Left([], [], {})
    nodes = {str(node["ID"]): node for node in client.list("/nodes")}
    up = {identity for identity, node in nodes.items() if not is_down(node)}
    return _Left(
        [task for task in tasks if task["NodeID"] in up], [task for task in tasks if task["NodeID"] not in up], nodes
    )


def _until_none(
    look: Callable[[], _Left],
    clock: Clock,
    what: str,
    timeout: float,
    names: Names,
    tick: Tick,
    tell: Tell,
    deadline: float,
) -> List[str]:
    start = progressed = reported = clock.now()
    pause, count = FIRST_PAUSE, -1
    while True:
        tick()
        began = clock.now()
        left = patiently(clock, look, tick)
        tasks = left.ending
        if not tasks:
            return _lost_tasks(left, names)
        if len(tasks) != count:
            progressed = began
        overdue = 0 < deadline <= clock.now() - start
        longest_grace = max(map(grace, tasks))
        if overdue or clock.now() - progressed >= timeout + longest_grace:
            limit = f"before its deadline of {deadline:g} s" if overdue else f"within {timeout:g} s"
            raise DeployError(
                f"{what} {limit}: {_number(tasks)} left: {_places(tasks, left, names)}.",
                "timeout",
                "List them with `docker stack ps`; run again to continue.",
                {"tasks": sorted(task["ID"] for task in tasks)},
            )
        if len(tasks) != count or clock.now() - reported >= TELL_EVERY:
            reported = clock.now()
            tell(f"waiting for {_places(tasks, left, names)} to end (grace period {longest_grace:g} s)")
        slowest = min(max(USUAL_PAUSE, SHARE * (clock.now() - began)), LONGEST_PAUSE)
        pause = FIRST_PAUSE if len(tasks) != count else min(pause * GROWTH, slowest)
        count = len(tasks)
        clock.sleep(pause)


def _number(tasks: List[Task]) -> str:
    return "1 task is" if len(tasks) == 1 else f"{len(tasks)} tasks are"


def _places(tasks: List[Task], left: _Left, names: Names) -> str:
    """Returns services and nodes of tasks: ``shop_db on w1, 2 tasks of shop_web on m1``."""
    counts: Dict[str, int] = {}
    for task in tasks:
        service = names.get(str(task.get("ServiceID")), "a task")
        node = str(task["NodeID"])
        place = f"{service} on {hostname(left.nodes.get(node, {'ID': node}))}"
        counts[place] = counts.get(place, 0) + 1
    known = [place if number == 1 else f"{number} tasks of {place}" for place, number in sorted(counts.items())]
    more = f" and {len(known) - NAMED} more" if len(known) > NAMED else ""
    return f"{', '.join(known[:NAMED])}{more}"


def _lost_tasks(left: _Left, names: Names) -> List[str]:
    by_node: Dict[str, List[Task]] = {}
    for task in left.lost:
        by_node.setdefault(str(task["NodeID"]), []).append(task)
    lines = []
    for identity, tasks in sorted(by_node.items()):
        node = left.nodes.get(identity)
        services = sorted({names.get(str(task.get("ServiceID")), "") for task in tasks} - {""})
        of = f" of {', '.join(services)}" if services else ""
        if node is None:
            lines.append(f"{_number(tasks)} left{of} on a node that is no longer in the Swarm.")
        else:
            ends = "It ends" if len(tasks) == 1 else "They end"
            how = f"on {hostname(node)}, which {how_it_is(node, left.nodes.values())}"
            then = "" if rejoined(node, left.nodes.values()) else f" {ends} when the node is back."
            lines.append(f"{_number(tasks)} left{of} {how}.{then}")
    return lines
