# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The top-level sections ``networks``, ``volumes``, ``configs`` and ``secrets``."""

from __future__ import annotations

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.canonical.texts import is_scalar, wrong_type
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.report import Place
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.scalars import scalar_text
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Map


def resource(value: object, place: Place) -> object:
    """Returns one entry of a section; an empty mapping if it has no value."""
    if value is None:
        return Map(place.mark)
    if not isinstance(value, Map):
        return wrong_type(value, place, "a mapping")
    if isinstance(value.get("external"), Map):
        _old_external(value, place)
    return value


def _old_external(value: Map, place: Place) -> None:
    """Rewrites the old form ``external: {name: n}`` to ``external: true`` with ``name: n``."""
    name = value["external"].get("name")
    if is_scalar(name):
        mark = value["external"].mark("name")
        if value.get("name") not in (None, "", scalar_text(name)):
            place.at(value, "external").problem(
                "'external.name' and 'name' differ", hint="keep 'name' with 'external: true'", code="external_name"
            )
        value.put("name", scalar_text(name), mark)
    value["external"] = True
