# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why Swarm can't allocate a service's networks. Its tasks stay ``new``, and only the managers' logs have the cause."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any, Dict, Mapping, Sequence

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.health.judge import STAGES
from ansible_collections.stackwright.swarm.plugins.module_utils.health.tasks import ON_THE_WAY, state_of
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.subnets import (
    free_subnets,
    pools_of,
    subnets_of,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import id_of, name_of

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Info, Network, Service

PATIENCE = 5.0  # seconds

Item = Mapping[str, Any]


def unallotted(client: EngineClient, service: Service, reason: str) -> str:
    """Returns half a sentence: which network of ``service`` is the cause, and why.

    Empty if ``reason`` (why the service does not run) is not about networks, or if no cause is found.
    """
    if STAGES["new"] not in reason:
        return ""
    try:
        seen: Dict[str, Any] = {
            kind: client.list(f"/{kind}", timeout=PATIENCE) for kind in ("networks", "services", "tasks", "nodes")
        }
        return cause(service, client.get("/info", timeout=PATIENCE), seen)
    except EngineError:
        return ""


def cause(service: Service, info: Info, seen: Mapping[str, Sequence[Any]]) -> str:
    """Returns the same from a snapshot: ``networks``, ``services``, ``tasks`` and ``nodes``."""
    spec = service["Spec"]
    targets = {item.get("Target") for item in spec["TaskTemplate"].get("Networks") or []}
    ports = (spec.get("EndpointSpec") or {}).get("Ports") or []
    is_published = any((port.get("PublishMode") or "ingress") == "ingress" for port in ports)
    for network in sorted(seen["networks"], key=name_of):
        if network.get("Scope") != "swarm" or "Peers" in network:
            continue
        if id_of(network) in targets or (network.get("Ingress") and is_published):
            why = _why(network, info, seen)
            if why:
                return f"the network {name_of(network)} has {why}"
    return ""


def _why(network: Network, info: Info, seen: Mapping[str, Sequence[Any]]) -> str:
    if not (network.get("IPAM") or {}).get("Config"):
        free = free_subnets(info, subnets_of(seen["networks"]))
        if free == 0:
            return f"no subnet: {pools_of(info)} is exhausted"
        overlap = "the requested one overlaps the subnet of another network"
        return f"no subnet: {overlap}" + ("" if free else ", or the Swarm's address pools are exhausted")
    for subnet in subnets_of([network]):
        if subnet.version == 4 and _left(network, subnet, seen) <= 0:
            return f"no free address in its subnet {subnet}"
    return ""


def _left(network: Network, subnet: Any, seen: Mapping[str, Sequence[Any]]) -> int:
    """Returns the number of free addresses after each node has taken one for its load balancer."""
    taken = [config["Gateway"] for config in network["IPAM"]["Config"] if config.get("Gateway")]
    for service in seen["services"]:
        for entry in (service.get("Endpoint") or {}).get("VirtualIPs") or []:
            if entry.get("NetworkID") == id_of(network):
                taken.append(str(entry.get("Addr")))
    for task in seen["tasks"]:
        alive = state_of(task) in (*ON_THE_WAY, "running")
        for attachment in (task.get("NetworksAttachments") or []) if alive else []:
            if ((attachment.get("Network") or {}).get("ID")) == id_of(network):
                taken += [str(address) for address in attachment.get("Addresses") or []]
    own = {address for address in map(_address, taken) if address is not None and address in subnet}
    return int(subnet.num_addresses) - 2 - len(own) - len(seen["nodes"])


def _address(text: str) -> Any:
    try:
        return ipaddress.ip_interface(text).ip
    except ValueError:
        return None
