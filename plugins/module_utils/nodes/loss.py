# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of the managers, and the effect of losing a node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Sequence

from ansible_collections.stackwright.swarm.plugins.module_utils.health.nodes import hostname, is_down
from ansible_collections.stackwright.swarm.plugins.module_utils.health.quorum import (
    counts,
    is_leader,
    is_reachable,
    managers_of,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.health.statuses import mode_of
from ansible_collections.stackwright.swarm.plugins.module_utils.membership.quorum import needed
from ansible_collections.stackwright.swarm.plugins.module_utils.nodes.moving import Move, moves, tasks_on
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import id_of, name_of, stack_of

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Node, Service, Task

Item = Mapping[str, Any]
NO_QUORUM = "the managers lose their quorum, and without it Swarm replaces nothing"


def raft(nodes: Sequence[Node]) -> Dict[str, Any]:
    """Returns the state of the managers: numbers of reachable, needed and spare ones, leader, unreachable ones."""
    managers = [node for node in nodes if counts(node)]
    numbers = _numbers(managers_of(nodes))
    return {
        **numbers,
        "may_fail": max(0, numbers["reachable"] - numbers["needed"]),
        "leader": next((hostname(node) for node in managers if is_leader(node)), ""),
        "unreachable": sorted(hostname(node) for node in managers if not is_reachable(node)),
    }


def _numbers(managers: Mapping[str, bool]) -> Dict[str, Any]:
    reachable, least = sum(managers.values()), needed(len(managers))
    return {"managers": len(managers), "reachable": reachable, "needed": least, "quorum": reachable >= least}


def loss(node: Node, nodes: Sequence[Node], services: Sequence[Service], tasks: Sequence[Task]) -> Dict[str, Any]:
    """Returns the effect of losing ``node``: on the managers, and on each service with tasks there."""
    managers = managers_of(nodes)
    if id_of(node) in managers:
        managers[id_of(node)] = False  # a lost manager still counts as one
    numbers = _numbers(managers)
    found = [_service(move, numbers["quorum"]) for move in moves(node, nodes, services, tasks)]
    running = {str(task.get("ServiceID")) for task in tasks_on(id_of(node), tasks)}
    everywhere = [s for s in services if id_of(s) in running and mode_of(s["Spec"]).startswith("global")]
    return {
        "node": hostname(node),
        "id": id_of(node),
        "down": is_down(node),
        "managers": numbers,
        "services": found,
        "fewer": [item["service"] for item in found if item["missing"]],
        "global_services": sorted(name_of(service) for service in everywhere),
    }


def _service(move: Move, kept: bool) -> Dict[str, Any]:
    missing = move.left if kept else move.count
    why = NO_QUORUM if not kept else move.why
    if move.volumes:
        names = " and ".join(move.volumes)
        why = "; ".join(filter(None, (why, f"the data in {names} is on this node only")))
    return {
        "service": move.service,
        "stack": move.stack,
        "desired": move.desired,
        "lost": move.count,
        "missing": missing,
        "why": why,
        "volumes": list(move.volumes),
    }


def tasks_by_node(nodes: Sequence[Node], services: Sequence[Service], tasks: Sequence[Task]) -> List[Dict[str, Any]]:
    """Returns for each node, by name, the number of tasks that it should run, in all and by service."""
    known = {id_of(service): service for service in services}
    found = []
    for node in nodes:
        here: Dict[str, Dict[str, Any]] = {}
        for task in tasks_on(id_of(node), tasks):
            service = known.get(str(task.get("ServiceID")))
            name = name_of(service) if service else str(task.get("ServiceID"))
            entry = here.setdefault(name, {"service": name, "stack": stack_of(service) if service else "", "tasks": 0})
            entry["tasks"] += 1
        listed = [here[name] for name in sorted(here)]
        total = sum(entry["tasks"] for entry in listed)
        found.append({"node": hostname(node), "id": id_of(node), "tasks": total, "services": listed})
    return sorted(found, key=lambda item: (item["node"], item["id"]))
