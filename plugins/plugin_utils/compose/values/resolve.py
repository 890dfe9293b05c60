# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replaces the expressions of a merged project with references to values, named after the service, config or secret."""

from __future__ import annotations

from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.expressions import has_expression
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.report import Place
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Map
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.values.value_names import ValueNames


def resolve_values(tree: Map, names: ValueNames, place: Place) -> None:
    """Replaces expressions in environments of services, and contents of configs and secrets; changes ``tree``."""
    services = tree.get("services")
    for key, service in services.items() if isinstance(services, Map) else ():
        environment = service.get("environment") if isinstance(service, Map) else None
        if isinstance(environment, Map) and any(has_expression(text) for text in environment.values()):
            here = place.at(tree, "services").at(services, key).at(service, "environment")
            service["environment"] = _environment(environment, names, key, here)
    for section in ("configs", "secrets"):
        entries = tree.get(section)
        for key, entry in entries.items() if isinstance(entries, Map) else ():
            content: Any = entry.get("content") if isinstance(entry, Map) else None
            if has_expression(content):
                here = place.at(tree, section).at(entries, key).at(entry, "content")
                entry["content"] = names.refer(content, section, key, here)


def _environment(environment: Map, names: ValueNames, service: str, place: Place) -> Map:
    new = environment.like()  # a service that extends this one may share the other
    for key, text in environment.items():
        here = place.at(environment, key)
        if has_expression(text):
            fault = names.owner_fault(service)
            if fault:
                here.problem(fault, hint="rename the service, or use x-env and ${NAME}", code="value_owner")
            else:
                text = names.refer(text, service, key, here)
        new.put(key, text, here.mark)
    return new
