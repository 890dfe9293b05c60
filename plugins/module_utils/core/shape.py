# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks external plain data against shapes, which are small tables of fields.

A field may be absent or null, unless its name ends in ``_`` here. Fields that no table names are not checked, so code
must not rely on them.
"""

from __future__ import annotations

from typing import Any, Dict, List, Optional

NAMES = {dict: "a map", list: "a list", str: "a text", int: "a number", float: "a fraction", bool: "a truth value"}


class Map:
    """The shape of a map from texts to values of one shape."""

    def __init__(self, inner: object) -> None:
        self.inner = inner


class Obj:
    """The shape of an object with these fields: ``str``, ``int``, ``bool``, a list of one shape, Map, Obj."""

    def __init__(self, **fields: object) -> None:
        self.fields: Dict[str, Any] = {name.rstrip("_"): shape for name, shape in fields.items()}
        self.needed: List[str] = [name[:-1] for name in fields if name.endswith("_")]


def wrong(value: object, shape: object) -> Optional[str]:
    """Returns the fault of a value, to follow its name: ``.Spec.Labels is a list, not a map``; None if it fits."""
    if isinstance(shape, Obj):
        if not isinstance(value, dict):
            return _not(value, dict)
        fields = shape.fields
        for key, item in value.items():
            inner = fields.get(key)
            kind = type(item)
            if inner is not None and item is not None and kind is not inner:
                found = wrong(item, inner)
                if found is not None:
                    return f".{key}{found}"
        for key in shape.needed:
            if value.get(key) is None:
                return f" has no {key}"
        return None
    if isinstance(shape, list):
        if not isinstance(value, list):
            return _not(value, list)
        for index, item in enumerate(value):
            kind = type(item)
            if kind is not shape[0]:
                found = _not(item, None) if item is None else wrong(item, shape[0])
                if found is not None:
                    return f"[{index}]{found}"
        return None
    if isinstance(shape, Map):
        if not isinstance(value, dict):
            return _not(value, dict)
        for key, item in value.items():
            kind = type(item)
            if kind is not shape.inner:
                found = _not(item, None) if item is None else wrong(item, shape.inner)
                if found is not None:
                    return f"[{key[:40]!r}]{found}"
        return None
    kind = type(value)
    return None if kind is shape else _not(value, shape)


def _not(value: object, wanted: Any) -> str:
    what = "null" if value is None else NAMES[type(value)]
    return f" is {what}" + (f", not {NAMES[wanted]}" if wanted else "")
