# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Predicts which tasks of a node that is drained or lost find another node, and how they move."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Mapping, NamedTuple, Sequence, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.health.lost import is_local
from ansible_collections.stackwright.swarm.plugins.module_utils.health.nodes import hostname
from ansible_collections.stackwright.swarm.plugins.module_utils.health.statuses import mode_of, replicas_of
from ansible_collections.stackwright.swarm.plugins.module_utils.health.tasks import state_of
from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.capacity import Amounts, Room, wanted
from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.facts import Seen
from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.placement import (
    Fit,
    eligible,
    fits,
    ruled_out,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import id_of, name_of, stack_of
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.ports import words as port_words

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import (
        Node,
        Service,
        ServiceSpec,
        Task,
    )
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import ServiceEntry

Item = Mapping[str, Any]
#: How a service leaves a node: new tasks first, some at a time by an update, or all at once by Swarm's drain.
FIRST, ROLLING, SWARM = "start-first", "rolling", "drain"
ALIVE = ("new", "pending", "assigned", "accepted", "preparing", "ready", "starting", "running")


class Move(NamedTuple):
    """A service with tasks on the node.

    ``count`` of its ``desired`` tasks are on the node; ``left`` of them find no other node, because of ``why``.
    ``volumes`` are the service's named volumes on the node: their data stays there. ``way`` is how it can leave,
    ``dip`` how many tasks are missing at a time.
    """

    service: str
    stack: str
    mode: str
    desired: int
    count: int  # type: ignore[assignment]  # a tuple has a method of this name
    left: int
    why: str
    volumes: Tuple[str, ...]
    way: str
    dip: int

    @property
    def stays(self) -> str:
        """Why the service can't move completely, as a sentence without a period; empty if it can."""
        parts = []
        if self.left:
            these = "its task" if self.count == 1 else f"{self.left} of its {self.count} tasks"
            parts.append(f"{these} can run on no other node: {self.why}")
        if self.volumes:
            many = len(self.volumes) > 1
            names = " and ".join(self.volumes)
            parts.append(f"its volume{'s' if many else ''} {names} {'are' if many else 'is'} local to the node")
        return "; ".join(parts)

    def as_dict(self) -> Dict[str, Any]:
        """Returns plain data for the result."""
        own = ("service", "stack", "mode", "desired", "count", "way", "dip", "left", "stays")
        return {**{name: getattr(self, name) for name in own}, "volumes": list(self.volumes)}


def tasks_on(node: str, tasks: Sequence[Task]) -> List[Task]:
    """Returns the tasks that run, or should run, on a node (its id)."""
    return [task for task in tasks if task.get("NodeID") == node and _counts_now(task)]


def counts(service: Service, tasks: Sequence[Task]) -> Dict[str, int]:
    """Returns how many tasks of a service run, or should run, on each node, by the node's id."""
    found: Dict[str, int] = {}
    for task in tasks:
        if task.get("ServiceID") == id_of(service) and task.get("NodeID") and _counts_now(task):
            found[str(task["NodeID"])] = found.get(str(task["NodeID"]), 0) + 1
    return found


def _counts_now(task: Task) -> bool:
    return state_of(task) in ALIVE and task.get("DesiredState") in ("running", "ready")


def moves(node: Node, nodes: Sequence[Node], services: Sequence[Service], tasks: Sequence[Task]) -> List[Move]:
    """Returns the moves of the replicated services and jobs with tasks on ``node``, by name.

    Global services don't count: their tasks end with the node, and no other node needs them.
    """
    node_id = id_of(node)
    others = [other for other in nodes if id_of(other) != node_id]
    seen = Seen({"stack": {"name": ""}, "services": []}, others, list(services), list(tasks), {})
    room = Room(seen)
    here: Dict[str, int] = {}
    for task in tasks_on(node_id, tasks):
        here[str(task.get("ServiceID"))] = here.get(str(task.get("ServiceID")), 0) + 1
    found = []
    for service in sorted(services, key=name_of):
        count = here.get(id_of(service), 0)
        mode = mode_of(service["Spec"])
        if count and not mode.startswith("global"):
            found.append(_move(service, mode, count, seen, room))
    return found


def _move(service: Service, mode: str, count: int, seen: Seen, room: Room) -> Move:
    spec = service["Spec"]
    item: ServiceEntry = {"name": name_of(service), "key": name_of(service), "spec": spec}
    all_fits = fits(seen, item)
    may = eligible(all_fits)
    needs, free = wanted(item), {}
    most = int((spec["TaskTemplate"].get("Placement") or {}).get("MaxReplicas") or 0)
    on = counts(service, seen.tasks)
    for node in may:
        node_id = id_of(node)
        limit = max(0, most - on.get(node_id, 0)) if most else count + replicas_of(spec)
        free[node_id] = room.fits(node_id, needs, limit)
    placed = _place(room, needs, free, count)
    why = "" if placed == count else _why(name_of(service), all_fits, free, needs, most, room, on)
    way, dip = _way(spec, mode, count, sum(free.values()))
    return Move(
        name_of(service),
        stack_of(service),
        mode,
        replicas_of(spec),
        count,
        count - placed,
        why,
        tuple(local_volumes(spec)),
        way,
        dip,
    )


def _place(room: Room, needs: Amounts, free: Mapping[str, int], count: int) -> int:
    """Reserves room for ``count`` tasks, one node after the other; returns how many it could place."""
    placed = 0
    for node, places in free.items():
        taken = min(places, count - placed)
        room.take(node, needs, taken)
        placed += taken
    return placed


def _why(
    name: str,
    all_fits: List[Fit],
    free: Mapping[str, int],
    needs: Amounts,
    most: int,
    room: Room,
    on: Mapping[str, int],
) -> str:
    """Returns why each of the other nodes can't run its tasks."""
    if not all_fits:
        return "the Swarm has no other node"
    reasons = [ruled_out(all_fits)] if any(fit.reasons for fit in all_fits) else []
    for node in eligible(all_fits):
        node_id = id_of(node)
        if free[node_id]:
            continue
        taken = [need for need in needs if isinstance(need, tuple) and room.left(node_id, need) < 1]
        if taken:
            holders = {room.holders.get((node_id, port), name) for port in taken}
            users = " and ".join(sorted("one of its own tasks" if holder == name else holder for holder in holders))
            what = f"{port_words(taken)} {'is' if len(taken) == 1 else 'are'} taken by {users}"
        elif most and on.get(node_id, 0) >= most:
            what = f"max_replicas_per_node {most} is reached"
        else:
            short = [str(need) for need in needs if room.fits(node_id, {need: needs[need]}) < 1]
            what = f"too little of {' and '.join(short)} is free"
        reasons.append(f"on {hostname(node)}, {what}")
    return "; ".join(reasons) or "the other nodes have too little room for all of them"


def _way(spec: ServiceSpec, mode: str, count: int, free: int) -> Tuple[str, int]:
    """Returns how a service leaves the node, and how many of its tasks are missing at a time."""
    if mode != "replicated":
        return SWARM, count
    step = step_of(spec)
    if is_first(spec) and free >= min(step, count):
        return FIRST, 0
    if not is_first(spec) and step < count:
        return ROLLING, step
    return SWARM, count


def is_first(spec: ServiceSpec) -> bool:
    """Whether an update starts a new task before it stops the old one."""
    return bool((spec.get("UpdateConfig") or {}).get("Order") == "start-first")


def step_of(spec: ServiceSpec) -> int:
    """Returns how many tasks an update replaces at a time."""
    update, desired = spec.get("UpdateConfig"), replicas_of(spec)
    # Without UpdateConfig, Swarm updates one task at a time; with a parallelism of 0, all at once.
    return min(desired, 1 if update is None else int(update.get("Parallelism") or 0) or desired)


def local_volumes(spec: ServiceSpec) -> Iterator[str]:
    """Yields the named volumes of a service that are local to a node."""
    for mount in (spec["TaskTemplate"].get("ContainerSpec") or {}).get("Mounts") or []:
        if is_local(mount):
            yield str(mount["Source"])
