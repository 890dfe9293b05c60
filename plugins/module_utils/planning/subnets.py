# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixed subnets that overlap: the Engine takes such a network, and then no task on it ever starts."""

from __future__ import annotations

import ipaddress
from typing import Any, List, Mapping, Sequence, Tuple, Union

from ansible_collections.stackwright.swarm.plugins.module_utils.errors import EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.model import Operation
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.objects import owner
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import id_of, name_of

Subnet = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]
Pool = Tuple[Subnet, str]  # a subnet, and the part of it that addresses are taken from


def refuse_overlaps(operations: Sequence[Operation], observed: Mapping[str, Any]) -> None:
    """Raises EngineError (``conflict``) where a network that is made overlaps another one of the Swarm, or of the plan.

    A network that the files no longer have counts: it is removed only after the services run.
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
        for subnet, part in pools:
            for whose, (other, its_part) in others:
                same = subnet == other and part and its_part and part != its_part  # ip_range shares a subnet out
                if subnet.version == other.version and subnet.overlaps(other) and not same:
                    raise EngineError(
                        f"network {op.key or op.name}: its subnet {subnet} overlaps {other}, which {whose} has; no "
                        "task on it would start.",
                        "conflict",
                        "Choose another subnet, and another `name` if a network of this name is there already. "
                        "Networks of single nodes are not looked at. Nothing was changed.",
                    )
        others += [(f"the network {op.name} of this stack", pool) for pool in pools]


def _pools(network: Mapping[str, Any]) -> List[Pool]:
    found: List[Pool] = []
    for config in (network.get("IPAM") or {}).get("Config") or []:
        try:
            found.append((ipaddress.ip_network(str(config.get("Subnet")), False), str(config.get("IPRange") or "")))
        except ValueError:  # none, or the Engine says what is wrong with it
            continue
    return found
