# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The functions of Go's templates, and the one that Swarm adds. They reject the same calls as Go's."""

from __future__ import annotations

import html
import re
from typing import Any, Callable, Iterable, NamedTuple, Sequence

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.gotemplate.scan import TemplateFault

#: Texts that a template creates are cut at this length: only comparisons read them.
LONGEST = 100_000


class Record(NamedTuple):
    """A Go struct: the name of its type, and its fields."""

    type: str
    fields: dict[str, Any]


class Function(NamedTuple):
    """A function that needs ``fixed`` arguments, or at least that many with ``more``."""

    call: Callable[..., Any]
    fixed: int
    more: bool = False
    texts: int = 0  # the first arguments that must be texts; -1: all


_TYPES = {str: "string", bool: "bool", int: "int", float: "float64", complex: "complex128", dict: "map[string]string"}


def type_of(value: object) -> str:
    """Returns Go's name of the type."""
    return value.type if isinstance(value, Record) else _TYPES.get(type(value), "untyped nil")


def is_true(value: object) -> bool:
    """Returns whether ``if`` takes the value as true; a struct always is."""
    return isinstance(value, Record) or bool(value)


def printed(value: object) -> str:
    """Returns nearly the text that Go's %v prints."""
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Record):
        return "{" + " ".join(printed(item) for item in value.fields.values()) + "}"
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{item}" for key, item in sorted(value.items())) + "]"
    if isinstance(value, float):
        return f"{value:g}"
    return str(value)[:LONGEST]


def _sprint(*values: object) -> str:
    text = ""
    for index, value in enumerate(values):
        if len(text) > LONGEST:  # many long values would need too much memory
            break
        if index and not isinstance(value, str) and not isinstance(values[index - 1], str):
            text += " "
        text += printed(value)
    return text[:LONGEST]


_VERB = re.compile(r"%[-+# 0-9.\[\]*]*([a-zA-Z%]|\Z)")


def _sprintf(form: str, *values: object) -> str:
    left = iter(values)
    missing = object()
    length = 0

    def one(match: re.Match[str]) -> str:
        nonlocal length
        if match[1] == "%":
            return "%"
        value = next(left, missing)
        if value is missing:
            return f"%!{match[1]}(MISSING)"
        text = printed(value) if length <= LONGEST else ""
        length += len(text)
        return f'"{text}"' if match[1] == "q" else text

    return _VERB.sub(one, form)[:LONGEST]


def _length(value: object) -> int:
    if isinstance(value, str):
        return len(value.encode("utf-8", "surrogateescape"))
    if isinstance(value, dict):
        return len(value)
    raise TemplateFault(f"error calling len: len of {'' if value is None else 'type '}{type_of(value)}")


