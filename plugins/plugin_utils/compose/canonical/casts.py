# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Converts text to a number or boolean if a key expects one, since variables only contain text.

The rules are those of compose-go's loader. They also apply to Swarm's keys, which compose-go does not convert.
"""

from __future__ import annotations

from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.canonical.readers import BOOLEANS
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.report import Place


def to_bool(value: object, place: Place) -> Any:
    if not isinstance(value, str):
        return value
    if value.lower() in BOOLEANS:
        return BOOLEANS[value.lower()]
    place.problem("must be a boolean; this text is not one", hint="use true or false", code="type")
    return value


def to_int(value: object, place: Place) -> Any:
    if not isinstance(value, str):
        return value
    digits = value[1:] if value[:1] in ("+", "-") else value
    if digits.isascii() and digits.isdigit() and len(digits) < 20:
        return int(value)
    place.problem("must be a whole number; this text is not one", hint="use decimal digits only", code="type")
    return value


def to_float(value: object, place: Place) -> Any:
    if not isinstance(value, str):
        return value
    try:
        number = float(value) if "_" not in value and value == value.strip() else float("nan")
    except ValueError:
        number = float("nan")
    if number - number == 0:
        return number
    place.problem("must be a number; this text is not one", hint="use the form 0.5", code="type")
    return value
