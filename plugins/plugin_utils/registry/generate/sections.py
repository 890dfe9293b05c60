# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sections that services share: networks, volumes, secrets and configs."""

from __future__ import annotations

from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Map, Seq
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.checks.references import named_volumes
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.generate.service import copied
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.model import Registry
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.written import plain_value, text_of

SECTIONS = ("networks", "volumes", "secrets", "configs")


def section_of(registry: Registry, section: str) -> tuple[Map, dict[str, str]]:
    """Returns the definitions of a section in Compose, with volumes that are only used; and their descriptions."""
    given = registry.section(section)
    found = Map(registry.mark((section,)))
    descriptions: dict[str, str] = {}
    for name, keys in given.items():
        entry = Map(registry.mark((section, name)))
        for key, value in keys.items() if isinstance(keys, Map) else ():
            if key == "description":
                descriptions[name] = " ".join(text_of(value).split())
            elif key == "subnet":
                _put_subnet(entry, text_of(value), keys.mark(key))
            elif not (key == "ipam" and "ipam" in entry):
                entry.put(key, copied(value, plain_value), keys.mark(key))
        found.put(name, entry or None, registry.mark((section, name)))
    if section == "volumes" and "volumes" not in registry.tree:
        used = {name for service in registry.services.values() for _index, name in named_volumes(service)}
        for name in sorted(used):
            found.put(name, None)
    return found, descriptions


def _put_subnet(entry: Map, subnet: str, mark: Any) -> None:
    config, pool, pools = Map(mark), Map(mark), Seq(mark)
    pool.put("subnet", subnet, mark)
    pools.add(pool, mark)
    config.put("config", pools, mark)
    entry.put("ipam", config, mark)
