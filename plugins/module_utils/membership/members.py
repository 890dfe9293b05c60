# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts of a play and the nodes of their Swarm, from one snapshot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

MANAGER, WORKER, ABSENT = "manager", "worker", "absent"
#: States of an Engine, as it reports them.
INACTIVE, PENDING, ACTIVE, FAILED, LOCKED = "inactive", "pending", "active", "error", "locked"
#: The Engine's messages, in lower case, about a certificate that is not valid now.
CERTIFICATE_TIME = ("has expired or is not yet valid", "certificate has expired", "certificates have expired")
#: The label of a node that is being removed: its host in the play.
LEAVING = "stackwright.leaving"


@dataclass(frozen=True)
class Host:
    """A host of the play: its desired role (``wanted``), and the state that its Engine reports."""

    host: str
    wanted: str
    name: str = ""  # its host name, which becomes the node's
    state: str = INACTIVE
    node_id: str = ""
    control: bool = False  # whether it is a manager that answers for the Swarm
    cluster_id: str = ""  # empty if it is not known
    address: str = ""
    addresses: Tuple[str, ...] = ()  # all addresses of this machine, if the Engine runs on it
    error: str = ""
    joins_by: str = ""  # the address through which a promotion would join, if no manager has it (enrolling/look.py)

    @property
    def is_member(self) -> bool:
        return self.state not in ("", INACTIVE)


@dataclass(frozen=True)
class Node:
    """A node, as the managers report it."""

    id: str
    name: str
    role: str
    state: str  # ready, down, disconnected, unknown
    availability: str = "active"
    address: str = ""
    listed: bool = False  # whether it is a member of the raft
    reachable: bool = False
    leader: bool = False
    leaving: str = ""
    busy: int = 0  # its running tasks, counted only while it is leaving
    age: float = 0.0  # seconds since the managers last updated its data
    version: int = 0

    @property
    def is_manager(self) -> bool:
        return self.role == MANAGER

    @property
    def is_settled(self) -> bool:
        """Whether its role is the requested one."""
        return self.is_manager == self.listed

    @property
    def is_down(self) -> bool:
        return self.state == "down"

    @property
    def counts(self) -> bool:
        """Whether it is a manager or will be one, and not a stale entry of a manager that left the raft."""
        return self.is_manager and (self.listed or not self.is_down)


@dataclass(frozen=True)
class World:
    """A snapshot of all hosts of a play and, through one manager, of the nodes of their Swarm."""

    hosts: Tuple[Host, ...]
    nodes: Tuple[Node, ...] = ()
    cluster_id: str = ""  # empty if there is no Swarm yet
    settings: Optional[Mapping[str, Any]] = None  # the Swarm's specification and its fixed parts

    def node_of(self, host: Host) -> Optional[Node]:
        return next((node for node in self.nodes if node.id == host.node_id), None) if host.is_member else None

    def host_of(self, node: Node) -> Optional[Host]:
        return next((host for host in self.hosts if host.is_member and host.node_id == node.id), None)

    @property
    def managers(self) -> Dict[str, bool]:
        """Whether each manager is up, by its id, counted as in health/quorum.py."""
        return {node.id: node.reachable for node in self.nodes if node.listed or node.counts}


def host_of(host: str, wanted: str, facts: Mapping[str, Any]) -> Host:
    """Returns a host from the module's facts (enrolling/look.py: look)."""
    more: Dict[str, Any] = {"addresses": tuple(facts["addresses"]), "joins_by": str(facts.get("joins_by") or "")}
    return Host(host, wanted, **more, **{name: facts[name] for name in FACTS})


FACTS = ("name", "state", "node_id", "control", "cluster_id", "address", "error")


def node_from(data: Mapping[str, Any], now: float, busy: Mapping[str, int]) -> Node:
    """Returns a node from the Engine's answer; ``now``: seconds since 1970 on the manager; ``busy``: tasks by node."""
    spec, status = data.get("Spec") or {}, data.get("Status") or {}
    raft = data.get("ManagerStatus") or {}
    return Node(
        id=str(data.get("ID") or ""),
        name=str((data.get("Description") or {}).get("Hostname") or spec.get("Name") or data.get("ID") or ""),
        role=str(spec.get("Role") or WORKER),
        state=str(status.get("State") or "unknown"),
        availability=str(spec.get("Availability") or "active"),
        address=str(status.get("Addr") or ""),
        listed=bool(raft),
        reachable=raft.get("Reachability") == "reachable",
        leader=bool(raft.get("Leader")),
        leaving=str((spec.get("Labels") or {}).get(LEAVING) or ""),
        busy=int(busy.get(str(data.get("ID")), 0)),
        age=max(now - seconds_of(str(data.get("UpdatedAt") or "")), 0.0),
        version=int((data.get("Version") or {}).get("Index") or 0),
    )


def seconds_of(moment: str) -> float:
    """Returns the Engine's time as whole seconds since 1970; 0.0 if it is invalid."""
    from datetime import datetime, timezone

    try:
        return datetime.strptime(moment[:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=timezone.utc).timestamp()
    except ValueError:
        return 0.0


def named(nodes: Sequence[Node], name: str) -> List[Node]:
    """Returns the nodes with this host name or id."""
    return [node for node in nodes if name in (node.name, node.id)]
