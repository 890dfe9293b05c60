# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tree of a YAML file: plain scalars in ``Map`` and ``Seq``, which remember the place of each entry.

A stage that creates a new container copies the marks (``Map.like``, ``put``), so that even the last stage knows the
file and line of a value.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple, Union

#: Keys of a Map and indices of a Seq.
Path = tuple[Union[str, int], ...]


class Mark(NamedTuple):
    """A place in a file. ``line`` and ``column`` count from 1; 0 means unknown."""

    file: str = ""
    line: int = 0
    column: int = 0


NOWHERE = Mark()
LONGEST_KEY = 200  # in messages
# In ``Map.lost``: any key may be missing, here and below.
ANYTHING = "*"
NOTHING: frozenset[str] = frozenset()


class Invalid(ValueError):
    """A value can't be converted to a field of a spec; ``path`` leads to it from the top of the project."""

    def __init__(self, message: str, path: Path, hint: str = "", code: str = "invalid") -> None:
        super().__init__(message)
        self.message = message
        self.path = path
        self.hint = hint
        self.code = code


class Map(dict[str, Any]):
    """A mapping with the ``Mark`` of each key, its own ``start``, and Compose's merge tags.

    ``tags`` holds ``"reset"`` or ``"override"`` by key; a key with ``"reset"`` has no value in the dict.
    ``lost`` holds the keys of the file that were cut because of a problem: their absence means nothing.
    """

    __slots__ = ("lost", "marks", "start", "tags")

    def __init__(self, start: Mark = NOWHERE) -> None:  # always empty, so dict.__init__ is not needed
        self.start = start
        self.marks: dict[str, Mark] = {}
        self.tags: dict[str, str] = {}
        self.lost: AbstractSet[str] = NOTHING

    def mark(self, key: str) -> Mark:
        return self.marks.get(key, self.start)

    def put(self, key: str, value: object, mark: Mark | None = None) -> None:
        """Sets an entry and its place; without ``mark``, the key keeps its place or gets the map's start."""
        self[key] = value
        self.marks[key] = mark or self.marks.get(key) or self.start

    def drop(self, key: str) -> None:
        self.pop(key, None)
        self.marks.pop(key, None)

    def mark_lost(self, *keys: str) -> None:
        """Records that ``keys`` were cut."""
        if not keys:
            return
        if not isinstance(self.lost, set):
            self.lost = set()
        self.lost.update(keys)

    def like(self) -> Map:
        """Returns an empty Map with the same place, tags and lost keys."""
        new = Map(self.start)
        if self.tags:
            new.tags = dict(self.tags)
        if self.lost:
            new.mark_lost(*self.lost)
        return new


class Seq(list[Any]):
    """A list with the ``Mark`` of each item and its own ``start``."""

    __slots__ = ("marks", "start")

    def __init__(self, start: Mark = NOWHERE) -> None:
        super().__init__()
        self.start = start
        self.marks: list[Mark] = []

    def mark(self, index: int) -> Mark:
        return self.marks[index] if 0 <= index < len(self.marks) else self.start

    def add(self, value: object, mark: Mark | None = None) -> None:
        self.append(value)
        self.marks.append(mark or self.start)


def seq_of(values: Sequence[object], mark: Mark) -> Seq:
    """Returns a Seq whose items all have one place, because they come from one scalar."""
    new = Seq(mark)
    for value in values:
        new.add(value, mark)
    return new


def untagged(node: object) -> Any:
    """Returns ``node`` without merge tags, also below; parts without tags are shared, not copied."""
    if isinstance(node, Map):
        changed = {}
        for key, value in node.items():
            if isinstance(value, (dict, list)):
                clean = untagged(value)
                if clean is not value:
                    changed[key] = clean
        if not changed and not node.tags:
            return node
        new = Map(node.start)
        new.mark_lost(*node.lost)
        new.update(node)
        new.update(changed)
        new.marks = {key: mark for key, mark in node.marks.items() if key in new}
        return new
    if isinstance(node, Seq):
        items = [untagged(value) if isinstance(value, (dict, list)) else value for value in node]
        if all(clean is value for clean, value in zip(items, node)):
            return node
        seq = Seq(node.start)
        seq.extend(items)
        seq.marks = list(node.marks)
        return seq
    return node


def to_plain(node: object) -> Any:
    """Returns the tree as plain dicts and lists."""
    if isinstance(node, dict):
        return {key: to_plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [to_plain(value) for value in node]
    return node


def locate(tree: object, path: Path) -> Mark:
    """Returns the Mark of the entry at ``path``, or of its nearest ancestor with a mark."""
    mark = getattr(tree, "start", NOWHERE)
    node = tree
    for key in path:
        if isinstance(node, Map) and isinstance(key, str):
            mark = node.marks.get(key, mark)
            node = node.get(key)
        elif isinstance(node, Seq) and isinstance(key, int) and 0 <= key < len(node):
            mark = node.mark(key)
            node = node[key]
        else:
            break
    return mark


def brief(key: object) -> str:
    text = str(key)
    return text if len(text) <= LONGEST_KEY else text[: LONGEST_KEY - 1] + "…"


def dotted(path: Sequence[object], shown: Callable[[object], str] = brief) -> str:
    """Returns ``("services", "web", "ports", 0)`` as ``services.web.ports[0]``; ``shown`` turns a key into text."""
    text = ""
    for key in path:
        if isinstance(key, int):
            text += f"[{key}]"
        else:
            text += f".{shown(key)}" if text else shown(key)
    return text
