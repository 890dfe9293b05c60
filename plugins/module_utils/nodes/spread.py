# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures how evenly services are spread over nodes, and finds moves of tasks that spread them better.

Swarm has two ways to move some tasks of a service. A constraint that a node does not meet moves the tasks there. One
replica more, and then one less, moves a task from the fullest node to the emptiest. Swarm's scheduler chooses the
nodes; this is a model of its rules (swarmkit's nodeLess and spread preferences).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.health.nodes import hostname, is_active, is_ready
from ansible_collections.stackwright.swarm.plugins.module_utils.health.statuses import (
    mode_of,
    replicas_of,
    update_state,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.health.tasks import state_of
from ansible_collections.stackwright.swarm.plugins.module_utils.nodes.moving import (
    counts,
    is_first,
    local_volumes,
    step_of,
    tasks_on,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.capacity import Amounts, Room, wanted
from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.facts import Seen
from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.placement import eligible, fits
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.constraints import value_of
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import id_of, name_of, stack_of

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import (
        Node,
        Service,
        ServiceSpec,
        Task,
    )
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import ServiceEntry

Item = Mapping[str, Any]
Counts = Dict[str, int]
UNDER_WAY = ("updating", "rollback_started", "paused", "rollback_paused")
NO_GAIN = "it gains nothing"


class Gain(NamedTuple):
    """A move: a service's tasks by node (ids) before and, as predicted, after it.

    All tasks leave the node ``away`` (its id). If that is empty, one task leaves the fullest node.
    """

    away: str
    service: str
    stack: str
    before: Counts
    after: Counts
    dip: int
    measure: Tuple[int, ...]


class Spread(NamedTuple):
    """The result for a Swarm: tasks by node, the moves with a gain, the best first, and why other services stay."""

    totals: Counts
    gains: List[Gain]
    kept: Dict[str, str]


def difference(totals: Mapping[str, int]) -> int:
    """Returns the difference between the most and the fewest tasks on a node."""
    return max(totals.values(), default=0) - min(totals.values(), default=0)


def totals_of(nodes: Sequence[Node], tasks: Sequence[Task]) -> Counts:
    """Returns the number of tasks on each node that takes tasks, by its id."""
    return {id_of(node): len(tasks_on(id_of(node), tasks)) for node in nodes if is_active(node) and is_ready(node)}


def spread(
    nodes: Sequence[Node],
    services: Sequence[Service],
    tasks: Sequence[Task],
    dips: bool,
    wanted_ones: Callable[[Service], bool] = lambda service: True,
) -> Spread:
    """Finds the moves with a gain. ``dips`` allows moves during which a service runs with fewer tasks."""
    totals = totals_of(nodes, tasks)
    seen = Seen({"stack": {"name": ""}, "services": []}, list(nodes), list(services), list(tasks), {})
    room = Room(seen)
    gains, kept = [], {}
    for service in sorted(filter(wanted_ones, services), key=name_of):
        mode = mode_of(service["Spec"])
        if mode != "replicated" or not replicas_of(service["Spec"]):
            continue
        why, gain = _judged(service, seen, room, totals, dips)
        if gain is not None:
            gains.append(gain)
        else:
            kept[name_of(service)] = why
    return Spread(totals, sorted(gains, key=lambda gain: (gain.measure, gain.service)), kept)


def _judged(service: Service, seen: Seen, room: Room, totals: Counts, dips: bool) -> Tuple[str, Optional[Gain]]:
    spec, now = service["Spec"], counts(service, seen.tasks)
    volumes = list(local_volumes(spec))
    if volumes:
        return f"its volume {' and '.join(volumes)} is local to its node", None
    if update_state(service) in UNDER_WAY:
        return "its update is still in progress", None
    own = [t for t in seen.tasks if t.get("ServiceID") == id_of(service) and t.get("DesiredState") == "running"]
    if sum(state_of(task) == "running" for task in own) != replicas_of(spec) or sum(now.values()) != replicas_of(spec):
        return "not all of its tasks run", None
    item: ServiceEntry = {"name": name_of(service), "key": name_of(service), "spec": spec}
    may = [node for node in eligible(fits(seen, item)) if id_of(node) in totals]
    if len(may) < 2:
        return "only one node can run it" if may else "no node can run it", None
    scheduler = _Scheduler(spec, may, totals, room, wanted(item))
    found, without_dip = [], True
    for away in ("", *sorted(now)):
        after = scheduler.evened(now) if not away else scheduler.moved(now, away)
        if after is None:
            continue
        old, new = (_measure(spec, may, counted, totals, now) for counted in (now, after))
        dip = 0 if not away or is_first(spec) else min(step_of(spec), now[away])
        if new >= old:
            continue
        if dip and not dips:
            without_dip = False
            continue
        better = tuple(b - a for a, b in zip(old, new))
        found.append(Gain(away, name_of(service), stack_of(service), now, after, dip, better))
    if found:
        return "", min(found, key=lambda gain: (gain.measure, gain.dip, gain.away))
    return (
        NO_GAIN
        if without_dip
        else "its update order is not start-first, so it would run with fewer tasks during the move",
        None,
    )


class _Scheduler:
    """Predicts where Swarm places tasks of one service."""

    def __init__(self, spec: ServiceSpec, may: Sequence[Node], totals: Counts, room: Room, needs: Amounts) -> None:
        placement = spec["TaskTemplate"].get("Placement") or {}
        self.may, self.totals, self.room, self.needs = may, totals, room, needs
        self.most = int(placement.get("MaxReplicas") or 0)
        preferences = placement.get("Preferences") or []
        self.keys = [str((entry.get("Spread") or {}).get("SpreadDescriptor") or "") for entry in preferences]

    def evened(self, now: Counts) -> Optional[Counts]:
        """Returns the tasks with one more, and one less on the fullest node; None if that changes nothing."""
        after = self._placed(now, 1, self.may)
        most = max(now.values())
        fullest = [node for node in sorted(now) if now[node] == most]
        # If the new task lands on the fullest node, nothing changes. If no node has two tasks, Swarm may remove any.
        if after is None or most < 2 or after.get(fullest[0], 0) > most:
            return None
        after[fullest[0]] -= 1
        return after

    def moved(self, now: Counts, away: str) -> Optional[Counts]:
        """Returns the tasks after all of one node have moved to others; None if one finds no node."""
        after = self._placed(now, now[away], [node for node in self.may if id_of(node) != away])
        return None if after is None else {**after, away: 0}

    def _placed(self, now: Counts, tasks: int, may: Sequence[Node]) -> Optional[Counts]:
        after, total, left = dict(now), dict(self.totals), self.room.copy()
        for _task in range(tasks):
            own = {id_of(node): after.get(id_of(node), 0) for node in may}
            free = [
                node
                for node in may
                if left.fits(id_of(node), self.needs, 1) and (not self.most or own[id_of(node)] < self.most)
            ]
            chosen = _chosen(free, self.keys, own, total)
            if chosen is None:
                return None
            after[chosen] = after.get(chosen, 0) + 1
            total[chosen] = total.get(chosen, 0) + 1
            left.take(chosen, self.needs, 1)
        return after


def _chosen(free: Sequence[Node], keys: Sequence[str], own: Counts, total: Counts) -> Optional[str]:
    """Returns the node that swarmkit chooses: by preferences, then by the service's own tasks, then by all tasks."""
    if not free:
        return None
    for number, key in enumerate(keys):
        groups: Dict[str, List[Node]] = {}
        for node in free:
            groups.setdefault(str(value_of(node, key) or ""), []).append(node)
        if len(groups) > 1:
            best = min(sorted(groups), key=lambda value: sum(own[id_of(node)] for node in groups[value]))
            return _chosen(groups[best], keys[number + 1 :], own, total)
    return min((own[id_of(node)], total.get(id_of(node), 0), id_of(node)) for node in free)[2]


def _measure(spec: ServiceSpec, may: Sequence[Node], found: Counts, totals: Counts, now: Counts) -> Tuple[int, ...]:
    """Returns how uneven the tasks are: by the values of preferences, by node, and for all tasks. Smaller is better."""
    measures = []
    for preference in (spec["TaskTemplate"].get("Placement") or {}).get("Preferences") or []:
        key = str((preference.get("Spread") or {}).get("SpreadDescriptor") or "")
        groups: Counts = {}
        for node in may:
            value = str(value_of(node, key) or "")
            groups[value] = groups.get(value, 0) + found.get(id_of(node), 0)
        measures.append(_squares(groups))
    measures.append(_squares({id_of(node): found.get(id_of(node), 0) for node in may}))
    every = {node: total - now.get(node, 0) + found.get(node, 0) for node, total in totals.items()}
    return (*measures, _squares(every))


def _squares(found: Mapping[str, int]) -> int:
    return sum(count * count for count in found.values())


def predicted(tasks: Sequence[Task], service: Service, gain: Gain) -> List[Task]:
    """Returns the predicted tasks after a move, for a plan of several moves."""
    rest = [task for task in tasks if task.get("ServiceID") != id_of(service)]
    like = next(task for task in tasks if task.get("ServiceID") == id_of(service) and state_of(task) == "running")
    places = [node for node in sorted(gain.after) for _task in range(gain.after[node])]
    moved: List[Task] = [{**like, "ID": f"new-{number}", "NodeID": node} for number, node in enumerate(places)]
    return [*rest, *moved]


def by_name(found: Mapping[str, int], nodes: Sequence[Node]) -> Counts:
    """Replaces the nodes' ids by host names."""
    names = {id_of(node): hostname(node) for node in nodes}
    return {names.get(node, node): found[node] for node in sorted(found, key=lambda node: names.get(node, node))}
