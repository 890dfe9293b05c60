# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replaces variables in a text, like Compose v2: ``$A``, ``${A:-default}`` and so on, also nested.

Compose evaluates a default even if it is not needed, so a required variable in it must be set.
A ``$`` that begins none of these forms stays (``^foo$``, ``$(cmd)``). Errors contain no values.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

_NAME = re.compile(r"[_a-zA-Z][_a-zA-Z0-9]*")
_HEAD = re.compile(r"([_a-zA-Z][_a-zA-Z0-9]*)(:?[-+?])?")
_BRACE = re.compile(r"\{.?|\}", re.DOTALL)
MAX_NESTING = 30
MAX_OPEN = 1000  # open levels, including escaped ones; limits memory
Pairs = dict[int, int]  # position of a "${": position of its "}"


class TemplateError(ValueError):
    """A text can't be interpolated. ``code`` is ``interpolation`` or ``required_variable``."""

    def __init__(self, message: str, hint: str, code: str = "interpolation") -> None:
        super().__init__(message)
        self.hint = hint
        self.code = code


_ESCAPE = "write $$ for a plain dollar sign"
_FORMS = "valid forms are ${A}, ${A:-x}, ${A-x}, ${A:+x}, ${A+x}, ${A:?x}, ${A?x}"


def substitute(
    text: str, variables: Mapping[str, str], unset: Callable[[str], None], spend: Callable[[int], None]
) -> str:
    """Returns ``text`` with its variables replaced, in linear time.

    ``unset`` receives each variable that has no value and becomes empty. ``spend`` receives the bytes of each part
    before it is inserted, and may raise. Raises TemplateError for a form that Compose does not know, and for a required
    variable without a value.
    """
    return _Template(text, variables, unset, spend).expand(0, len(text), 0)


def _brace_pairs(text: str) -> Pairs:
    """Finds the pairs like Compose: each ``{`` opens a level and hides the next character; a lone ``}`` is text."""
    pairs: Pairs = {}
    opened: list[int] = []  # position of its "$", or -1
    variables = 0
    for brace in _BRACE.finditer(text):
        place = brace.start()
        if text[place] == "{":
            dollar = place - 1 if text[place - 1 : place] == "$" else -1
            opened.append(dollar)
            variables += dollar >= 0
            if variables > MAX_OPEN:
                raise _too_deep()
        elif opened:
            dollar = opened.pop()
            if dollar >= 0:
                variables -= 1
                pairs[dollar] = place
    return pairs


def _too_deep() -> TemplateError:
    return TemplateError(f"variables are nested deeper than {MAX_NESTING} levels", "use fewer nested defaults")


class _Template:
    def __init__(
        self, text: str, variables: Mapping[str, str], unset: Callable[[str], None], spend: Callable[[int], None]
    ) -> None:
        self.text = text
        self.variables = variables
        self.unset = unset
        self.spend = spend
        self.pairs = _brace_pairs(text)

    def expand(self, start: int, end: int, depth: int) -> str:
        """Returns the expanded part from ``start`` to ``end``, which is ``depth`` levels deep."""
        if depth > MAX_NESTING:
            raise _too_deep()
        done: list[str] = []
        while True:
            dollar = self.text.find("$", start, end)
            if dollar < 0:
                rest = self.text[start:end]
                return "".join([*done, rest]) if done else rest
            done.append(self.text[start:dollar])
            following = self.text[dollar + 1] if dollar + 1 < end else ""
            if following == "$":
                done.append("$")
                start = dollar + 2
            elif following == "{":
                close = self.closing(dollar, end)
                done.append(self.counted(self.braced(dollar + 2, close, depth)))
                start = close + 1
            else:
                name = _NAME.match(self.text, dollar + 1, end)
                done.append(self.counted(self.value(name.group())) if name else "$")
                start = name.end() if name else dollar + 1

    def closing(self, dollar: int, end: int) -> int:
        """Returns the end of the ``${`` at ``dollar``: its own brace, or else the last one of its line, as in Compose.

        Only docker accepts its own brace on another line: in Compose, a variable can't span lines.
        """
        own = self.pairs.get(dollar, end)
        line = self.text.find("\n", dollar, own)
        if line < 0 and own < end:
            return own
        last = self.text.rfind("}", dollar, line if line >= 0 else end)
        if last < 0 and own >= end:
            raise TemplateError("the closing brace of a variable is missing", _ESCAPE)
        return last if last >= 0 else own

    def counted(self, part: str) -> str:
        self.spend(part.__sizeof__())
        return part

    def value(self, name: str) -> str:
        if name not in self.variables:
            self.unset(name)
        return self.variables.get(name, "")

    def braced(self, start: int, end: int, depth: int) -> str:
        head = _HEAD.match(self.text, start, end)
        if not head:
            raise TemplateError("'${' is not followed by a variable name", _ESCAPE)
        name, operator = head.groups()
        if head.end() == end and not operator:
            return self.value(name)
        if not operator:
            raise TemplateError(f"the form of '${{{name}' is unknown", _FORMS)
        other = self.expand(head.end(), end, depth + 1)
        is_set = bool(self.variables.get(name)) if operator.startswith(":") else name in self.variables
        if operator.endswith("-"):
            return self.variables[name] if is_set else other
        if operator.endswith("+"):
            return other if is_set else ""
        if is_set:
            return self.variables[name]
        # The message is quoted as written: with its variables replaced, it could show a value.
        written = self.text[head.end() : end]
        reason = f": {written}" if written else ""
        raise TemplateError(f"the required variable {name} has no value{reason}", f"set {name}", "required_variable")
