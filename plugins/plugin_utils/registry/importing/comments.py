# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The comments of a YAML text, by the line of the entry that they belong to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Map, Path, Seq

try:
    from yaml import CSafeLoader as Loader
except ImportError:  # PyYAML without libyaml
    from yaml import SafeLoader as Loader


@dataclass
class Comments:
    """``head`` at the top of the file, ``above`` an entry and ``beside`` it, both by its line, ``end`` after all."""

    head: list[str] = field(default_factory=list)
    above: dict[int, list[str]] = field(default_factory=dict)
    beside: dict[int, str] = field(default_factory=dict)
    end: list[str] = field(default_factory=list)

    def count(self) -> int:
        return len(self.head) + sum(map(len, self.above.values())) + len(self.beside) + len(self.end)


def comments_of(text: str) -> Comments:
    """Returns all comments of ``text``; none if it can't be scanned."""
    found = Comments()
    lines = text.splitlines()
    try:
        ends = _ends(text)
    except (yaml.YAMLError, ValueError):
        return found
    waiting: list[str] = []
    first = True
    for number, line in enumerate(lines, start=1):
        end = ends.get(number)
        if end is None and line.lstrip().startswith("#"):
            waiting.append(_words(line.lstrip()))
            continue
        if end is None:
            # A blank line between comments and the first entry: they are about the whole file.
            if first and waiting and not line.strip():
                found.head += [*([""] if found.head else []), *waiting]
                waiting = []
            continue
        if waiting:
            found.above[number] = waiting
            waiting = []
        first = False
        rest = line[end:].lstrip() if end >= 0 else ""
        if rest.startswith("#"):
            found.beside[number] = _words(rest)
    found.end = waiting
    return found


def _words(comment: str) -> str:
    words = comment[1:]
    words = (words[1:] if words.startswith(" ") else words).rstrip()
    return "".join(char if char.isprintable() else " " for char in words)


def _ends(text: str) -> dict[int, int]:
    """Returns the column at which each line with content ends; -1 inside a text over several lines."""
    ends: dict[int, int] = {}
    for token in yaml.scan(text, Loader=Loader):
        start, end = token.start_mark, token.end_mark
        if isinstance(token, (yaml.BlockEndToken, yaml.StreamStartToken, yaml.StreamEndToken)) or (
            start.index == end.index
        ):
            continue
        if isinstance(token, yaml.ScalarToken) and end.line > start.line:
            # A block's token ends where the next one begins.
            last = end.line if end.column else end.line - 1
            for line in range(start.line, last + 1):
                ends[line + 1] = -1
            if end.column and not _is_block(token):
                ends[end.line + 1] = end.column
        else:
            ends[end.line + 1] = max(ends.get(end.line + 1, 0), end.column)
    return ends


def _is_block(token: object) -> bool:
    return getattr(token, "style", None) in ("|", ">")


def paths_by_line(tree: object) -> Mapping[tuple[str, int], Path]:
    """Returns the outermost entry of each line, by file and line."""
    found: dict[tuple[str, int], Path] = {}
    for path, mark in _entries(tree, ()):
        place = (mark.file, mark.line)
        if place not in found or len(path) < len(found[place]):
            found[place] = path
    return found


def _entries(node: object, path: Path) -> Iterator[tuple[Path, Any]]:
    if isinstance(node, Map):
        for key, value in node.items():
            yield (*path, key), node.mark(key)
            yield from _entries(value, (*path, key))
    elif isinstance(node, Seq):
        for index, value in enumerate(node):
            yield (*path, index), node.mark(index)
            yield from _entries(value, (*path, index))
