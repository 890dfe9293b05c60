# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Blocks of a service, such as ``deploy`` and ``pre_start``, whose keys have their own forms."""

from __future__ import annotations

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.canonical.texts import (
    is_scalar,
    text,
    wrong_type,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.report import Place
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.scalars import scalar_text
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Map, Seq


def block(value: object, place: Place) -> object:
    return value if isinstance(value, Map) else wrong_type(value, place, "a mapping")


def blocks(value: object, place: Place) -> object:
    if not isinstance(value, Seq):
        return wrong_type(value, place, "a list of mappings")
    for index, item in enumerate(value):
        block(item, place.at(value, index))
    return value


def ulimits(value: object, place: Place) -> object:
    """Checks ``ulimits``: name → one number, or a map of soft and hard."""
    if not isinstance(value, Map):
        return wrong_type(value, place, "a mapping")
    for name, limit in value.items():
        here = place.at(value, name)
        numbers = [limit.get("soft"), limit.get("hard")] if isinstance(limit, Map) else [limit]
        if any(isinstance(number, bool) or not isinstance(number, int) for number in numbers):
            here.problem(
                "must be a whole number, or a mapping with 'soft' and 'hard'", hint="-1 means unlimited", code="type"
            )
    return value


def devices(value: object, place: Place) -> object:
    """Converts ``devices`` to ``SOURCE:TARGET:PERMISSIONS`` texts."""
    if not isinstance(value, Seq):
        return wrong_type(value, place, "a list")
    for index, item in enumerate(value):
        if isinstance(item, Map):
            parts = [item.get(key) for key in ("source", "target", "permissions")]
            value[index] = ":".join(scalar_text(part) for part in parts if is_scalar(part))
        else:
            value[index] = text(item, place.at(value, index))
    return value
