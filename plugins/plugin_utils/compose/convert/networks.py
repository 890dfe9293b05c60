# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stack's networks: only those that a service uses, as docker's CLI creates them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.context import Context
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.labels import owned
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.paths import Path
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.values import (
    boolean,
    filled,
    items,
    labels,
    section,
    text,
)


def networks(context: Context) -> list[dict[str, Any]]:
    """Return the networks in use, by name; an external one has no spec."""
    found = []
    for key in sorted(context.used_networks):
        entry = context.guard(partial(_network, context, key))
        if entry:
            found.append(entry)
    found += [{"key": name, "name": name, "external": True, "spec": None} for name in sorted(context.used_predefined)]
    return sorted({entry["name"]: entry for entry in reversed(found)}.values(), key=lambda entry: entry["name"])


def _network(context: Context, key: str) -> dict[str, Any]:
    name = context.object_name("networks", key, ("networks", key))
    external = context.is_external("networks", key)
    definition = context.definition("networks", key, ("networks", key))
    spec = None if external else _spec(context, name, definition, ("networks", key))
    return {"key": key, "name": name, "external": external, "spec": spec}


def _spec(context: Context, name: str, definition: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Return the body of POST /networks/create."""
    spec = {
        "Name": name,
        # Dropped in API 1.44; before, the Engine would let two networks share a name.
        "CheckDuplicate": True,
        "Driver": text(definition, "driver", path) or "overlay",
        "Scope": "",
        "Internal": boolean(definition, "internal", path) or False,
        "Attachable": boolean(definition, "attachable", path) or False,
        "Ingress": False,
        "ConfigOnly": False,
        "ConfigFrom": None,
        "Options": labels(definition, "driver_opts", path),
        "Labels": owned(context.stack, definition, path),
    }
    for field, key in (("EnableIPv4", "enable_ipv4"), ("EnableIPv6", "enable_ipv6")):
        if definition.get(key) is not None:
            spec[field] = boolean(definition, key, path)
    ipam = _ipam(section(definition, "ipam", path), (*path, "ipam"))
    return {**spec, "IPAM": ipam} if ipam else spec


def _ipam(ipam: Mapping[str, Any], path: Path) -> dict[str, Any] | None:
    driver, options = text(ipam, "driver", path), labels(ipam, "options", path)
    pools = [_pool(pool, (*path, "config", index)) for index, pool in enumerate(items(ipam, "config", path) or [])]
    if not driver and not pools and not options:
        return None
    return {"Driver": driver or "", "Config": pools or None, "Options": options or None}


def _pool(pool: Mapping[str, Any], path: Path) -> dict[str, Any]:
    fields = (("Subnet", "subnet"), ("Gateway", "gateway"), ("IPRange", "ip_range"))
    return filled(**{field: text(pool, key, path) for field, key in fields})
