# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables in one text, as Compose v2 replaces them: ``$A``, ``${A:-default}`` and so on, nested ones too.

Compose evaluates a default also where it is not needed, so a required variable in it must be set.
A ``$`` that begins none of the forms stays (``^foo$``, ``$(cmd)``). Error texts hold no values.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

_NAME = re.compile(r"[_a-zA-Z][_a-zA-Z0-9]*")
_OPERATOR = re.compile(r":?[-+?]")
_BRACE = re.compile(r"\$\{|\}")
MAX_NESTING = 30


class TemplateError(ValueError):
    """A text can't be interpolated. ``code`` is ``interpolation`` or ``required_variable``."""

    def __init__(self, message: str, hint: str, code: str = "interpolation") -> None:
        super().__init__(message)
        self.hint = hint
        self.code = code


_ESCAPE = "write $$ for a plain dollar sign"


def substitute(text: str, variables: Mapping[str, str], unset: Callable[[str], None], depth: int = 0) -> str:
    """``text`` with its variables replaced; ``unset`` is told each variable that became empty for want of a value.

    Raises TemplateError for a form that Compose does not know and for a required variable without a value.
    """
    if depth > MAX_NESTING:
        raise TemplateError(f"variables are nested deeper than {MAX_NESTING} levels", "use fewer nested defaults")
    done: list[str] = []
    position = 0
    while True:
        dollar = text.find("$", position)
        if dollar < 0:
            done.append(text[position:])
            return "".join(done)
        done.append(text[position:dollar])
        following = text[dollar + 1 : dollar + 2]
        if following == "$":
            done.append("$")
            position = dollar + 2
        elif following == "{":
            end = _closing_brace(text, dollar)
            done.append(_braced(text[dollar + 2 : end], variables, unset, depth))
            position = end + 1
        else:
            name = _NAME.match(text, dollar + 1)
            done.append(_value(name.group(), variables, unset) if name else "$")
            position = name.end() if name else dollar + 1


def _closing_brace(text: str, start: int) -> int:
    """Where the form that begins at ``start`` ends; only ``${`` opens a level, as in Compose."""
    level = 0
    for brace in _BRACE.finditer(text, start):
        level += 1 if brace.group() == "${" else -1
        if level == 0:
            return brace.start()
    raise TemplateError("a '${' is not closed with '}'", _ESCAPE)


def _value(name: str, variables: Mapping[str, str], unset: Callable[[str], None]) -> str:
    if name not in variables:
        unset(name)
    return variables.get(name, "")


def _braced(inside: str, variables: Mapping[str, str], unset: Callable[[str], None], depth: int) -> str:
    name_match = _NAME.match(inside)
    if not name_match:
        raise TemplateError("'${' is not followed by the name of a variable", _ESCAPE)
    name = name_match.group()
    if name_match.end() == len(inside):
        return _value(name, variables, unset)
    operator_match = _OPERATOR.match(inside, name_match.end())
    if not operator_match:
        raise TemplateError(
            f"the form of '${{{name}' is not known", "known are ${A}, ${A:-x}, ${A-x}, ${A:+x}, ${A+x}, ${A:?x}, ${A?x}"
        )
    operator = operator_match.group()
    word = inside[operator_match.end() :]
    other = substitute(word, variables, unset, depth + 1)
    given = bool(variables.get(name)) if operator.startswith(":") else name in variables
    if operator.endswith("-"):
        return variables[name] if given else other
    if operator.endswith("+"):
        return other if given else ""
    if given:
        return variables[name]
    # The message is quoted as written: with its variables replaced it could show a value.
    reason = f": {word}" if word else ""
    raise TemplateError(
        f"the required variable {name} is missing a value{reason}", f"give {name} a value", "required_variable"
    )
