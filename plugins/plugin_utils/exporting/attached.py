# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The networks of a service, and the definitions of networks."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import BASE, labels_of, name_of
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.names import hashed_name, host_name
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.normalise import network as normal
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.attachments import PREDEFINED
from ansible_collections.stackwright.swarm.plugins.plugin_utils.exporting.one import One
from ansible_collections.stackwright.swarm.plugins.plugin_utils.exporting.surroundings import (
    Snapshot,
    Surroundings,
    without_private,
)

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Network, ServiceSpec, Subnet

_POOL, _SIZE = "10.0.0.0/8", 24
#: Swarm assigns the subnets of a pool in order. A later one was more likely set in a file.
_FIRST = 256


def networks(one: One) -> None:
    """Sets ``networks``, unless the service only joins the stack's network ``default``."""
    found: dict[str, Any] = {}
    key, around = one.key, one.around
    for attachment in one.template.get("Networks") or []:
        name = around.names.get(attachment["Target"], attachment["Target"])
        if name in around.shared:
            continue
        aliases = [alias for alias in attachment.get("Aliases") or [] if alias != key]
        if name in around.hashed:
            aliases = [alias for alias in aliases if alias not in hash_aliases(key, around)]
        settings = {"aliases": aliases, "driver_opts": dict(attachment.get("DriverOpts") or {})}
        found[network_key(name, around)] = {word: value for word, value in settings.items() if value} or None
    if found and found != {"default": None}:
        one.made["networks"] = found


def hash_aliases(key: str, around: Surroundings) -> list[str]:
    """Returns the aliases of a service on shared networks."""
    return [hashed_name(key, around.stack.hash), host_name(key, around.stack.hash)]


def find_shared(services: Mapping[str, ServiceSpec], around: Surroundings) -> None:
    """Records in ``around`` the networks on which services have hash aliases: all services (``shared``), or only some.

    ``services`` are the specs by key.
    """
    joined: dict[str, list[tuple[str, list[str]]]] = {}
    able = []
    for key, spec in services.items():
        names = [around.names.get(a["Target"], a["Target"]) for a in spec["TaskTemplate"].get("Networks") or []]
        if not set(names) & set(PREDEFINED):
            able.append(key)
        for name, attachment in zip(names, spec["TaskTemplate"].get("Networks") or []):
            joined.setdefault(name, []).append((key, list(attachment.get("Aliases") or [])))
    for name, users in sorted(joined.items()):
        if not all(aliases[-2:] == hash_aliases(key, around) for key, aliases in users):
            continue
        everyone = sorted(key for key, _aliases in users) == sorted(able)
        plain = all(len(aliases) == 2 for _key, aliases in users)
        (around.shared if everyone and plain else around.hashed).append(name)


def network_key(name: str, around: Surroundings) -> str:
    """Returns the key of a network in the file, and defines the network there."""
    live = next((network for network in around.observed["networks"] if name_of(network) == name), None)
    if live is None or not around.is_own(live):
        return around.define("networks", name, around.short(name), {"external": True})
    base = _base(live, name)
    key = around.short(base)
    return around.define("networks", base, key, _definition(live, key, around))


def _base(live: Network, name: str) -> str:
    """Returns the name in the file: a network that replaced another one has a suffix."""
    return labels_of(live).get(BASE) or name


def _definition(live: Network, key: str, around: Surroundings) -> dict[str, Any]:
    plain = normal(live)
    ipam = plain["IPAM"]
    driver = "" if ipam["Driver"] == "default" else ipam["Driver"]
    block = {"driver": driver, "config": subnets(ipam["Config"], around.observed), "options": ipam["Options"]}
    found = {
        "driver": "" if plain["Driver"] == "overlay" else plain["Driver"],
        "attachable": plain["Attachable"],
        "internal": plain["Internal"],
        "enable_ipv6": plain["EnableIPv6"],
        "driver_opts": plain["Options"],
        "ipam": {word: value for word, value in block.items() if value},
        "labels": without_private(around.labels(plain["Labels"], "network", key)),
    }
    return {word: value for word, value in found.items() if value}


def subnets(configs: Sequence[Subnet], observed: Snapshot) -> list[dict[str, str]]:
    """Returns the subnets, unless the Swarm has chosen all of them from its pools."""
    if all(_is_chosen(config, observed) for config in configs):
        return []
    found = []
    for config in configs:
        entry = {"subnet": str(config.get("Subnet") or ""), "ip_range": str(config.get("IPRange") or "")}
        if config.get("Gateway") and str(config["Gateway"]) != _first(entry["subnet"]):
            entry["gateway"] = str(config["Gateway"])
        found.append({word: value for word, value in entry.items() if value})
    return found


def _is_chosen(config: Subnet, observed: Snapshot) -> bool:
    cluster = (observed["info"].get("Swarm") or {}).get("Cluster") or {}
    size = int(cluster.get("SubnetSize") or _SIZE)
    try:
        subnet = ipaddress.ip_network(str(config.get("Subnet")), False)
        pools = [ipaddress.ip_network(str(pool), False) for pool in cluster.get("DefaultAddrPool") or [_POOL]]
    except ValueError:
        return False
    if config.get("IPRange") or str(config.get("Gateway") or _first(str(subnet))) != _first(str(subnet)):
        return False
    pool = next((pool for pool in pools if pool.version == subnet.version and subnet.overlaps(pool)), None)
    if pool is None or subnet.prefixlen != size:
        return False
    number = (int(subnet.network_address) - int(pool.network_address)) >> (pool.max_prefixlen - size)
    return number < _FIRST


def _first(subnet: str) -> str:
    """Returns the address that the Engine assigns to the gateway of a subnet; empty for an invalid subnet."""
    try:
        return str(ipaddress.ip_network(subnet, False)[1])
    except (ValueError, IndexError):
        return ""
