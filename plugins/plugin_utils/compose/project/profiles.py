# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The active services: those without ``profiles``, and those of an active profile."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.report import Place, Report
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import ANYTHING, NOWHERE, Map, Seq


def active_profiles(profiles: Iterable[str], variables: dict[str, str]) -> frozenset[str]:
    """Returns the given profiles and those of COMPOSE_PROFILES (comma-separated)."""
    listed = variables.get("COMPOSE_PROFILES", "").split(",")
    return frozenset(name.strip() for name in (*profiles, *listed) if name.strip())


def unknown_profiles(tree: Map, given: Iterable[str], report: Report) -> None:
    """Adds a notice for each of ``given`` that no service has: a typo would silently leave services out."""
    services = tree.get("services")
    if not isinstance(services, Map) or not tree.lost.isdisjoint((ANYTHING, "services")):
        return
    known: dict[str, None] = {}
    for service in services.values():
        profiles = service.get("profiles") if isinstance(service, Map) else None
        known.update((str(name), None) for name in profiles or () if isinstance(profiles, list))
        if isinstance(service, Map) and not service.lost.isdisjoint((ANYTHING, "profiles")):
            return
    for name in dict.fromkeys(str(name).strip() for name in given):
        if name and name != "*" and name not in known:
            near = difflib.get_close_matches(name[:64], list(known)[:500], n=1, cutoff=0.6)
            listed = ", ".join(sorted(known)[:20])
            hint = (
                f"did you mean {near[0]}?"
                if near
                else f"the profiles are {listed}"
                if known
                else "no service has a profile"
            )
            message = f"no service has the profile '{name}'"
            report.notice(message, NOWHERE, ("profiles",), hint=hint, code="unknown_profile")


def select_services(tree: Map, active: frozenset[str], place: Place) -> Map:
    """Removes inactive services, and the configs and secrets that only they use; changes ``tree``.

    A required dependency on a removed service is a problem.
    """
    services = tree.get("services")
    if not isinstance(services, Map):
        return tree
    removed = Map(services.start)
    for name, service in list(services.items()):
        wanted = service.get("profiles") if isinstance(service, Map) else None
        if isinstance(wanted, Seq):
            # A name that was cut (cut.py) is not a profile.
            wanted = [item for index, item in enumerate(wanted) if wanted.mark(index) not in place.report.broken]
        if wanted and isinstance(wanted, list) and "*" not in active and not active.intersection(wanted):
            removed.put(name, service, services.mark(name))
            services.drop(name)
    if removed:
        here = place.at(tree, "services")
        for name, service in services.items():
            _check_dependencies(service, removed, here.at(services, name))
        for section in ("configs", "secrets"):
            _drop_unused(tree, section, services, removed)
    return tree


def _check_dependencies(service: Map, removed: Map, place: Place) -> None:
    dependencies = service.get("depends_on") if isinstance(service, Map) else None
    if not isinstance(dependencies, Map):
        return
    here = place.at(service, "depends_on")
    for other, entry in list(dependencies.items()):
        if other not in removed:
            continue
        if isinstance(entry, Map) and entry.get("required") is False:
            dependencies.drop(other)
            if not dependencies:
                service.drop("depends_on")
            continue
        profiles = ", ".join(str(profile) for profile in removed[other]["profiles"] if profile)
        here.at(dependencies, other).problem(
            f"depends on the service '{other}', which is not in an active profile",
            hint=f"activate one of its profiles ({profiles}), or set required: false",
            code="inactive_dependency",
        )


def _drop_unused(tree: Map, section: str, services: Map, removed: Map) -> None:
    resources = tree.get(section)
    if isinstance(resources, Map):
        for name in _used(section, removed) - _used(section, services):
            resources.drop(name)


def _used(section: str, services: Map) -> set[str]:
    """Returns the configs or secrets that services use."""
    names: set[str] = set()
    for service in services.values():
        entries = service.get(section) if isinstance(service, Map) else None
        if isinstance(entries, list):
            names.update(str(entry.get("source")) for entry in entries if isinstance(entry, Map))
    return names
