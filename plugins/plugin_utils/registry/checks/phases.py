# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks phases and dependencies: whether the services can roll out in this order."""

from __future__ import annotations

from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.findings import Findings
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.model import Phase, Registry, Service
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.texts import nearest
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.written import text_of


def check_phases(registry: Registry, findings: Findings) -> None:
    """Checks that each service has a defined phase with its ``phase_order``; warns about phases of one order."""
    for service in registry.services.values():
        if "phase" not in service.keys:
            if registry.phases and "phase" not in service.keys.lost:
                hint = f"add 'phase:' with one of {_names(registry)}"
                findings.warning(service.path(), "the service has no phase: it rolls out last", hint, "no_phase")
            continue
        phase = registry.phases.get(service.phase)
        if phase is None:
            _undefined(registry, service, findings)
        else:
            _check_order(service, phase, findings)
    _same_order(registry, findings)


def _names(registry: Registry) -> str:
    return ", ".join(registry.phases)


def _undefined(registry: Registry, service: Service, findings: Findings) -> None:
    known = registry.tree.get("phases")
    if "phases" in registry.tree.lost or (isinstance(known, dict) and service.phase in known):
        return  # reported before
    hint = nearest(service.phase, known if isinstance(known, dict) else ())
    hint = hint or (f"the phases are {_names(registry)}" if registry.phases else "define it under 'phases:'")
    findings.problem(service.path("phase"), f"the phase '{service.phase}' is not defined", hint, "phase_undefined")


def _check_order(service: Service, phase: Phase, findings: Findings) -> None:
    order = service.keys.get("phase_order")
    if order is None or int(order) == phase.order:
        return
    message = f"phase_order {text_of(order)} contradicts the phase '{phase.name}', which has order {phase.order}"
    hint = f"remove phase_order, or set it to {phase.order}; or move the service to another phase"
    findings.problem(service.path("phase_order"), message, hint, "phase_order")


def _same_order(registry: Registry, findings: Findings) -> None:
    first: dict[int, str] = {}
    for phase in registry.phases.values():
        other = first.setdefault(phase.order, phase.name)
        if other != phase.name:
            message = f"the phases '{other}' and '{phase.name}' both have order {phase.order}: they roll out together"
            findings.warning(("phases", phase.name, "order"), message, "give them different orders", "same_order")


def check_dependencies(registry: Registry, findings: Findings) -> None:
    """Checks that each dependency exists, is not in a later phase, and is not circular."""
    edges: dict[str, list[str]] = {}
    for service in registry.services.values():
        for index, name in enumerate(service.depends_on):
            listed = isinstance(service.keys.get("depends_on"), list)
            path = service.path("depends_on", index if listed else name)
            if name not in registry.services:
                hint = nearest(name, registry.services) or "add the service, or remove the dependency"
                message = f"depends on '{name}', which is not in the registry"
                findings.problem(path, message, hint, "dependency_missing")
                continue
            edges.setdefault(service.name, []).append(name)
            mine = registry.phases.get(service.phase)
            theirs = registry.phases.get(registry.services[name].phase)
            if mine and theirs and theirs.order > mine.order:
                message = (
                    f"depends on '{name}', which is in a later phase: '{theirs.name}' has order {theirs.order}, "
                    f"'{mine.name}' {mine.order}"
                )
                hint = f"move '{service.name}' to '{theirs.name}', or '{name}' to '{mine.name}'"
                findings.problem(path, message, hint, "dependency_later")
    for circle in _circles(edges):
        service = registry.services[circle[0]]
        index = list(service.depends_on).index(circle[1])
        place = service.path("depends_on", index if isinstance(service.keys["depends_on"], list) else circle[1])
        hint = "remove one of these dependencies"
        findings.problem(place, f"circular dependency: {' -> '.join(circle)}", hint, "dependency_circle")


def _circles(edges: dict[str, list[str]]) -> list[list[str]]:
    """Returns the circles of a graph, each as a list that ends with its first name. Visits each edge once."""
    found: list[list[str]] = []
    done: set[str] = set()
    for start in edges:
        if start in done:
            continue
        way, depth = [start], {start: 0}
        waiting = [iter(edges[start])]
        while waiting:
            following = next(waiting[-1], None)
            if following is None:
                waiting.pop()
                name = way.pop()
                del depth[name]
                done.add(name)
            elif following in depth:
                found.append([*way[depth[following] :], following])
            elif following in edges and following not in done:
                depth[following] = len(way)
                way.append(following)
                waiting.append(iter(edges[following]))
    return found
