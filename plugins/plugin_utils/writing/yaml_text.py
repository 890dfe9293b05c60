# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes trees as YAML text: block style, two spaces, with the comments and blank lines of the caller.

The same tree always gives the same bytes, and every reader reads the same values (scalars.py).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Union

from ansible_collections.stackwright.swarm.plugins.plugin_utils.writing.scalars import (
    block_of,
    double_quoted,
    scalar_of,
    text_of,
)

Path = tuple[Union[str, int], ...]  # of str (key of a mapping) and int (index of a list)
#: Longer keys need the form ``? key``, because readers search for the colon only so far.
_LONGEST_KEY = 500
_WIDTH = 110


@dataclass(frozen=True)
class Comment:
    """Lines above an entry, and text beside it, both without ``#``."""

    above: Collection[str] = ()
    beside: str = ""


@dataclass(frozen=True)
class Style:
    """The layout of a tree.

    :param comments: the comments of entries by path; that of ``()`` is at the end.
    :param spaced: whether a blank line is before an entry.
    :param flow: whether a list of texts is written on one line if it fits.
    """

    comments: Mapping[Path, Comment] = field(default_factory=dict)
    spaced: Callable[[Path], bool] = lambda path: len(path) == 1
    flow: Callable[[Path], bool] = lambda path: False


def yaml_text(tree: Mapping[str, object], style: Style = Style()) -> str:
    """Returns ``tree`` as a YAML document that ends with a line break.

    Raises ValueError for a text that YAML can't contain.
    """
    lines = _Writer(style).mapping(tree, (), "") if tree else ["{}"]
    end = style.comments.get(())
    if end is not None and end.above:
        lines += ["", *_commented(end.above, "")]
    return "\n".join(lines) + "\n"


def _commented(texts: Collection[str], indent: str) -> list[str]:
    return [f"{indent}# {text}".rstrip() for text in texts]


class _Writer:
    def __init__(self, style: Style) -> None:
        self.style = style

    def mapping(self, node: Mapping[str, object], path: Path, indent: str) -> list[str]:
        lines: list[str] = []
        for key, value in node.items():
            here = (*path, key)
            # The first entry follows the key of its mapping without a blank line.
            if lines and self.style.spaced(here):
                lines.append("")
            written = text_of(key) if "\n" not in key else double_quoted(key)
            if len(written) > _LONGEST_KEY:
                lines.append(f"{indent}? {written}")
                written = ""
            lines += self.entry(f"{indent}{written}:", value, here, indent)
        return lines

    def entry(self, head: str, value: object, path: Path, indent: str) -> list[str]:
        """Returns the lines of a value after ``head``, which is a key with its colon, or a dash."""
        comment = self.style.comments.get(path, Comment())
        beside = f"  # {comment.beside}" if comment.beside else ""
        lines = _commented(comment.above, indent)
        deeper = indent + "  "
        if isinstance(value, str) and "\n" in value:
            block = block_of(value)
            if block is not None:
                lines.append(f"{head} {block[0]}{beside}")
                return lines + [f"{deeper}{line}" if line else "" for line in block[1:]]
        if isinstance(value, Mapping) and value:
            below = self.mapping(value, path, deeper)
            return lines + self.below(head, below, value, deeper, beside)
        if isinstance(value, (list, tuple)) and value:
            if self.style.flow(path) and not self.inside(path):
                flow = self.on_one_line(value)
                if flow is not None and len(head) + len(flow) < _WIDTH:
                    return [*lines, f"{head} {flow}{beside}"]
            below = [
                line
                for index, item in enumerate(value)
                for line in self.entry(f"{deeper}-", item, (*path, index), deeper)
            ]
            return lines + self.below(head, below, value, deeper, beside)
        return [*lines, f"{head}{_short(value, head.endswith(':'))}{beside}"]

    @staticmethod
    def below(head: str, below: list[str], value: object, indent: str, beside: str) -> list[str]:
        """Returns the lines of a nested value. A mapping in a list begins on the line of its dash, without comments."""
        inline = head.endswith("-") and not beside and isinstance(value, Mapping)
        if inline and not below[0].lstrip().startswith(("#", "?")):
            return [f"{head} {below[0][len(indent) :]}", *below[1:]]
        return [f"{head}{beside}", *below]

    def inside(self, path: Path) -> bool:
        return any(place[: len(path)] == path and place != path for place in self.style.comments)

    @staticmethod
    def on_one_line(items: Any) -> str | None:
        if any(isinstance(item, (Mapping, list, tuple)) for item in items):
            return None
        return (
            "[" + ", ".join(double_quoted(item) if isinstance(item, str) else scalar_of(item) for item in items) + "]"
        )


def _short(value: object, behind_key: bool) -> str:
    if isinstance(value, Mapping):
        return " {}"
    if isinstance(value, (list, tuple)):
        return " []"
    if value is None and behind_key:
        return ""
    return f" {scalar_of(value)}"