def _position(value: object, length: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TemplateFault(f"cannot index slice/array with {'nil' if value is None else 'type ' + type_of(value)}")
    if not 0 <= value < length:
        raise TemplateFault(f"index out of range: {value}")
    return value


def _index(item: object, *keys: object) -> Any:
    if item is None:
        raise TemplateFault("error calling index: index of untyped nil")
    for key in keys:
        if isinstance(item, str):
            data = item.encode("utf-8", "surrogateescape")
            item = data[_position(key, len(data))]
        elif isinstance(item, dict):
            if not isinstance(key, str):
                raise TemplateFault(f"error calling index: value has type {type_of(key)}; should be string")
            item = item.get(key, "")
        else:
            raise TemplateFault(f"error calling index: can't index item of type {type_of(item)}")
    return item


def _slice(item: object, *positions: object) -> str:
    if item is None:
        raise TemplateFault("error calling slice: slice of untyped nil")
    if len(positions) > 3:
        raise TemplateFault(f"error calling slice: too many slice indexes: {len(positions)}")
    if not isinstance(item, str):
        raise TemplateFault(f"error calling slice: can't slice item of type {type_of(item)}")
    if len(positions) == 3:
        raise TemplateFault("error calling slice: cannot 3-index slice a string")
    data = item.encode("utf-8", "surrogateescape")
    first, last = (
        [*(_position(each, len(data) + 1) for each in positions), len(data)][:2] if positions else (0, len(data))
    )
    if first > last:
        raise TemplateFault(f"error calling slice: invalid slice index: {first} > {last}")
    return data[first:last].decode("utf-8", "surrogateescape")


def _kind(value: object) -> str:
    """Returns Go's basic kind, which decides what can be compared; "" for values without one."""
    if isinstance(value, bool):
        return "bool"
    return {int: "int", float: "float", complex: "complex", str: "string"}.get(type(value), "")


def _comparable(value: object) -> bool:
    """Returns whether Go can compare the value: not a map, unless it is nil, and not a struct with a map."""
    if isinstance(value, Record):
        return not any(isinstance(item, dict) or not _comparable(item) for item in value.fields.values())
    return not isinstance(value, dict) or not value


def _equal(first: object, *others: object) -> bool:
    if not others:
        raise TemplateFault("error calling eq: missing argument for comparison")
    for other in others:
        if _kind(first) != _kind(other) and first is not None and other is not None:
            raise TemplateFault("error calling eq: incompatible types for comparison")
        if _kind(first) == _kind(other):
            if not (_comparable(first) and _comparable(other)):
                raise TemplateFault("error calling eq: non-comparable types")
            if first == other:
                return True
    return False


def _less(first: object, second: object) -> bool:
    kind = _kind(first)
    if not kind or not _kind(second):
        raise TemplateFault("error calling lt: invalid type for comparison")
    if kind != _kind(second):
        raise TemplateFault("error calling lt: incompatible types for comparison")
    if kind in ("bool", "complex"):
        raise TemplateFault("error calling lt: invalid type for comparison")
    if kind == "string":
        return str(first).encode("utf-8", "surrogateescape") < str(second).encode("utf-8", "surrogateescape")
    return isinstance(first, (int, float)) and isinstance(second, (int, float)) and first < second


def _call(*_values: object) -> Any:
    raise TemplateFault("error calling call: there is no function to call")


def _join(*texts: str) -> str:
    if not texts:
        raise TemplateFault("error calling join: the first argument is the separator")
    return _joined(texts[0], texts[1:])


def _println(*values: object) -> str:
    return _joined(" ", map(printed, values)) + "\n"


def _joined(separator: str, texts: Iterable[str]) -> str:
    """Joins ``texts`` and cuts the result at LONGEST, without building a longer one first."""
    parts: list[str] = []
    length = 0
    for text in texts:
        if length > LONGEST:
            break
        parts.append(text)
        length += len(separator) + len(text)
    return separator.join(parts)[:LONGEST]


def _escaped(escape: Callable[[str], str]) -> Function:
    return Function(lambda *values: escape(_sprint(*values)), 0, more=True)


def _last(values: Sequence[object]) -> Any:
    return values[-1]


#: expand.py evaluates ``and`` and ``or`` itself, since they stop early.
FUNCTIONS: dict[str, Function] = {
    "and": Function(_last, 1, more=True),
    "or": Function(_last, 1, more=True),
    "not": Function(lambda value: not is_true(value), 1),
    "len": Function(_length, 1),
    "index": Function(_index, 1, more=True),
    "slice": Function(_slice, 1, more=True),
    "call": Function(_call, 1, more=True),
    "html": _escaped(html.escape),
    "js": _escaped(str),
    "urlquery": _escaped(str),
    "print": Function(_sprint, 0, more=True),
    "printf": Function(_sprintf, 1, more=True, texts=1),
    "println": Function(_println, 0, more=True),
    "eq": Function(_equal, 1, more=True),
    "ne": Function(lambda first, second: not _equal(first, second), 2),
    "lt": Function(_less, 2),
    "le": Function(lambda first, second: _less(first, second) or first == second, 2),
    "gt": Function(lambda first, second: not _less(first, second) and first != second, 2),
    "ge": Function(lambda first, second: not _less(first, second), 2),
    "join": Function(_join, 0, more=True, texts=-1),
}
