# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shapes that most keys share: a text, a list of texts, a map of texts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.report import Place
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.scalars import scalar_text
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Map, Seq, seq_of


def wrong_type(value: object, place: Place, wanted: str) -> Any:
    """Reports that ``value`` must be ``wanted``, and returns it."""
    place.problem(f"must be {wanted}, not {kind_of(value)}", code="type")
    return value


def kind_of(value: object) -> str:
    """Returns the type of a value for messages: the value itself might be a secret."""
    if value is None:
        return "empty"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, bool):
        return "a boolean"
    return "a number" if isinstance(value, (int, float)) else "text"


def is_scalar(value: object) -> bool:
    return value is not None and not isinstance(value, (dict, list))


def text(value: object, place: Place) -> Any:
    """Returns a scalar as text; reports other types and returns an empty text for them."""
    if is_scalar(value):
        return scalar_text(value)
    wrong_type(value, place, "text")
    return ""


def text_list(value: object, place: Place) -> Any:
    """Converts a text to a list with one item, and the items of a list to texts."""
    if is_scalar(value):
        return seq_of([scalar_text(value)], place.mark)
    if not isinstance(value, Seq):
        return wrong_type(value, place, "a list of texts or one text")
    for index, item in enumerate(value):
        value[index] = text(item, place.at(value, index))
    return value


def pairs(value: object, place: Place, bare: str | None, convert: Callable[[object], str] = scalar_text) -> Any:
    """Converts ``NAME=VALUE`` items or a mapping to a Map of texts; ``bare`` replaces a missing value."""
    if isinstance(value, Map):
        for key, item in value.items():
            if isinstance(item, (dict, list)):
                wrong_type(item, place.at(value, key), "one value (text, number, boolean or nothing)")
                value[key] = ""
            else:
                value[key] = bare if item is None else convert(item)
        return value
    if not isinstance(value, Seq):
        return wrong_type(value, place, "a mapping or a list of NAME=VALUE")
    new = Map(value.start)
    for index, item in enumerate(value):
        if not is_scalar(item):
            wrong_type(item, place.at(value, index), "a text NAME=VALUE")
            continue
        key, equals, given = scalar_text(item).partition("=")
        new.put(key, given if equals else bare, value.mark(index))
    return new


def text_map(value: object, place: Place) -> Any:
    """Converts labels, options and the like; a missing value becomes an empty text."""
    return pairs(value, place, "")
