# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stack's own names: values in ``x-env`` at the top of a file, for ``${NAME}`` in the whole file.

Variables of the user win. Names may refer to each other in any order. A name that refers to itself, such as
``A: ${A:-x}``, refers to the user's variable; so do names that refer to each other in a circle.

The block is often an anchor as well: its entries have the same values wherever they are used.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.canonical.texts import is_scalar
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.expressions import has_expression
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.report import Place
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.scalars import scalar_text
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.substitution import (
    TemplateError,
    substitute,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Map, Seq
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.values.value_names import BLOCKS, ValueNames

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_MENTIONED = re.compile(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)")
#: The most names in a circle; each may be nested (substitution.MAX_NESTING).
MOST_STEPS = 8
Entries = dict[str, tuple[str, Place]]


def with_stack_values(
    names: ValueNames, documents: Iterable[tuple[object, Place]], variables: Mapping[str, str]
) -> Mapping[str, str]:
    """Returns ``variables`` and the names that the documents' blocks add; later files win.

    Values that are not yet generated are references. Only scalar entries count: a block may also be an anchor for
    other things.
    """
    entries: Entries = {}
    for tree, place in documents:
        for block in BLOCKS:
            if isinstance(tree, Map) and block in tree:
                entries.update(_entries(tree[block], place.at(tree, block)))
    names.stack_keys.update(entries)
    added = {key: entry for key, entry in entries.items() if key not in variables}
    if not added:
        return variables
    found = _Names(names, added, variables).all()
    for key, (text, place) in added.items():
        if "$" in text and not has_expression(text):
            names.texts[place.mark] = text, found[key]
    return {**found, **variables}


def _entries(block: object, place: Place) -> Iterator[tuple[str, tuple[str, Place]]]:
    for key, value, here in _pairs(block, place):
        if not is_scalar(value):
            continue
        text = scalar_text(value)
        if _VARIABLE.match(key):
            yield key, (text, here)
        elif has_expression(text) or has_expression(key):
            here.problem(
                "is not a valid variable name, so nothing can refer to this value",
                hint="use letters, digits and _",
                code="value_place",
            )


def _pairs(block: object, place: Place) -> Iterator[tuple[str, Any, Place]]:
    if isinstance(block, Map):
        for key, value in block.items():
            yield key, value, place.at(block, key)
    elif isinstance(block, Seq):
        for index, item in enumerate(block):
            key, equals, value = item.partition("=") if isinstance(item, str) else ("", "", "")
            if equals:
                yield key, value, place.at(block, index)


class _Circle(Exception):
    """A circle was found: values that were resolved in it so far are wrong."""


class _Names(Mapping[str, str]):
    """Looks up variables for ``substitute``: first the user's, then the stack's names, which it resolves."""

    def __init__(self, names: ValueNames, entries: Entries, variables: Mapping[str, str]) -> None:
        self._names = names
        self._entries = entries
        self._variables = variables
        self._done: dict[str, str] = {}
        self._open: list[str] = []
        self._circles: dict[str, set[str]] = {}

    def all(self) -> dict[str, str]:
        for key in self._entries:
            self._resolve(key)
        return {key: self._done[key] for key in self._entries}

    def _resolve(self, key: str) -> None:
        """Resolves ``key`` after all names that it mentions, so that only a circle needs recursion."""
        seen: set[str] = set()
        waiting = [key]
        while waiting:
            key = waiting[-1]
            if key not in seen and key not in self._done:
                seen.add(key)
                mentioned = dict.fromkeys(_MENTIONED.findall(self._entries[key][0]))
                waiting += [name for name in mentioned if name in self._entries and name not in seen]
                continue
            waiting.pop()
            while key not in self._done:
                with suppress(_Circle):
                    self._done[key] = self._value(key)

    def __iter__(self) -> Iterator[str]:
        return iter({**self._entries, **self._variables})

    def __len__(self) -> int:
        return len({**self._entries, **self._variables})

    def __contains__(self, key: object) -> bool:
        if key in self._variables or key not in self._entries or not self._open:
            return key in self._variables or key in self._entries
        return key != self._open[-1] and key not in self._circles.get(self._open[-1], ())

    def __getitem__(self, key: str) -> str:
        if key in self._variables:
            return self._variables[key]
        if key not in self:
            raise KeyError(key)
        if key not in self._done:
            self._done[key] = self._value(key)
        return self._done[key]

    def _value(self, key: str) -> str:
        text, place = self._entries[key]
        if key in self._open:
            members = self._open[self._open.index(key) :]
            circle = set(members).union(*(self._circles.get(member, ()) for member in members))
            self._circles.update(dict.fromkeys(circle, circle))
            raise _Circle
        if len(self._open) >= MOST_STEPS:
            hint = "use one of them alone"
            place.problem("names depend on too many other names", hint=hint, code="value_cycle")
            return ""
        self._open.append(key)
        try:
            text = substitute(text, self, lambda name: None, place.spend) if "$" in text else text
        except TemplateError:
            return ""  # reported when the block itself is interpolated
        finally:
            self._open.pop()
        return self._names.refer(text, "stack", key, place) if has_expression(text) else text
