# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An inline ``definition`` that is already parsed: plain data to a tree whose marks only have the file's name.

Ansible has typed it by YAML 1.1, so a few things can't be told any more (``on:`` as a key, ``22:22`` as a port):
where that shows, it is a problem with the hint to write quotes. Ansible's tagged values become plain ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.reader import MAX_DEPTH, NUL, NUL_HINT
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.report import CONTAINER, VALUE, Report
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import ANYTHING, Map, Mark, Seq


def read_plain(value: object, file: str, report: Report) -> Any:
    """The tree of ``value``; None if it is too large, too deep or contains itself, which is then a problem."""
    return _Plain(file, report).node(value, 0)


#: What YAML files hold as a number is no larger (scalars.py); much larger ones Python does not even print.
LARGEST = 2**64


class PlainMark(Mark):
    """A place without a line. It is the same as itself only, so that two values of one definition can be told apart."""

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
            self.report.problem("the number is too large", self.mark, hint="put quotes around it", code="range")
            return 0
        if isinstance(scalar, str) and "\0" in scalar:
            self.report.problem(NUL, self.mark, hint=NUL_HINT, code="encoding")
            return scalar.replace("\0", "")
        return scalar

    def mapping(self, value: Mapping[object, object], depth: int) -> Map:
        new = Map(self.mark)
        for key, item in value.items():
            if key is None or isinstance(key, bool):
                self.report.problem(
                    f"a key is not text ({key})", self.mark, hint="put quotes around the key", code="key_type"
                )
                new.lose(ANYTHING)
            else:
                new.put(str(key), self.node(item, depth + 1), self.mark)
        return new


def _scalar(value: object) -> Any:
    if value is None or isinstance(value, bool):
        return value
    for kind in (int, float):
        if isinstance(value, kind):
            return kind(value)
    # Also dates, which YAML 1.1 makes of 2020-01-01.
    return str(value)
