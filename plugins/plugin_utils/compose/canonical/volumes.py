# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A service's ``volumes`` as maps. Short forms are split as in Docker's CLI, except for single letters:
in the CLI ``v:/data`` is a Windows drive, here a volume named ``v``, as users of Compose expect.
"""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.canonical.texts import (
    is_scalar,
    text_map,
    wrong_type,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.report import CONTAINER, Place
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.scalars import scalar_text
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Map, Seq

PROPAGATIONS = ("private", "rprivate", "shared", "rshared", "slave", "rslave")
_DRIVE = re.compile(r"[^\W\d_]:")
_PATHS = (".", "/", "~", "\\")
_HINT = 'write [SOURCE:]TARGET[:OPTIONS], for example "./site:/var/www:ro"'


def volumes(value: object, place: Place) -> Any:
    if not isinstance(value, Seq):
        return wrong_type(value, place, "a list")
    for index, item in enumerate(value):
        here = place.at(value, index)
        if isinstance(item, Map):
            value[index] = _long(item, here)
        elif isinstance(item, str):
            value[index] = _short(item, here)
        else:
            wrong_type(item, here, "a text or a mapping")
    return value


def _long(item: Map, place: Place) -> Map:
    for key in ("type", "source", "target", "consistency"):
        if is_scalar(item.get(key)):
            item[key] = scalar_text(item[key])
    options = item.get("volume")
    if isinstance(options, Map) and options.get("labels") is not None:
        options["labels"] = text_map(options["labels"], place.at(item, "volume").at(options, "labels"))
    return item


def _split(text: str) -> list[str]:
    """Splits at colons, but not at the colon of a drive (``c:/x``).

    Unlike in docker, ``v:/data`` and ``v:/data:ro`` are the volume ``v``: no node accepts docker's result for them.
    """
    if _DRIVE.match(text) and text[2:3] == "/":
        target, _colon, more = text[2:].partition(":")
        if not more.startswith(_PATHS) and not _DRIVE.match(more):
            return [text[0], target, *more.split(":")] if more else [text[0], target]
    parts: list[str] = []
    while True:
        start = 2 if _DRIVE.match(text) else 0
        colon = text.find(":", start)
        if colon < 0:
            return [*parts, text]
        parts.append(text[:colon])
        text = text[colon + 1 :]


def _fault(parts: list[str]) -> str:
    if len(parts) > 3:
        return "it has more than three parts"
    if not parts[0].strip():
        return "its source is empty (is a variable not set?)" if len(parts) > 1 else "it is empty"
    if len(parts) > 1 and not parts[1].strip():
        return "its target is empty (is a variable not set?)"
    return ""


def _short(text: str, place: Place) -> Any:
    parts = _split(text)
    fault = _fault(parts)
    if fault:
        place.problem(f"is not a valid short volume syntax: {fault}", hint=_HINT, code="volume")
        return text
    place.spend(CONTAINER)
    entry = Map(place.mark)
    if len(parts) == 1:
        entry.put("type", "volume")
        entry.put("target", text)
        return entry
    source = parts[0]
    is_path = source.startswith(_PATHS) or bool(_DRIVE.match(source))
    entry.put("type", "bind" if is_path else "volume")
    entry.put("source", source)
    entry.put("target", parts[1])
    for option in parts[2].split(",") if len(parts) == 3 else ():
        _option(entry, option, place)
    return entry


def _option(entry: Map, option: str, place: Place) -> None:
    if option == "ro":
        entry.put("read_only", True)
    elif option == "nocopy":
        inner = Map(place.mark)
        inner.put("nocopy", True)
        entry.put("volume", inner)
    elif option in PROPAGATIONS:
        inner = Map(place.mark)
        inner.put("propagation", option)
        entry.put("bind", inner)
    elif option not in ("rw", ""):
        place.notice(
            f"the option '{option}' of a volume has no effect in Swarm",
            hint="valid options are ro, rw, nocopy and the bind propagation modes",
            code="no_effect",
        )
