# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Overlapping subnets and exhausted address pools: the Engine accepts such a network, but no task on it ever starts."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, List, Optional, Sequence, Tuple, Union

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import Operation
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.objects import owner
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import id_of, name_of

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Info, Network
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import Observed

Subnet = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]
Pool = Tuple[Subnet, str]  # a subnet, and the part of it that addresses are taken from


def refuse_overlaps(operations: Sequence[Operation], observed: Observed) -> None:
    """Raises EngineError (``conflict``) if a new network overlaps another one of the Swarm or of the plan.

    Networks that are no longer in the files count: they are only removed after the services run.
    """
    gone = {op.payload["id"] for op in operations if op.action == "remove" and op.kind == "network"}
    others = [
        (f"the network {name_of(network)} of {owner(network)}", pool)
        for network in observed["networks"]
        if network.get("Scope") == "swarm" and id_of(network) not in gone
        for pool in _pools(network)
    ]
    for op in operations:
        if (op.action, op.kind) != ("create", "network"):
            continue
        pools = _pools(op.payload["spec"])
        for pool in pools:
            for user, other in others:
                if _clash(pool, other):
                    raise EngineError(
                        f"network {op.key or op.name}: its subnet {pool[0]} overlaps {other[0]}, which {user} has; no "
                        "task on it would start.",
                        "conflict",
                        "Choose another subnet, and another `name` if a network with this name already exists. "
                        "Networks of single nodes are not checked. Nothing was changed.",
                    )
        others += [(f"the network {op.name} of this stack", pool) for pool in pools]
    _refuse_exhaustion(operations, observed, [subnet for _whose, (subnet, _part) in others])


def _refuse_exhaustion(operations: Sequence[Operation], observed: Observed, taken: Sequence[Subnet]) -> None:
    """Raises EngineError (``conflict``) if Swarm has no subnet left for new networks without a fixed one."""
    asking = [
        op.key or op.name
        for op in operations
        if (op.action, op.kind) == ("create", "network")
        and not _pools(op.payload["spec"])
        and (op.payload["spec"].get("Driver") or "overlay") == "overlay"
    ]
    free = free_subnets(observed["info"], taken) if asking else None
    if free is None or free >= len(asking):
        return
    left = f"{free} {'is' if free == 1 else 'are'} left" if free else "none is left"
    raise EngineError(
        f"network {', '.join(asking)}: the Swarm chooses {'its subnet' if len(asking) == 1 else 'their subnets'} from "
        f"{pools_of(observed['info'])}, of which {left}; no task on it would start.",
        "conflict",
        "Remove unused networks, or set a fixed subnet outside of these pools. Nothing was changed.",
    )


def subnets_of(networks: Sequence[Network]) -> List[Subnet]:
    """Returns the subnets of the Swarm's networks among ``networks``, fixed or chosen by Swarm."""
    return [subnet for network in networks if network.get("Scope") == "swarm" for subnet, _part in _pools(network)]


def free_subnets(info: Info, taken: Sequence[Subnet]) -> Optional[int]:
    """Returns how many subnets of the Swarm's default address pools overlap none of ``taken``; None if unknown."""
    cluster = (info.get("Swarm") or {}).get("Cluster") or {}
    size = int(cluster.get("SubnetSize") or 0)
    free = 0
    for text in cluster.get("DefaultAddrPool") or [] if size else []:
        try:
            pool = ipaddress.ip_network(str(text), False)
        except ValueError:
            return None
        if pool.version != 4 or size < pool.prefixlen or size > pool.max_prefixlen:
            return None
        free += _free_in(pool, size, [subnet for subnet in taken if subnet.version == 4 and subnet.overlaps(pool)])
    return free if size and cluster.get("DefaultAddrPool") else None


def _free_in(pool: Subnet, size: int, taken: Sequence[Subnet]) -> int:
    """Counts the free subnets without a list of them: a pool may have as many as there are addresses."""
    shift = pool.max_prefixlen - size
    start, last = int(pool.network_address), (1 << (size - pool.prefixlen)) - 1
    ranges = sorted(
        (max(int(subnet.network_address) - start, 0) >> shift, (int(subnet.broadcast_address) - start) >> shift)
        for subnet in taken
    )
    used, following = 0, 0
    for first, end in ranges:
        used += max(0, min(end, last) - max(first, following) + 1)
        following = max(following, min(end, last) + 1)
    return last + 1 - used


def pools_of(info: Info) -> str:
    """Returns the Swarm's default address pools as text for messages."""
    cluster = (info.get("Swarm") or {}).get("Cluster") or {}
    pools = [str(pool) for pool in cluster.get("DefaultAddrPool") or []]
    return (
        f"the address pool{'' if len(pools) == 1 else 's'} {', '.join(pools)} (subnets of /{cluster.get('SubnetSize')})"
    )


def overlap(one: Network, other: Network) -> bool:
    """Whether two networks have fixed subnets that overlap."""
    return any(_clash(pool, its) for pool in _pools(one) for its in _pools(other))


def _clash(pool: Pool, other: Pool) -> bool:
    (subnet, part), (its, its_part) = pool, other
    if subnet.version != its.version or not subnet.overlaps(its):
        return False
    return not (subnet == its and part and its_part and part != its_part)  # ip_range shares a subnet out


def _pools(network: Network) -> List[Pool]:
    found: List[Pool] = []
    for config in (network.get("IPAM") or {}).get("Config") or []:
        try:
            found.append((ipaddress.ip_network(str(config.get("Subnet")), False), str(config.get("IPRange") or "")))
        except ValueError:  # no subnet, or an invalid one, which the Engine reports
            continue
    return found
