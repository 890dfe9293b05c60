# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Readers of single values: each returns None if the key is absent, and raises Invalid if the type is wrong.

The schema has already checked the files. It accepts text for numbers and booleans; these functions convert it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Invalid, Path

BOOLEANS = {"true": True, "yes": True, "y": True, "on": True, "false": False, "no": False, "n": False, "off": False}
_SCALARS = (str, int, float)


def text(holder: Mapping[str, object], key: str, path: Path) -> str | None:
    value = holder.get(key)
    if value is None:
        return None
    return as_text(value, (*path, key))


def as_text(value: object, path: Path) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if not isinstance(value, _SCALARS):
        raise Invalid("must be text", path, code="type")
    return str(value)


def integer(holder: Mapping[str, object], key: str, path: Path, least: int = -(2**63)) -> int | None:
    """Reads an integer of 64 bits, the Engine's type."""
    value = holder.get(key)
    if value is None:
        return None
    result = None
    if isinstance(value, str) and value.isascii() and "_" not in value:
        with suppress(ValueError):
            result = int(value)
    elif isinstance(value, float):
        result = int(value) if math.isfinite(value) else None
    elif isinstance(value, int) and not isinstance(value, bool):
        result = value
    if result is None:
        raise Invalid(f"{value!r} is not a whole number", (*path, key), code="type")
    if not least <= result < 2**63:
        raise Invalid(f"{value} is out of range", (*path, key), code="range")
    return result


def count(holder: Mapping[str, object], key: str, path: Path) -> int | None:
    """Reads an integer that the Engine stores unsigned: 0 to 2^63 - 1."""
    return integer(holder, key, path, least=0)


def number(holder: Mapping[str, object], key: str, path: Path) -> float | int | None:
    value = holder.get(key)
    if value is None:
        return None
    if isinstance(value, _SCALARS) and not isinstance(value, bool):
        with suppress(ValueError, OverflowError):
            result = float(value)
            if abs(result) < 1e30:
                return int(result) if result.is_integer() else result
    raise Invalid(f"{value!r} is not a number", (*path, key), code="type")


def boolean(holder: Mapping[str, object], key: str, path: Path) -> bool | None:
    value = holder.get(key)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in BOOLEANS:
        return BOOLEANS[value.lower()]
    raise Invalid(f"{value!r} is neither true nor false", (*path, key), code="type")


def texts(holder: Mapping[str, object], key: str, path: Path) -> list[str] | None:
    """Reads a list of texts; a single text counts as a list with one item."""
    value = holder.get(key)
    if value is None:
        return None
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list):
        raise Invalid("must be a list", (*path, key), code="type")
    return [as_text(item, (*path, key, index)) for index, item in enumerate(value)]


def items(holder: Mapping[str, object], key: str, path: Path) -> list[Mapping[str, Any]] | None:
    """Reads a list of mappings."""
    value = holder.get(key)
    if value is None:
        return None
    if not isinstance(value, list):
        raise Invalid("must be a list", (*path, key), code="type")
    for index, item in enumerate(value):
        if not isinstance(item, dict):
            raise Invalid("must be a mapping", (*path, key, index), code="type")
    return list(value)


def mapping(holder: Mapping[str, object], key: str, path: Path) -> Mapping[str, Any] | None:
    value = holder.get(key)
    if value is None or isinstance(value, dict):
        return value
    raise Invalid("must be a mapping", (*path, key), code="type")


def section(holder: Mapping[str, object], key: str, path: Path) -> Mapping[str, Any]:
    """Reads a mapping; an empty one if it is absent."""
    return mapping(holder, key, path) or {}


def labels(holder: Mapping[str, object], key: str, path: Path) -> dict[str, str] | None:
    """Reads a map of text to text, sorted; null becomes the empty text."""
    value = mapping(holder, key, path)
    if value is None:
        return None
    return {
        str(name): "" if value[name] is None else as_text(value[name], (*path, key, name))
        for name in sorted(value, key=str)
    }


def parsed(holder: Mapping[str, object], key: str, path: Path, parse: Callable[[object], int]) -> int | None:
    """Reads a value with a unit through ``parse``, a function of units.py."""
    value = holder.get(key)
    if value is None:
        return None
    if not isinstance(value, _SCALARS):
        raise Invalid("must be text", (*path, key), code="type")
    try:
        return parse(value)
    except ValueError as error:
        raise Invalid(str(error), (*path, key), code="unit") from None


def given(**fields: object) -> dict[str, Any]:
    """Returns the fields that are not None."""
    return {name: value for name, value in fields.items() if value is not None}


def filled(**fields: object) -> dict[str, Any]:
    """Returns the fields that are neither None, zero, "" nor an empty container (Go's ``omitempty``)."""
    return {name: value for name, value in fields.items() if value}
