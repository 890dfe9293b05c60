# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks whether nodes have capacity for the stack's tasks: CPUs, memory, generic resources, host-mode ports.

It counts as Swarm's scheduler does: a node's total minus the reservations of its tasks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict, Iterator, List, Mapping, Optional, Sequence, Set, Tuple, Union

from ansible_collections.stackwright.swarm.plugins.module_utils.health.nodes import hostname
from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.facts import (
    Seen,
    is_global,
    published,
    replicas,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.findings import (
    ERROR,
    WARNING,
    Finding,
    finding,
    of_service,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import id_of, name_of, stack_of
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.ports import Port

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Amounts as EngineAmounts
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Node, NodeDescription
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import ServiceEntry, State

#: A resource: its name, or a host-mode port, which each node has once.
Resource = Union[str, Port]
Amounts = Dict[Resource, int]
CPUS, MEMORY = "CPUs", "memory"
NANO, MIB = 1e9, 1024 * 1024
MORE_ROOM = "Lower the reservation or the replicas, or add capacity to the nodes."
LOWER = "Lower the replicas, or add nodes: a node has the port for one task."
OTHER_PORT = "Publish another port, remove the other one, or constrain the two to different nodes."


def wanted(service: ServiceEntry) -> Amounts:
    """Returns the resources and ports that one task of a service of a DesiredState needs."""
    template = service["spec"]["TaskTemplate"]
    needs = _amounts((template.get("Resources") or {}).get("Reservations") or {})
    needs.update(dict.fromkeys(published(service, "host"), 1))
    return needs


def is_short(desired: State) -> bool:
    """Whether a service needs resources or ports that other tasks may hold."""
    return any(wanted(service) for service in desired["services"])


def _amounts(resources: EngineAmounts) -> Amounts:
    found: Amounts = {CPUS: int(resources.get("NanoCPUs") or 0), MEMORY: int(resources.get("MemoryBytes") or 0)}
    for generic in resources.get("GenericResources") or []:
        discrete, single = generic.get("DiscreteResourceSpec"), generic.get("NamedResourceSpec")
        kind = str((discrete or single or {}).get("Kind") or "")
        found[kind] = found.get(kind, 0) + (int(discrete.get("Value") or 0) if discrete else 1)
    return {name: amount for name, amount in found.items() if amount}


class Room:
    """The free capacity of each node for the stack. The stack's own tasks don't count as used."""

    def __init__(self, seen: Seen) -> None:
        self.free: Dict[str, Amounts] = {}
        self.holders: Dict[Tuple[str, Port], str] = {}
        for node in seen.nodes:
            description: NodeDescription = node.get("Description") or {}
            self.free[str(node["ID"])] = _amounts(description.get("Resources") or {})
        self.total = {node: dict(amounts) for node, amounts in self.free.items()}
        own = {id_of(service) for service in seen.own.values()}
        others = {id_of(service): service for service in seen.services}
        for task in seen.holding():
            node_id, owner = str(task["NodeID"]), str(task.get("ServiceID") or "")
            if owner in own or node_id not in self.free:
                continue
            taken = _amounts(((task.get("Spec") or {}).get("Resources") or {}).get("Reservations") or {})
            for name, amount in taken.items():
                self.free[node_id][name] = self.free[node_id].get(name, 0) - amount
            # A service of the stack that is no longer in the files gives up its ports.
            leaves = owner in others and stack_of(others[owner]) == seen.desired["stack"]["name"]
            for port in published(others[owner], "host") if owner in others and not leaves else []:
                self.free[node_id][port] = 0
                self.holders[node_id, port] = name_of(others[owner])

    def left(self, node: str, name: Resource) -> int:
        """Returns the free amount of a resource on a node."""
        return self.free[node].get(name, 1 if isinstance(name, tuple) else 0)

    def fits(self, node: str, needs: Amounts, most: Optional[int] = None) -> int:
        """Returns how many tasks with these needs fit on a node, at most ``most``."""
        counts = [max(0, self.left(node, name)) // amount for name, amount in needs.items()]
        return min(counts if most is None else [*counts, most])

    def take(self, node: str, needs: Amounts, tasks: int) -> None:
        """Reserves capacity for ``tasks`` tasks."""
        for name, amount in needs.items():
            self.free[node][name] = self.left(node, name) - amount * tasks

    def copy(self) -> Room:
        """Returns a copy that can be reserved separately."""
        made = Room.__new__(Room)
        made.free = {node: dict(amounts) for node, amounts in self.free.items()}
        made.holders, made.total = self.holders, self.total
        return made


def capacity_findings(seen: Seen, may: Mapping[str, List[Node]]) -> Iterator[Finding]:
    """Finds services without capacity for their tasks. ``may`` has the eligible nodes of each service by its name.

    It is an error if no order of placement helps, and a warning if only the order that it tries fails.
    """
    room = Room(seen)
    left = room.copy()
    asked: Dict[Resource, int] = {}
    reached: Dict[Resource, Set[str]] = {}
    for service in _in_order(seen):
        needs, nodes = wanted(service), may[service["name"]]
        limit = int((service["spec"]["TaskTemplate"].get("Placement") or {}).get("MaxReplicas") or 0)
        if not (needs or limit) or not nodes:
            continue
        ids = [str(node["ID"]) for node in nodes]
        count = len(ids) if is_global(service) else replicas(service)
        for name, amount in needs.items():
            asked[name] = asked.get(name, 0) + amount * count
            reached.setdefault(name, set()).update(ids)
        over = any(asked[name] > sum(max(0, room.left(node, name)) for node in reached[name]) for name in needs)
        starts_first = _starts_first(service) and service["name"] in seen.own
        if is_global(service):
            if starts_first and any(isinstance(name, tuple) for name in needs):
                yield _beside(service)
            yield from _everywhere(service, needs, nodes, room, left, over)
            continue
        most = limit or count
        if most * len(ids) < count or not count:
            continue  # placement_findings reports it
        alone = sum(room.fits(node, needs, most) for node in ids)
        together = sum(left.fits(node, needs, most) for node in ids)
        if alone < count:
            yield _short(service, needs, nodes, room, count, most, ERROR)
        elif together < count:
            yield _short(service, needs, nodes, left, count, most, ERROR if over else WARNING, room)
        elif starts_first and together < count + 1:
            yield _beside(service)
        _spread(left, ids, needs, min(count, together), most)


def _beside(service: ServiceEntry) -> Finding:
    message = "an update needs capacity for one more task (order: start-first), and there is none."
    return of_service(service, WARNING, "start_first", message, "Use order: stop-first, or free some capacity.")


def _everywhere(
    service: ServiceEntry, needs: Amounts, nodes: Sequence[Node], room: Room, left: Room, over: bool
) -> Iterator[Finding]:
    for node in nodes:
        its_id = str(node["ID"])
        if left.fits(its_id, needs):
            left.take(its_id, needs, 1)
            continue
        short = [name for name in needs if left.left(its_id, name) < needs[name]]
        code = "host_port" if isinstance(short[0], tuple) else "resources"
        sure = over or not room.fits(its_id, needs)
        lacks = "lacks" if sure else "may lack"
        message = f"it is global, and {lacks} the capacity on this node: {_lacks(short, node, left, room)}."
        yield finding(
            ERROR if sure else WARNING,
            code,
            message,
            OTHER_PORT if code == "host_port" else MORE_ROOM,
            service=str(service["key"]),
            node=hostname(node),
            where=str(service.get("where") or ""),
        )


def _short(
    service: ServiceEntry,
    needs: Amounts,
    nodes: Sequence[Node],
    left: Room,
    count: int,
    most: int,
    level: str,
    room: Optional[Room] = None,
) -> Finding:
    ids = [str(node["ID"]) for node in nodes]
    short = [n for n in needs if sum(left.fits(node, {n: needs[n]}, most) for node in ids) < count] or list(needs)
    code = "host_port" if isinstance(short[0], tuple) else "resources"
    fitting = sum(left.fits(node, needs, most) for node in ids)
    each = f"{count} tasks" if count > 1 else "its task"
    what = ", ".join(_text(name, needs[name]) for name in short)
    why = "; ".join(_lacks(short, node, left, room or left) for node in nodes[:8])
    beside = " beside the other services of the stack" if room is not None else ""
    verb = "may not find" if level == WARNING else "can't have"
    message = f"{each} {verb} {what}{' each' if count > 1 else ''}{beside}; there is capacity for {fitting}: {why}."
    if code != "host_port":
        return of_service(service, level, code, message, MORE_ROOM)
    taken = any(isinstance(name, tuple) and left.left(node, name) <= 0 for name in short for node in ids)
    return of_service(service, level, code, message, OTHER_PORT if taken else LOWER)


def _lacks(short: Sequence[Resource], node: Node, left: Room, room: Room) -> str:
    """Describes a node's free amounts of short resources; ``room`` is its capacity before the stack's services."""
    its_id, parts = str(node["ID"]), []
    for name in short:
        if not isinstance(name, tuple):
            free, total = max(0, left.left(its_id, name)), room.total[its_id].get(name, 0)
            parts.append(f"{_amount(name, free)} of {_amount(name, total)} {name} free")
        elif left.left(its_id, name) > 0:
            parts.append(f"{name[0]}/{name[1]} free")
        else:
            holder = room.holders.get((its_id, name))
            whose = f"by service {holder}" if holder else "by the stack itself"
            parts.append(f"{name[0]}/{name[1]} taken {whose}")
    return f"{hostname(node)} has {', '.join(parts)}"


def _text(name: Resource, amount: int) -> str:
    if isinstance(name, tuple):
        return f"the host port {name[0]}/{name[1]}"
    return f"{_amount(name, amount)} of memory" if name == MEMORY else f"{_amount(name, amount)} {name}"


def _amount(name: Resource, amount: int) -> str:
    if name == MEMORY:
        return f"{amount / MIB:.0f} MiB"
    return f"{amount / NANO:g}" if name == CPUS else str(amount)


def _spread(left: Room, nodes: Sequence[str], needs: Amounts, tasks: int, most: int) -> None:
    """Reserves capacity for tasks, evenly as Swarm does."""
    caps = {node: left.fits(node, needs, most) for node in nodes}
    placed = dict.fromkeys(nodes, 0)
    while tasks > 0:
        open_ = [node for node in nodes if placed[node] < caps[node]]
        if not open_:
            return
        share = max(1, min(tasks // len(open_), min(caps[node] - placed[node] for node in open_)))
        for node in open_:
            step = min(share, tasks)
            placed[node] += step
            left.take(node, needs, step)
            tasks -= step


def _starts_first(service: ServiceEntry) -> bool:
    return (service["spec"].get("UpdateConfig") or {}).get("Order") == "start-first"


def _in_order(seen: Seen) -> List[ServiceEntry]:
    """Returns the services in the order of their placement. Running services come first, since their tasks stay."""
    desired, live = seen.desired, seen.own
    waves = {key: number for number, keys in enumerate(desired.get("waves") or []) for key in keys}

    def rank(service: ServiceEntry) -> Tuple[bool, int, bool, str]:
        # Global services come first: the scheduler does not choose their nodes.
        return service["name"] not in live, waves.get(service["key"], 0), not is_global(service), service["name"]

    return sorted(desired["services"], key=rank)
