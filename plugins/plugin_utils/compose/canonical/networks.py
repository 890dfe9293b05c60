# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A service's ``networks`` and ``depends_on``: a list of names becomes a mapping."""

from __future__ import annotations

from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.canonical.texts import (
    is_scalar,
    kind_of,
    text_list,
    text_map,
    wrong_type,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.report import CONTAINER, Place
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.scalars import scalar_text
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Map, Seq

_DEFAULTS = (("condition", "service_started"), ("required", True), ("restart", False))


def _as_map(value: object, place: Place) -> Map | None:
    """Returns a Map name → entry (None for a name in a list); None, after a problem, for any other value."""
    if isinstance(value, Map):
        return value
    if not isinstance(value, Seq):
        wrong_type(value, place, "a list of names or a mapping")
        return None
    new = Map(value.start)
    for index, name in enumerate(value):
        if is_scalar(name):
            new.put(scalar_text(name), None, value.mark(index))
        else:
            place.at(value, index).problem(f"must be a name, not {kind_of(name)}", code="type")
    return new


def networks(value: object, place: Place) -> Any:
    new = _as_map(value, place)
    if new is None:
        return value
    for name, entry in new.items():
        here = place.at(new, name)
        if isinstance(entry, Map):
            _attachment(entry, here)
        elif entry is not None:
            wrong_type(entry, here, "a mapping or nothing")
    return new


def _attachment(entry: Map, place: Place) -> None:
    for key, canonical in (("aliases", text_list), ("link_local_ips", text_list), ("driver_opts", text_map)):
        if entry.get(key) is not None:
            entry[key] = canonical(entry[key], place.at(entry, key))


def complete_dependencies(tree: Map) -> Map:
    """Adds the defaults of ``depends_on``, after all files are merged: a default must not replace a value."""
    services = tree.get("services")
    for service in services.values() if isinstance(services, Map) else ():
        dependencies = service.get("depends_on") if isinstance(service, Map) else None
        for entry in dependencies.values() if isinstance(dependencies, Map) else ():
            for key, default in _DEFAULTS if isinstance(entry, Map) else ():
                if entry.get(key) is None:
                    entry.put(key, default, entry.start)
    return tree


def depends_on(value: object, place: Place) -> Any:
    new = _as_map(value, place)
    if new is None:
        return value
    for name, entry in list(new.items()):
        here = place.at(new, name)
        if entry is None:
            # The short form sets these two, as in Compose.
            here.spend(CONTAINER)
            new[name] = Map(here.mark)
            for key, default in _DEFAULTS[:2]:
                new[name].put(key, default, here.mark)
        elif not isinstance(entry, Map):
            wrong_type(entry, here, "a mapping")
    return new
