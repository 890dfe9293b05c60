# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks that the networks, volumes, secrets and configs of services are defined."""

from __future__ import annotations

import ipaddress
from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.canonical.volumes import volumes as volumes_of
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.report import Place, Report
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Map, Seq
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.findings import Findings
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.model import Registry, Service
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.texts import nearest, settled
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.written import text_of


def check_references(registry: Registry, findings: Findings) -> None:
    _check_subnets(registry, findings)
    for service in registry.services.values():
        joined = service.keys.get("networks") or ()
        for index, name in enumerate(joined):
            place = service.path("networks", index if isinstance(joined, list) else name)
            _check(registry, "networks", text_of(name), place, findings)
        for index, name in named_volumes(service, findings):
            # Without this section, volumes have no options, and their definitions are generated.
            if "volumes" in registry.tree:
                _check(registry, "volumes", name, service.path("volumes", index), findings)
        for section in ("secrets", "configs"):
            for index, entry in enumerate(service.keys.get(section) or ()):
                name = text_of(entry.get("source") if isinstance(entry, dict) else entry)
                _check(registry, section, name, service.path(section, index), findings)


def named_volumes(service: Service, findings: Findings | None = None) -> list[tuple[int, str]]:
    """Returns the named volumes that a service mounts, each with the index of its entry."""
    entries = service.keys.get("volumes")
    found: list[tuple[int, str]] = []
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        if isinstance(entry, Map):
            if entry.get("type") == "volume" and entry.get("source"):
                found.append((index, text_of(entry["source"])))
            continue
        text = text_of(entry)
        if text[:1] in ("/", ".", "~", "$", "\\") and not (text[:1] == "$" and settled(text)):
            continue  # a path, or a variable for one
        one = Seq()
        one.add(settled(text) or text)
        report = Report()
        mount = volumes_of(one, Place(report))[0]
        if report.problems and findings is not None:
            problem = next(iter(report.problems))
            findings.problem(service.path("volumes", index), problem.message, problem.hint, "volume")
        if isinstance(mount, Map) and mount.get("type") == "volume" and mount.get("source"):
            found.append((index, str(mount["source"])))
    return found


def _check(registry: Registry, section: str, name: str, path: Any, findings: Findings) -> None:
    known = registry.section(section)
    if name in known or "$" in name or section in registry.tree.lost or (section == "networks" and name == "default"):
        return
    hint = nearest(name, known) or f"add it under '{section}:'"
    what = section[:-1]
    findings.problem(path, f"the {what} '{name}' is not defined", hint, f"{what}_undefined")


def _check_subnets(registry: Registry, findings: Findings) -> None:
    taken: list[tuple[Any, str]] = []
    for name, network in registry.section("networks").items():
        subnet = settled((network or {}).get("subnet"))
        if not subnet:
            continue
        path = ("networks", name, "subnet")
        try:
            mine = ipaddress.ip_network(subnet)
        except ValueError:
            findings.problem(
                path, f"'{subnet}' is not a subnet", "write an address and a length, such as 10.1.0.0/24", "subnet"
            )
            continue
        for theirs, other in taken:
            if mine.version == theirs.version and mine.overlaps(theirs):
                message = f"the subnet {mine} overlaps that of '{other}' ({theirs})"
                findings.warning(
                    path, message, "choose another subnet: tasks on both would never start", "subnet_overlap"
                )
        taken.append((mine, name))
