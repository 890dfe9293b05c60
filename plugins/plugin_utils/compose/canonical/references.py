# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A service's ``configs`` and ``secrets`` as maps of source, target, uid, gid, mode."""

from __future__ import annotations

from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.canonical.texts import is_scalar, wrong_type
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.report import CONTAINER, Place
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.scalars import scalar_text
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Map, Seq


def references(value: object, place: Place) -> Any:
    if not isinstance(value, Seq):
        return wrong_type(value, place, "a list")
    for index, item in enumerate(value):
        here = place.at(value, index)
        if isinstance(item, Map):
            _long(item, here)
        elif is_scalar(item):
            here.spend(CONTAINER)
            entry = Map(here.mark)
            entry.put("source", scalar_text(item))
            value[index] = entry
        else:
            wrong_type(item, here, "a text or a mapping")
    return value


def _long(item: Map, place: Place) -> None:
    for key in ("source", "target", "uid", "gid"):
        if is_scalar(item.get(key)):
            item[key] = scalar_text(item[key])
    if isinstance(item.get("mode"), str):
        item["mode"] = file_mode(item["mode"], place.at(item, "mode"))


def file_mode(value: str, place: Place) -> Any:
    """Parses a mode in text as octal, like Compose (``"0440"`` is 288)."""
    digits = value[2:] if value[:2] in ("0o", "0O") else value
    if digits and len(digits) < 8 and all(digit in "01234567" for digit in digits):
        return int(digits, 8)
    place.problem("is not a valid file mode", hint="write it in octal, for example 0440", code="type")
    return value
