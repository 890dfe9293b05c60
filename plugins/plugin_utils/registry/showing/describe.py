# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A registry as plain data for people and playbooks: services, phases, dependencies, restarts."""

from __future__ import annotations

from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.model import Registry, Service
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.written import text_of


def described(registry: Registry) -> dict[str, Any]:
    """Returns ``services`` in the order of the registry, ``phases`` in that of the rollout, and the ``tree``."""
    needed_by: dict[str, list[str]] = {name: [] for name in registry.services}
    for service in registry.services.values():
        for needed in service.depends_on:
            needed_by.setdefault(needed, []).append(service.name)
    return {
        "services": [_service(registry, service, needed_by) for service in registry.services.values()],
        "phases": steps(registry),
        "tree": tree_lines(registry),
    }


def steps(registry: Registry, only: frozenset[str] | None = None, per_category: bool = False) -> list[dict[str, Any]]:
    """Returns the steps of a rollout in order; phases of one order are one step. ``only``: the services to include.

    ``timeout`` is the longest of the step's phases, in seconds; None if one of them has none. ``parts`` are the
    deployments of a step.
    """
    found = []
    for order, names, services in registry.steps():
        chosen = [name for name in services if only is None or name in only]
        if not chosen:
            continue
        phases = [registry.phases[name] for name in names]
        limits = [phase.timeout for phase in phases]
        found.append(
            {
                "name": ", ".join(names) or "services without a phase",
                "order": order,
                "description": "; ".join(phase.description for phase in phases if phase.description),
                "timeout": max((limit for limit in limits if limit is not None), default=None)
                if limits and None not in limits
                else None,
                "services": chosen,
                "parts": _by_category(registry, chosen) if per_category else [{"category": "", "services": chosen}],
            }
        )
    return found


def _by_category(registry: Registry, names: list[str]) -> list[dict[str, Any]]:
    """Groups the services of a step by category, dependencies first; a category may come twice."""
    left, found = dict.fromkeys(names), []
    while left:
        first = next((name for name in left if not left.keys() & registry.services[name].depends_on.keys()), None)
        category = registry.services[first or next(iter(left))].category
        chosen: dict[str, None] = {}
        count = -1
        while count < len(chosen):
            count = len(chosen)
            for name in left:
                service = registry.services[name]
                if service.category == category and not (left.keys() & service.depends_on.keys()) - chosen.keys():
                    chosen[name] = None
        # Services with circular dependencies (reported elsewhere) stay together.
        chosen = chosen or left
        found.append({"category": category, "services": [name for name in names if name in chosen]})
        left = {name: None for name in left if name not in chosen}
    return found


def with_needed(registry: Registry, names: list[str]) -> frozenset[str]:
    """Returns ``names`` and all of their dependencies. Raises KeyError for an unknown service."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        service = registry.services[name]
        found.add(name)
        waiting += [needed for needed in service.depends_on if needed in registry.services]
    return frozenset(found)


def _service(registry: Registry, service: Service, needed_by: dict[str, list[str]]) -> dict[str, Any]:
    mark = service.mark
    return {
        "name": service.name,
        "category": service.category,
        "image": service.image,
        "version": service.version,
        "phase": service.phase,
        "depends_on": list(service.depends_on),
        "dependents": needed_by[service.name],
        "restarts": restarts(registry, service.name),
        "networks": [text_of(name) for name in service.keys.get("networks") or ()],
        "subdomain": text_of(service.keys.get("subdomain")),
        "tags": [text_of(tag) for tag in service.keys.get("tags") or ()],
        "where": f"{mark.file}:{mark.line}",
    }


def restarts(registry: Registry, name: str) -> list[str]:
    """Returns the services that restart with this one, itself first: those that depend on it with ``restart: true``."""
    found, ahead = [name], [name]
    while ahead:
        current = ahead.pop(0)
        for other in registry.services.values():
            needed = other.keys.get("depends_on")
            entry = needed.get(current) if isinstance(needed, dict) else None
            if isinstance(entry, dict) and entry.get("restart") is True and other.name not in found:
                found.append(other.name)
                ahead.append(other.name)
    return found


def tree_lines(registry: Registry) -> list[str]:
    """Returns the dependencies as indented lines, each subtree once. Services that no other needs are at the top."""
    lines: list[str] = []
    shown: set[str] = set()
    needed = {name for service in registry.services.values() for name in service.depends_on}

    def show(name: str, depth: int) -> None:
        service = registry.services.get(name)
        # Its subtree was shown before. This also ends a circle.
        again = name in shown and bool(service and service.depends_on)
        lines.append("  " * depth + name + (" (see above)" if again else ""))
        shown.add(name)
        if service is not None and not again:
            for below in service.depends_on:
                show(below, depth + 1)

    for name in registry.services:
        if name not in needed:
            show(name, 0)
    for name in registry.services:
        if name not in shown:
            show(name, 0)
    return lines
