# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The start order of services: waves of services that may change together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Invalid, Path

STARTED, HEALTHY, COMPLETED = "service_started", "service_healthy", "service_completed_successfully"
_CONDITIONS = (STARTED, HEALTHY, COMPLETED)

Dependencies = Mapping[str, Mapping[str, Any]]


def dependencies(service: Mapping[str, object], path: Path) -> dict[str, dict[str, Any]]:
    """Returns ``depends_on`` with Compose's defaults. Raises Invalid for an unknown condition."""
    found = {}
    given = service.get("depends_on")
    given = given if isinstance(given, Mapping) else {}
    for key in sorted(given, key=str):
        entry = given[key] if isinstance(given[key], Mapping) else {}
        condition = entry.get("condition") or _CONDITIONS[0]
        if condition not in _CONDITIONS:
            raise Invalid(
                f"{condition!r} is not a valid condition",
                (*path, "depends_on", key, "condition"),
                hint="Use one of " + ", ".join(_CONDITIONS) + ".",
            )
        found[str(key)] = {
            "condition": condition,
            "restart": bool(entry.get("restart", False)),
            "required": bool(entry.get("required", True)),
        }
    return found


def waited_for(services: Mapping[str, object], condition: str) -> dict[str, str]:
    """Returns the services that others wait for with this condition, each with the first one that waits."""
    found: dict[str, str] = {}
    for key in sorted(services, key=str):
        service = services[key]
        given = service.get("depends_on") if isinstance(service, Mapping) else None
        for other, entry in given.items() if isinstance(given, Mapping) else ():
            if isinstance(entry, Mapping) and entry.get("condition") == condition:
                found.setdefault(str(other), str(key))
    return found


def becomes_job(service: Mapping[str, object]) -> bool:
    """Returns whether a service becomes a job if others wait until it has completed: its file sets no mode."""
    deploy = service.get("deploy")
    return not (isinstance(deploy, Mapping) and deploy.get("mode"))


def waves(depends_on: Mapping[str, Dependencies]) -> list[list[str]]:
    """Returns the services' keys in waves: each service after its dependencies, as early as possible.

    Unknown dependencies are skipped. Raises Invalid (``dependency_cycle``) for a cycle.
    """
    waiting = {key: {other for other in others if other in depends_on} for key, others in depends_on.items()}
    dependents: dict[str, list[str]] = {}
    for key, others in waiting.items():
        for other in others:
            dependents.setdefault(other, []).append(key)
    found = []
    ready = sorted(key for key, others in waiting.items() if not others)
    while ready:
        found.append(ready)
        following = []
        for done in ready:
            for key in dependents.get(done, ()):
                waiting[key].discard(done)
                if not waiting[key]:
                    following.append(key)
        ready = sorted(following)
    stuck = {key: others for key, others in waiting.items() if others}
    if stuck:
        cycle = cycle_in(stuck)
        raise Invalid(
            "services depend on each other in a cycle: " + " -> ".join(cycle),
            ("services", cycle[0], "depends_on"),
            hint="Remove one of these dependencies.",
            code="dependency_cycle",
        )
    return found


def cycle_in(stuck: Mapping[str, set[str]]) -> list[str]:
    """Returns one cycle of services that wait for each other; its first key again at the end."""
    key = min(stuck)
    seen: dict[str, int] = {}
    while key not in seen:
        seen[key] = len(seen)
        key = min(other for other in stuck[key] if other in stuck)
    cycle = list(seen)[seen[key] :]
    turn = cycle.index(min(cycle))
    return [*cycle[turn:], *cycle[:turn], min(cycle)]
