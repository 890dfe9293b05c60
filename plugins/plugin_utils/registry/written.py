# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plain scalars that keep their text: ``version: 1.10`` is 1.10, not 1.1, and an unquoted ``no`` is detected."""

from __future__ import annotations

from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.scalars import resolve_plain, scalar_text

#: Unquoted words that YAML 1.1, and so many tools, read as true or false. Compose reads them as text.
_BOOLEAN_WORDS = frozenset(
    word
    for lower in ("y", "n", "yes", "no", "on", "off", "true", "false")
    for word in (lower, lower.capitalize(), lower.upper())
)


class WrittenInt(int):
    """A whole number and how it was written."""

    text: str


class WrittenFloat(float):
    """A number and how it was written."""

    text: str


class Unquoted(str):
    """A text without quotes that some readers of YAML take for true or false."""

    __slots__ = ()


def resolve_written(text: str) -> Any:
    """Returns a plain scalar as Compose reads it; numbers and words such as ``no`` keep their text."""
    value = resolve_plain(text)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        written: Any = (WrittenInt if isinstance(value, int) else WrittenFloat)(value)
        written.text = text
        return written
    return Unquoted(text) if value is text and text in _BOOLEAN_WORDS else value


def text_of(value: object) -> str:
    """Returns a scalar as text: a number as it was written, a boolean as in YAML, null as ""."""
    written = getattr(value, "text", None)
    return str(value) if isinstance(value, Unquoted) else scalar_text(value) if written is None else written


def plain_value(value: Any) -> Any:
    """Returns a scalar in its plain type, without the text that it keeps."""
    plain: Any = {WrittenInt: int, WrittenFloat: float, Unquoted: str}.get(type(value))
    return plain(value) if plain else value
