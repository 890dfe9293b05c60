# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that services of two stacks share on one network, where requests can reach either."""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict, List, Set, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import id_of, name_of, stack_of

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Service, ServiceSpec
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import Observed, State


def name_collisions(desired: State, observed: Observed) -> List[str]:
    """Returns a notice for each name of a service on an external network that a service of another stack has there.

    Returns none if ``observed`` does not have all services of the Swarm.
    """
    stack = desired["stack"]["name"]
    external = {entry["name"] for entry in desired["networks"] if entry["external"]}
    names = {id_of(network): name_of(network) for network in observed["networks"]}
    taken: Dict[Tuple[str, str], Service] = {}
    for other in observed.get("all_services") or () if external else ():
        if stack_of(other) != stack:
            for attachment in other["Spec"]["TaskTemplate"].get("Networks") or ():
                network = names.get(attachment.get("Target", ""), "")
                for alias in attachment.get("Aliases") or ():
                    taken.setdefault((network, alias), other)
    notices = []
    for service in desired["services"]:
        for attachment in service["spec"]["TaskTemplate"].get("Networks") or ():
            network = attachment["Target"]
            for alias in attachment.get("Aliases") or () if network in external else ():
                if (network, alias) in taken:
                    other = taken[network, alias]
                    suffix = f" of the stack {stack_of(other)}" if stack_of(other) else ""
                    notices.append(
                        f"service {service['key']}: on the network {network}, {name_of(other)}{suffix} is called "
                        f"{alias} too, so requests for one can reach the other; platform.hash_aliases: [{network}] "
                        "gives it a separate name"
                    )
    return notices


#: The mount of the admin API in the proxy of the role swarm_platform. Only a service with it counts as a proxy.
PROXY_MOUNT = "/run/caddy"


def out_of_reach(desired: State, observed: Observed) -> List[str]:
    """Returns a notice for each routed service that shares no network with a proxy of the platform.

    Returns none if ``observed`` does not have all services of the Swarm, or there is no such proxy.
    """
    routed = {route.get("service") for route in desired.get("routes") or () if route.get("upstream")}
    proxies = [service for service in observed.get("all_services") or () if _is_proxy(service)] if routed else []
    if not proxies:
        return []
    names = {id_of(network): name_of(network) for network in observed["networks"]}
    reached: Set[str] = set()
    for proxy in proxies:
        reached |= _joined(proxy["Spec"], names)
    where = ", ".join(sorted(reached)) or "none"
    return [
        f"service {service['key']}: its route does not work: it shares no network with the proxy "
        f"({' and '.join(sorted(name_of(proxy) for proxy in proxies))}, which is on {where}), so clients get status "
        "502; add that network to shared_networks or to the service"
        for service in desired["services"]
        if service["name"] in routed and not _joined(service["spec"], names) & reached
    ]


def _is_proxy(service: Service) -> bool:
    container = (service["Spec"].get("TaskTemplate") or {}).get("ContainerSpec") or {}
    return any(mount.get("Target") == PROXY_MOUNT for mount in container.get("Mounts") or ())


def _joined(spec: ServiceSpec, names: Dict[str, str]) -> Set[str]:
    """Returns the names of a service's networks; the Engine has ids in their place."""
    targets = [one.get("Target", "") for one in (spec.get("TaskTemplate") or {}).get("Networks") or ()]
    return {names.get(target, target) for target in targets}
