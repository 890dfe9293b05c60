# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Converts an inline ``definition``, already parsed, to a tree. Its marks contain only the file's name.

Ansible has parsed it as YAML 1.1, so the original text of some values is lost (``on:`` as a key, ``22:22`` as a port).
If that is noticed, it is a problem with the hint to write quotes. Ansible's tagged values become plain ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.reader import MAX_DEPTH, NUL, NUL_HINT
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.report import CONTAINER, VALUE, Report
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import ANYTHING, Map, Mark, Seq


def read_plain(value: object, file: str, report: Report) -> Any:
    """Returns the tree of ``value``; None, after a problem, if it is too deep or contains itself.

    Raises ComposeError if it is larger than the budget.
    """
    return _Plain(file, report).node(value, 0)


#: Numbers in YAML files are not larger (scalars.py). Python refuses to print much larger ones.
LARGEST = 2**64
_TOO_LARGE = "the number is too large"


class PlainMark(Mark):
    """A place without a line. It equals only itself, so that two values of one definition have different places."""

    __slots__ = ()

    __eq__ = object.__eq__
    __ne__ = object.__ne__
    __hash__ = object.__hash__


class _Plain:
    def __init__(self, file: str, report: Report) -> None:
        self.file = file
        self.report = report

    @property
    def mark(self) -> Mark:
        return PlainMark(self.file)

    def node(self, value: object, depth: int) -> Any:
        self.report.spend(VALUE + (len(value) if isinstance(value, (str, bytes)) else CONTAINER), self.mark)
        if depth > MAX_DEPTH:
            message = f"the definition is nested deeper than {MAX_DEPTH} levels, or contains itself"
            self.report.problem(message, self.mark, hint="flatten it", code="too_large")
            return None
        if isinstance(value, dict):
            return self.mapping(value, depth)
        if isinstance(value, (list, tuple)):
            items = Seq(self.mark)
            for item in value:
                items.add(self.node(item, depth + 1), self.mark)
            return items
        scalar = _scalar(value)
        if isinstance(scalar, int) and abs(scalar) > LARGEST:
            self.report.problem(_TOO_LARGE, self.mark, hint="put quotes around it", code="range")
            return 0
        return self.text(scalar) if isinstance(scalar, str) else scalar

    def text(self, text: str) -> str:
        if "\0" in text:
            self.report.problem(NUL, self.mark, hint=NUL_HINT, code="encoding")
        return text.replace("\0", "")

    def mapping(self, value: Mapping[object, object], depth: int) -> Map:
        new = Map(self.mark)
        for key, item in value.items():
            fault = f"a key is not text ({key})" if key is None or isinstance(key, bool) else ""
            if isinstance(key, int) and abs(key) > LARGEST:
                fault = _TOO_LARGE
            if fault:
                self.report.problem(fault, self.mark, hint="put quotes around the key", code="key_type")
                new.mark_lost(ANYTHING)
            else:
                new.put(self.text(str(key)), self.node(item, depth + 1), self.mark)
        return new


def _scalar(value: object) -> Any:
    if value is None or isinstance(value, bool):
        return value
    for kind in (int, float):
        if isinstance(value, kind):
            return kind(value)
    # This includes dates: YAML 1.1 parses 2020-01-01 as one.
    return str(value)
