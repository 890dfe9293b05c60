# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decides the next change of membership from one snapshot of all hosts and nodes.

A run gets one step, carries it out, reads the state again and gets the next one, so the next run continues a killed
one. Check mode does the same with the predicted state after each step (forecast.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.membership.members import (
    ABSENT,
    ACTIVE,
    CERTIFICATE_TIME,
    FAILED,
    INACTIVE,
    LOCKED,
    MANAGER,
    PENDING,
    WORKER,
    Host,
    Node,
    World,
    named,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.membership.promotion import is_stuck, join_address_gone
from ansible_collections.stackwright.swarm.plugins.module_utils.membership.quorum import refuse_loss
from ansible_collections.stackwright.swarm.plugins.module_utils.membership.settings import setting_changes

UNLOCK, INIT, SETTINGS, FORGET, JOIN = "unlock", "init", "settings", "forget", "join"
PROMOTE, DEMOTE, READMIT, DRAIN, LEAVE, REMOVE = "promote", "demote", "readmit", "drain", "leave", "remove"
#: After all other steps: actions that the task requests.
ROTATE, KEEP_KEY = "rotate", "keep_key"


@dataclass(frozen=True)
class Goal:
    """The task's options, besides each host's role."""

    settings: Mapping[str, Any] = field(default_factory=dict)  # by option
    remove: Tuple[str, ...] = ()
    prune_down_after: Optional[int] = None
    dissolve: bool = False
    can_unlock: bool = False
    elsewhere: bool = False  # hosts join a Swarm whose managers are not in the play
    #: Hosts without data, and the reasons.
    missing: Mapping[str, str] = field(default_factory=dict)
    #: Those of them that may be managers of a Swarm.
    unsure: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """One change. ``host`` is its host in the play, empty if there is none; ``node`` the node's id."""

    kind: str
    why: str
    host: str = ""
    node: str = ""
    name: str = ""
    role: str = ""
    force: bool = False

    @property
    def text(self) -> str:
        """``join w1 as a worker: it is in no Swarm``."""
        role = f" as a {self.role}" if self.kind == JOIN else ""
        named = " ".join(part for part in (self.kind, self.name or self.host) if part)
        return f"{named}{role}: {self.why}"

    @property
    def data(self) -> Dict[str, str]:
        """The step in the result."""
        return {"action": self.kind, "node": self.name or self.host, "reason": self.why}


def next_step(world: World, goal: Goal) -> Optional[Step]:
    """Returns the next change; None if nothing is left to do.

    :raises StackwrightError: the request is impossible, or would lose quorum: ``no_manager``, ``two_clusters``,
        ``other_cluster``, ``swarm_locked``, ``no_quorum``, ``quorum``, ``last_manager``, ``node_up``, ``not_found``,
        ``host_unreachable``, ``node_error``, ``certificate_time``.
    """
    refuse_two_clusters(world)
    _refuse_invalid_certificates(world)
    if _dissolves(world, goal):
        return _dissolving(world)
    locked = _unlocking(world, goal)
    if locked is not None:
        return locked
    if not world.cluster_id:
        return _joining_elsewhere(world) if goal.elsewhere else _creating(world, goal)
    for steps in (_of_the_swarm, _lost_members, _departed, _joining, _demoting, _leaving):
        step = next(steps(world, goal), None)
        if step is not None:
            return step
    return None


# -- impossible requests


def refuse_two_clusters(world: World) -> None:
    """Raises StackwrightError if the hosts are not all in one Swarm, or in none."""
    found: Dict[str, List[str]] = {}
    for host in world.hosts:
        if host.cluster_id and host.is_member:
            found.setdefault(host.cluster_id, []).append(host.host)
    if len(found) > 1:
        raise StackwrightError(
            f"The hosts of this play are in {len(found)} Swarms: "
            f"{'; '.join(f'{cluster} has {_listed(hosts)}' for cluster, hosts in found.items())}.",
            "two_clusters",
            "Nothing was changed. Run the task for one Swarm at a time, or let the nodes of one leave it first, with "
            "`docker swarm leave` on each.",
        )


def _refuse_invalid_certificates(world: World) -> None:
    """Raises StackwrightError for a member that should stay, but has a certificate that is not valid by its clock."""
    for host in world.hosts:
        if host.state == FAILED and host.wanted != ABSENT and any(t in host.error.lower() for t in CERTIFICATE_TIME):
            raise StackwrightError(
                f"The certificate of {host.host} in the Swarm is not valid at the time of its clock: {host.error}",
                "certificate_time",
                "Nothing was changed. If the clock is wrong, set it (NTP) and restart the Engine. If it is right, the "
                f"certificate expired while {host.host} was off: run `docker swarm leave --force` there, then run "
                "again. It joins as a new node.",
            )


def _lost_members(world: World, goal: Goal) -> Iterator[Step]:
    """Yields steps for hosts whose membership the managers do not know, or which can't use it any more."""
    for host in world.hosts:
        node = world.node_of(host)
        if node is not None and node.is_manager and not node.counts:
            raise StackwrightError(
                f"{host.host} has the raft of the Swarm from before a docker swarm init --force-new-cluster. Its "
                "managers do not count it any more.",
                "node_error",
                f"Run `docker swarm leave --force` on {host.host}, then run again: it joins as a new node.",
            )
        if not host.is_member or node is not None:
            continue
        if host.cluster_id == world.cluster_id:
            why = "the managers have removed it" if host.node_id else f"it can't take part in its Swarm: {host.error}"
            yield Step(FORGET, why, host.host, name=host.name, force=True)
        elif host.state in (FAILED, PENDING) and not host.node_id:
            yield Step(FORGET, f"it never joined: {host.error}", host.host, name=host.name, force=True)
        else:
            raise StackwrightError(
                f"{host.host} is the node {host.node_id or host.name} of another Swarm"
                f"{f' ({host.cluster_id})' if host.cluster_id else ', whose id only its managers know'}, not of "
                f"{world.cluster_id}.",
                "other_cluster",
                "Nothing was changed. To join this one, run `docker swarm leave` on it first.",
            )


# -- there is no Swarm, or it does not answer


def _creating(world: World, goal: Goal) -> Optional[Step]:
    members = [host for host in world.hosts if host.is_member]
    if members:
        raise _unmanaged(members, goal)
    managers = [host for host in world.hosts if host.wanted == MANAGER]
    workers = [host.host for host in world.hosts if host.wanted == WORKER]
    if not managers and not workers:
        return None
    if goal.unsure:
        raise StackwrightError(
            f"No host that answers is in a Swarm. These hosts may be in one: {_reasons(goal.unsure)}.",
            "host_unreachable",
            "No Swarm was created. Make them reachable, include them in the play, or remove them from the inventory.",
        )
    if not managers:
        raise StackwrightError(
            f"No host of this play is a manager, and {_listed(workers)} can't be in a Swarm without one.",
            "no_manager",
            "Include the managers in the play, for example hosts: swarm_managers:swarm_nodes, or set role: manager.",
        )
    first = managers[0]
    return Step(INIT, "there is no Swarm, and it is the first manager", first.host, name=first.name, role=MANAGER)


def _joining_elsewhere(world: World) -> Optional[Step]:
    found = (host for host in world.hosts if host.wanted in (MANAGER, WORKER) and host.state == INACTIVE)
    why = "it is in no Swarm, and join_addrs names managers"
    return next((Step(JOIN, why, host.host, name=host.name, role=host.wanted) for host in found), None)


def _unmanaged(members: List[Host], goal: Goal) -> StackwrightError:
    states = {host.host: host.error or f"state {host.state}, no manager" for host in members}
    reasons = "; ".join(f"{host}: {why}" for host, why in {**states, **goal.unsure}.items())
    leaderless = any(host.error or host.state in (PENDING, FAILED) for host in members)
    return StackwrightError(
        f"The Swarm of {_listed([host.host for host in members])} has no manager that answers for it ({reasons}).",
        "no_quorum" if leaderless else "no_manager",
        "Nothing was changed. Bring back more than half of its managers, and include one of them in the play.",
    )


def _unlocking(world: World, goal: Goal) -> Optional[Step]:
    for host in world.hosts:
        if host.state == LOCKED:
            if not goal.can_unlock:
                raise StackwrightError(
                    f"The Swarm on {host.host} is locked.",
                    "swarm_locked",
                    "No other manager answers with its key. Give unlock_key, or unlock_key_store.",
                )
            return Step(UNLOCK, "its Engine was restarted, and the Swarm is autolocked", host.host, name=host.name)
    return None


# -- all nodes leave


def _dissolves(world: World, goal: Goal) -> bool:
    """Whether no node would be left. Raises StackwrightError (``last_manager``) without the option dissolve."""
    members = [host for host in world.hosts if host.is_member]
    if not members or any(host.wanted != ABSENT for host in world.hosts):
        return False
    known = {host.node_id for host in members}
    others = [node.name for node in world.nodes if node.id not in known and not node.is_down]
    if world.cluster_id and others:
        return False
    if goal.dissolve:
        return True
    if not world.cluster_id:
        return False
    raise StackwrightError(
        f"All nodes of the Swarm {world.cluster_id} would leave it: it would end, with all services, secrets and "
        "configs.",
        "last_manager",
        "Set dissolve: true if that is what you want. Nothing was changed.",
    )


def _dissolving(world: World) -> Optional[Step]:
    managers = world.managers
    order = sorted(
        (host for host in world.hosts if host.is_member),
        key=lambda host: (host.node_id in managers or host.control, _leads(world, host)),
    )
    return next((_leave(host, "the Swarm is dissolved", force=True) for host in order), None)


# -- steps of a Swarm that answers


def _of_the_swarm(world: World, goal: Goal) -> Iterator[Step]:
    changes = setting_changes(world.settings or {}, goal.settings)
    if changes:
        why = ", ".join(f"{change['option']} {change['before']} -> {change['after']}" for change in changes)
        yield Step(SETTINGS, why)


def _departed(world: World, goal: Goal) -> Iterator[Step]:
    """Yields steps for nodes that are down for good: left ones, replaced ones, and those that the task names."""
    for node, why in departed(world, goal):
        # A manager that is not in the raft can't be demoted, and is removed like a worker.
        if node.listed:
            refuse_loss(world.managers, node.id, f"removing {node.name}")
            yield Step(DEMOTE, why, node=node.id, name=node.name)
        yield Step(REMOVE, why, node=node.id, name=node.name)


def departed(world: World, goal: Goal) -> Iterator[Tuple[Node, str]]:
    """Yields the nodes to remove without their machine, and why. Raises StackwrightError (``node_up``)."""
    for name in goal.remove:
        for node in named(world.nodes, name):
            host = world.host_of(node)
            if not node.is_down or host is not None:
                raise StackwrightError(
                    f"remove names {name}, which is {'a host of this play' if host else node.state}.",
                    "node_up",
                    "Only nodes that are down are removed by name. Let others leave: state: absent for their host.",
                )
            yield node, "the task removes it by name"
    for node in world.nodes:
        if not node.is_down or world.host_of(node) is not None or node.leaving in goal.missing:
            continue
        if node.leaving:
            yield node, "it has left the Swarm"
            continue
        for host, certain in _replaced_by(world, node):
            if certain:
                yield node, f"it is down, and {host.host} at its address has a new membership or none"
            elif goal.prune_down_after is not None and node.age >= goal.prune_down_after:
                yield node, f"it has been down for at least {node.age:.0f} s, and {host.host} has its name"


def _replaced_by(world: World, node: Node) -> Iterator[Tuple[Host, bool]]:
    """Yields the hosts of the play that may have replaced a node that is down, and whether that is certain."""
    for host in world.hosts:
        known = host.state == INACTIVE or (host.state == ACTIVE and host.node_id)
        if known and host.name == node.name and host.node_id != node.id:
            addresses = {host.address, *host.addresses} - {""}
            yield host, node.address in addresses and not node.address.startswith("127.")


def unsettled(world: World) -> List[Node]:
    """Returns nodes that will change without a further step: a requested role, or a machine that left and is not down
    yet."""
    left = [
        node
        for node in world.nodes
        if not node.is_down and any(certain and host.state == INACTIVE for host, certain in _replaced_by(world, node))
    ]
    return [*left, *(node for node in world.nodes if not node.is_settled and node.state == "ready")]


def phantoms(world: World, goal: Goal) -> List[Node]:
    """Returns nodes that seem replaced, and that the task does not remove."""
    gone = {node.id for node, _why in departed(world, goal)}
    down = [node for node in world.nodes if node.is_down and node.id not in gone and world.host_of(node) is None]
    return [node for node in down if any(_replaced_by(world, node))]


def _joining(world: World, goal: Goal) -> Iterator[Step]:
    """Yields joins and promotions, managers first: each of them makes the next change safer."""
    stuck: List[Host] = []
    for wanted in (MANAGER, WORKER):
        if stuck and wanted == WORKER:
            # No other host will become a manager, so waiting does not help.
            raise join_address_gone({host.host: host.joins_by for host in stuck})
        for host in world.hosts:
            node = world.node_of(host)
            if host.wanted != wanted:
                continue
            if host.state == INACTIVE:
                yield Step(JOIN, "it is in no Swarm", host.host, name=host.name, role=wanted)
            elif node is not None and node.leaving:
                yield Step(READMIT, "its removal was not finished, and it should stay", host.host, node.id, node.name)
            elif node is not None and wanted == MANAGER and not node.is_manager and _is_stuck(host, world):
                stuck.append(host)
            elif node is not None and wanted == MANAGER and not node.is_manager:
                yield Step(PROMOTE, "it is a worker, and should be a manager", host.host, node.id, node.name)


def _is_stuck(host: Host, world: World) -> bool:
    managers = {address for other in world.hosts if other.control for address in (other.address, *other.addresses)}
    return is_stuck(host.joins_by, managers)


def _demoting(world: World, goal: Goal) -> Iterator[Step]:
    """Yields demotions, the leader last: its demotion is the only way to change the leader."""
    found = [
        (node, host)
        for host in world.hosts
        for node in (world.node_of(host),)
        if node is not None and host.wanted == WORKER and node.is_manager
    ]
    for node, host in sorted(found, key=lambda pair: pair[0].leader):
        refuse_loss(world.managers, node.id, f"demoting {node.name}")
        yield Step(DEMOTE, "it is a manager, and should be a worker", host.host, node.id, node.name)


def _leaving(world: World, goal: Goal) -> Iterator[Step]:
    """Yields drain, demote and leave of each node, workers first, the leader last. Nodes are removed when down."""
    found = [
        (node, host)
        for host in world.hosts
        for node in (world.node_of(host),)
        if node is not None and host.wanted == ABSENT
    ]
    for node, host in sorted(found, key=lambda pair: (pair[0].is_manager, pair[0].leader)):
        if node.is_manager:
            refuse_loss(world.managers, node.id, f"removing {node.name}")
        why = "it should leave the Swarm"
        if not node.is_down and (node.availability != "drain" or not node.leaving or node.busy):
            yield Step(DRAIN, why, host.host, node.id, node.name)
        if node.is_manager:
            yield Step(DEMOTE, why, host.host, node.id, node.name)
        yield _leave(host, why, node.id)


def _leave(host: Host, why: str, node: str = "", force: bool = False) -> Step:
    return Step(LEAVE, why, host.host, node or host.node_id, host.name, force=force)


def _leads(world: World, host: Host) -> bool:
    node = world.node_of(host)
    return node is not None and node.leader


def _listed(names: List[str]) -> str:
    return ", ".join(names)


def _reasons(missing: Mapping[str, str]) -> str:
    return "; ".join(f"{host} ({why})" for host, why in missing.items())
