"""Spoils a registry in one place: a key is dropped, renamed, moved to another mapping, or doubled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

import yaml

KINDS = ("dropped", "renamed", "moved", "doubled")


@dataclass(frozen=True)
class Entry:
    """A key with its value: the lines ``first`` to ``last`` (from 1) of the text, ``path`` from the top."""

    path: tuple[str, ...]
    first: int
    last: int
    column: int


@dataclass(frozen=True)
class Mutant:
    kind: str
    entry: Entry
    text: str
    #: The lines at which a fault may be reported: where the key is now, and what it belonged to.
    lines: frozenset[int]


def entries_of(text: str) -> list[Entry]:
    """Every key that stands at the begin of its lines."""
    return list(_entries(yaml.compose(text), ()))


def _entries(node: yaml.Node, path: tuple[str, ...]) -> Iterator[Entry]:
    if not isinstance(node, yaml.MappingNode) or node.flow_style:
        return
    for key, value in node.value:
        here = (*path, str(key.value))
        first, end = key.start_mark.line + 1, value.end_mark
        last = (
            end.line
            if end.column == 0 or isinstance(value, yaml.CollectionNode) and not value.flow_style
            else end.line + 1
        )
        yield Entry(here, first, max(first, last), key.start_mark.column)
        yield from _entries(value, here)


def mutant_of(text: str, entries: list[Entry], random: Random) -> Mutant:
    """One mutant of a text whose keys are ``entries``."""
    lines = text.splitlines(keepends=True)
    kind, entry = random.choice(KINDS), random.choice(entries)
    block = _trimmed(lines, entry)
    size = len(block)
    before, after = lines[: entry.first - 1], lines[entry.first - 1 + size :]
    if kind == "dropped":
        return Mutant(kind, entry, "".join(before + after), frozenset())
    if kind == "renamed":
        first = block[0]
        name = entry.path[-1]
        renamed = first[: entry.column] + first[entry.column :].replace(name, name + "x", 1)
        return Mutant(kind, entry, "".join([*before, renamed, *block[1:], *after]), frozenset({entry.first}))
    if kind == "doubled":
        second = entry.first + size
        return Mutant(kind, entry, "".join(before + block + block + after), frozenset({second}))
    others = [e for e in entries if e.column == entry.column and e.path[:-1] != entry.path[:-1]]
    if not others:
        return mutant_of(text, entries, random)
    target = random.choice(others)
    rest = before + after
    line = target.first - 1 - (size if target.first > entry.first else 0)
    moved = [*rest[:line], *block, *rest[line:]]
    return Mutant(kind, entry, "".join(moved), frozenset(range(line + 1, line + size + 2)))


def _trimmed(lines: list[str], entry: Entry) -> list[str]:
    """The lines of an entry without the blank lines and comments behind it."""
    block = lines[entry.first - 1 : entry.last]
    while len(block) > 1 and (not block[-1].strip() or block[-1].lstrip().startswith("#")):
        block = block[:-1]
    return block
