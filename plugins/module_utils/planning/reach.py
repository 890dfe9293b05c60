# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Routes to services that the proxy shares no network with: it would answer 502 for them."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Set

from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import id_of, name_of

#: Where the proxy of the role swarm_platform has its admin API. No other service is taken for a proxy.
PROXY_MOUNT = "/run/caddy"


def out_of_reach(desired: Mapping[str, Any], observed: Mapping[str, Any]) -> List[str]:
    """A notice for each routed service that shares no network with a proxy of the platform.

    Nothing where ``observed`` has not looked at all services of the Swarm, or there is no such proxy.
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
        f"service {service['key']}: its route leads nowhere: it shares no network with the proxy "
        f"({' and '.join(sorted(name_of(proxy) for proxy in proxies))}, which is on {where}), so visitors get 502; "
        f"add that network to shared_networks, or to the service"
        for service in desired["services"]
        if service["name"] in routed and not _joined(service["spec"], names) & reached
    ]


def _is_proxy(service: Mapping[str, Any]) -> bool:
    container = (service["Spec"].get("TaskTemplate") or {}).get("ContainerSpec") or {}
    return any(mount.get("Target") == PROXY_MOUNT for mount in container.get("Mounts") or ())


def _joined(spec: Mapping[str, Any], names: Dict[str, str]) -> Set[str]:
    """The names of the networks of a service, as the Engine or as we write them."""
    targets = [one.get("Target", "") for one in (spec.get("TaskTemplate") or {}).get("Networks") or ()]
    return {names.get(target, target) for target in targets}
