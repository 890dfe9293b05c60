# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Predicts the state after each step: the whole plan from one snapshot, for check mode and for checks before a run."""

from __future__ import annotations

from dataclasses import replace
from typing import Callable, Dict, List

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.membership.members import (
    ACTIVE,
    INACTIVE,
    MANAGER,
    WORKER,
    Host,
    Node,
    World,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.membership.settings import with_settings
from ansible_collections.stackwright.swarm.plugins.module_utils.membership.steps import (
    DEMOTE,
    DRAIN,
    FORGET,
    INIT,
    JOIN,
    LEAVE,
    PROMOTE,
    READMIT,
    REMOVE,
    SETTINGS,
    UNLOCK,
    Goal,
    Step,
    next_step,
    unsettled,
)

#: The id of a Swarm or a node that exists only in a plan.
NEW = "new"
#: More steps than one host or node can need.
MOST_EACH = 8


def plan(world: World, goal: Goal) -> List[Step]:
    """Returns all steps. Raises StackwrightError as ``next_step``, for each of the steps."""
    return forecast(world, goal)[0]


def forecast(world: World, goal: Goal) -> tuple[List[Step], World]:
    """Returns all steps, and the Swarm after them."""
    world = settled(world)
    steps: List[Step] = []
    for _number in range(MOST_EACH * (len(world.hosts) + len(world.nodes) + 1)):
        step = next_step(world, goal)
        if step is None:
            return steps, world
        steps.append(step)
        world = after(world, step, goal)
    raise StackwrightError(f"The plan does not end: {'; '.join(step.text for step in steps[-3:])}.")


def settled(world: World) -> World:
    """Returns the world after all changes that are still in progress."""
    left = {node.id for node in unsettled(world) if node.is_settled}
    nodes = [
        replace(node, state="down", reachable=False)
        if node.id in left
        else replace(node, listed=node.counts, reachable=node.reachable or (node.counts and not node.listed))
        for node in world.nodes
    ]
    return replace(world, nodes=tuple(nodes))


def after(world: World, step: Step, goal: Goal) -> World:
    """Returns the Swarm after ``step``, if nothing else happens."""
    return _EFFECTS[step.kind](world, step, goal)


def _unlocked(world: World, step: Step, goal: Goal) -> World:
    # A locked host is a manager, but its data about the Swarm can't be read before it is unlocked.
    host = next(host for host in world.hosts if host.host == step.host)
    cluster = world.cluster_id or host.cluster_id or NEW
    node = next((node for node in world.nodes if node.name == host.name and node.is_manager), None)
    if node is None:
        node = Node(f"{NEW} {step.host}", step.name, MANAGER, "ready", listed=True, leader=not world.nodes)
        world = replace(world, nodes=(*world.nodes, node))
    world = _host(world, step, state=ACTIVE, control=True, node_id=node.id, cluster_id=cluster)
    return _node(replace(world, cluster_id=cluster), replace_id(step, node.id), state="ready", reachable=True)


def replace_id(step: Step, node: str) -> Step:
    """Returns the same step for the node with this id."""
    return replace(step, node=node)


def _joined(world: World, step: Step, goal: Goal) -> World:
    leads, manager = step.kind == INIT, step.role == MANAGER
    identity = f"{NEW} {step.host}"
    node = Node(identity, step.name, step.role or WORKER, "ready", listed=manager, reachable=manager, leader=leads)
    if goal.elsewhere and not world.cluster_id:
        return _host(world, step, state=ACTIVE, node_id=identity)
    cluster = world.cluster_id or NEW
    settings = with_settings({}, goal.settings) if leads else world.settings
    world = replace(world, cluster_id=cluster, nodes=(*world.nodes, node), settings=settings)
    return _host(world, step, state=ACTIVE, control=manager, node_id=identity, cluster_id=cluster)


def _with_settings(world: World, step: Step, goal: Goal) -> World:
    return replace(world, settings=with_settings(world.settings or {}, goal.settings))


def _promoted(world: World, step: Step, goal: Goal) -> World:
    world = _node(world, step, role=MANAGER, listed=True, reachable=True)
    return _host(world, step, control=True)


def _demoted(world: World, step: Step, goal: Goal) -> World:
    world = _node(world, step, role=WORKER, listed=False, reachable=False, leader=False)
    if not any(node.leader for node in world.nodes):
        heir = next((node for node in world.nodes if node.reachable), None)
        if heir is not None:
            world = _node(world, replace_id(step, heir.id), leader=True)
    return _host(world, step, control=False)


def _drained(world: World, step: Step, goal: Goal) -> World:
    return _node(world, step, availability="drain", leaving=step.host, busy=0)


def _readmitted(world: World, step: Step, goal: Goal) -> World:
    return _node(world, step, availability="active", leaving="")


def _left(world: World, step: Step, goal: Goal) -> World:
    world = _host(world, step, state=INACTIVE, node_id="", control=False, cluster_id="", address="", error="")
    if step.kind == LEAVE and step.force and not any(host.control for host in world.hosts):
        return World(world.hosts)  # the Swarm has ended
    return _node(world, step, state="down", reachable=False)


def _removed(world: World, step: Step, goal: Goal) -> World:
    return replace(world, nodes=tuple(node for node in world.nodes if node.id != step.node))


def _node(world: World, step: Step, **more: object) -> World:
    nodes = [replace(node, **more) if node.id == step.node else node for node in world.nodes]  # type: ignore[arg-type]
    return replace(world, nodes=tuple(nodes))


def _host(world: World, step: Step, **more: object) -> World:
    hosts: List[Host] = [
        replace(host, **more) if host.host == step.host else host  # type: ignore[arg-type]
        for host in world.hosts
    ]
    return replace(world, hosts=tuple(hosts))


_EFFECTS: Dict[str, Callable[[World, Step, Goal], World]] = {
    UNLOCK: _unlocked,
    INIT: _joined,
    JOIN: _joined,
    SETTINGS: _with_settings,
    PROMOTE: _promoted,
    DEMOTE: _demoted,
    DRAIN: _drained,
    READMIT: _readmitted,
    LEAVE: _left,
    FORGET: _left,
    REMOVE: _removed,
}
