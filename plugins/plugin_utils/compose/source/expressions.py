# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parses ``{{ generate_… }}``, and ZaneOps' ``{{ network_alias | 'db' }}`` and ``{{ global_alias | 'db' }}``.

In ZaneOps the only parameter of a function follows a bar: ``{{ generate_password | 32 }}``. Any other ``{{ }}`` stays
as it is: it belongs to Docker, Go or Jinja.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

#: Functions that return a service's name and generate no value.
ALIASES = ("network_alias", "global_alias")
_BEGIN = re.compile(r"\{\{-?\s*(?=generate_|(?:network|global)_alias\b)")
_BAR = re.compile(r"\s*\|")
_END = re.compile(r"\s*-?\}\}")
_NAME = re.compile(r"\w+")
_ARGUMENT = re.compile(
    r"""\s*(?:(?P<name>[A-Za-z_]\w*)\s*=\s*)?
    (?:(?P<number>-?[0-9]{1,18})(?![\w.])|"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<word>[A-Za-z_][\w./@-]*))\s*""",
    re.VERBOSE,
)
_WORDS = {"true": True, "false": False}
FORM = "write {{ generate_NAME }}, or {{ generate_NAME(12) }} with parameters"


class ExpressionError(ValueError):
    """An expression can't be parsed."""


@dataclass(frozen=True)
class Call:
    """One expression: the generator's name and its parameters as written."""

    name: str
    positional: tuple[Any, ...] = ()
    named: dict[str, Any] = field(default_factory=dict)


def may_hold(text: str) -> bool:
    """Returns quickly whether ``text`` may contain an expression."""
    return "generate_" in text or "_alias" in text


def has_expression(text: object) -> bool:
    return isinstance(text, str) and may_hold(text) and _BEGIN.search(text) is not None


def parse(text: str) -> list[str | Call]:
    """Splits ``text`` into plain parts and calls, in their order. Raises ExpressionError."""
    parts: list[str | Call] = []
    position = 0
    for begin in _BEGIN.finditer(text):
        if begin.start() < position:
            raise ExpressionError("an expression can't contain another one")
        parts.append(text[position : begin.start()])
        call, position = _call(text, begin.end())
        parts.append(call)
    parts.append(text[position:])
    return [part for part in parts if part != ""]


def _call(text: str, start: int) -> tuple[Call, int]:
    match = _NAME.match(text, start)
    name, position = (match.group(), match.end()) if match else ("", start)
    positional: list[Any] = []
    named: dict[str, Any] = {}
    if text.startswith("(", position):
        position = _arguments(text, position + 1, positional, named)
    else:
        position = _bar_argument(text, position, positional)
    end = _END.match(text, position)
    if not end:
        raise ExpressionError(f"the expression {name} is not closed, or contains something that can't be parsed")
    return Call(name, tuple(positional), named), end.end()


def _bar_argument(text: str, position: int, positional: list[object]) -> int:
    """Reads an optional ``| 32`` or ``| 'name'``; returns the position after it."""
    pipe = _BAR.match(text, position)
    match = _ARGUMENT.match(text, pipe.end()) if pipe else None
    if not match or match["name"] is not None:
        return position
    positional.append(_value(match))
    return match.end()


def _arguments(text: str, position: int, positional: list[object], named: dict[str, object]) -> int:
    """Reads the arguments; returns the position after the closing parenthesis."""
    if re.compile(r"\s*\)").match(text, position):
        return text.index(")", position) + 1
    while True:
        match = _ARGUMENT.match(text, position)
        if not match or text[match.end() : match.end() + 1] not in (",", ")"):
            raise ExpressionError("the parameters of an expression can't be parsed")
        value = _value(match)
        if match["name"] is None:
            if named:
                raise ExpressionError("a positional parameter follows a named one")
            positional.append(value)
        elif match["name"] in named:
            raise ExpressionError(f"the parameter {match['name']} is set twice")
        else:
            named[match["name"]] = value
        position = match.end() + 1
        if text[match.end()] == ")":
            return position


def _value(match: re.Match[str]) -> Any:
    if match["number"] is not None:
        return int(match["number"])
    if match["word"] is not None:
        return _WORDS.get(match["word"], match["word"])
    return match["double"] if match["double"] is not None else match["single"]
