# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Splits the project of a registry into one stack per category, with networks that the stacks share."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.findings import Findings
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.generate.files import texts_in
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.model import Registry
from ansible_collections.stackwright.swarm.plugins.plugin_utils.writing.compose_file import compose_text

_DEFAULT = "default"
_CODE = "stacks"
#: A network's keys in Compose, and the options of swarm_network that they become.
_OPTIONS = {
    "driver": "driver",
    "driver_opts": "driver_options",
    "attachable": "attachable",
    "internal": "internal",
    "enable_ipv6": "ipv6",
    "labels": "labels",
}
_POOL = ("subnet", "gateway", "ip_range")
_OWN = ("name", "external", "ipam", *_OPTIONS)


def by_category(
    registry: Registry, project: Mapping[str, Any], base: str, absent: Collection[str], findings: Findings
) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """Returns the Compose file of each category, and the options of swarm_network for each network that they share.

    All networks of the registry are shared. A network or volume without a name gets that of one stack ``base``, so
    data stays in place when the registry is split.

    :param absent: networks that do not exist yet. In the plan, each stack creates them.
    :param findings: gets the parts that one stack per category can't have.
    """
    used = {_DEFAULT} if any(_uses_default(service) for service in project["services"].values()) else set()
    networks = {
        key: _named(entry, base, key)
        for key, entry in {**dict.fromkeys(used), **(project.get("networks") or {})}.items()
    }
    options = [_network(key, entry, findings) for key, entry in networks.items() if not entry.get("external")]
    found = {}
    for category, services in registry.categories.items():
        document = _part(project, [service.name for service in services], base)
        keys = {key for service in document["services"].values() for key in _networks_of(service)}
        entries = {
            key: entry if entry["name"] in absent else {"external": True, "name": entry["name"]}
            for key, entry in networks.items()
            if key in keys
        }
        found[category] = compose_text({**document, **({"networks": entries} if entries else {})}, interpolated=False)
    _check_values(registry, project, findings)
    return found, options


def _named(entry: Any, base: str, key: str) -> dict[str, Any]:
    found = dict(entry or {})
    return {**found, "name": found.get("name") or (key if found.get("external") else f"{base}_{key}")}


def _part(project: Mapping[str, Any], names: list[str], base: str) -> dict[str, Any]:
    services = {name: dict(project["services"][name]) for name in names}
    for service in services.values():
        needed = service.pop("depends_on", None) or []
        kept = (
            {name: entry for name, entry in needed.items() if name in services}
            if isinstance(needed, dict)
            else [name for name in needed if name in services]
        )
        if kept:
            service["depends_on"] = kept
    found: dict[str, Any] = {"services": services}
    volumes = {key: _named(entry, base, key) for key, entry in (project.get("volumes") or {}).items()}
    if volumes:
        found["volumes"] = volumes
    for section in ("secrets", "configs"):
        keys = {key for service in services.values() for key in _objects_of(service, section)}
        entries = {key: entry for key, entry in (project.get(section) or {}).items() if key in keys}
        if entries:
            found[section] = entries
    return found


def _uses_default(service: Mapping[str, object]) -> bool:
    return not service.get("networks") and not service.get("network_mode")


def _networks_of(service: Mapping[str, Any]) -> list[str]:
    return [_DEFAULT] if _uses_default(service) else [str(key) for key in service.get("networks") or ()]


def _objects_of(service: Mapping[str, Any], section: str) -> list[str]:
    return [
        str(entry.get("source", "")) if isinstance(entry, dict) else str(entry) for entry in service.get(section) or ()
    ]


def _network(key: str, entry: Mapping[str, Any], findings: Findings) -> dict[str, Any]:
    """Returns the options of swarm_network for a network."""
    ipam = entry.get("ipam") or {}
    pools = [pool for pool in ipam.get("config") or () if isinstance(pool, dict)]
    other = [name for name in entry if name not in _OWN and not name.startswith("x-")]
    other += [f"ipam.{name}" for name in ipam if name != "config"]
    other += [f"ipam.config.{name}" for pool in pools for name in pool if name not in _POOL]
    if other:
        message = f"the stacks of the categories share the network '{key}', which can't have {', '.join(other)}"
        hint = "remove it, or create the network yourself and write 'external: true'"
        findings.problem(("networks", key), message, hint, _CODE)
    if any("$" in text for text in texts_in(entry)):
        message = f"the stacks of the categories share the network '{key}', which can't have variables"
        hint = "write the value, or create the network yourself and write 'external: true'"
        findings.problem(("networks", key), message, hint, _CODE)
    labels = entry.get("labels")
    given = {**entry, "labels": dict(map(_pair, labels))} if isinstance(labels, list) else entry
    found = {option: _plain(given[name]) for name, option in _OPTIONS.items() if given.get(name) is not None}
    if pools:
        found["ipam"] = [{name: str(pool[name]) for name in _POOL if pool.get(name)} for pool in pools]
    return {"name": str(entry["name"]), **found}


def _pair(text: str) -> tuple[str, str]:
    name, _equals, value = str(text).partition("=")
    return name, value


def _plain(value: object) -> Any:
    if isinstance(value, dict):
        return {str(key): "" if item is None else str(item) for key, item in value.items()}
    return value if isinstance(value, bool) else str(value)


def _check_values(registry: Registry, project: Mapping[str, Any], findings: Findings) -> None:
    """Reports generated values of several stacks: each stack would generate its own."""
    for section in ("secrets", "configs"):
        for key, entry in (project.get(section) or {}).items():
            text = str((entry or {}).get("content", ""))
            users = [
                category
                for category, services in registry.categories.items()
                if any(key in _objects_of(project["services"][service.name], section) for service in services)
            ]
            if len(users) > 1 and "{{" in text and "generate_" in text:
                message = (
                    f"the {section[:-1]} '{key}' has a generated value, and each of the stacks of the categories "
                    f"{' and '.join(users)} would generate its own"
                )
                hint = "deploy the registry as one stack, or create the secret yourself and write 'external: true'"
                findings.problem((section, key), message, hint, _CODE)
