# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The notices and problems that come from the table of keys."""

from __future__ import annotations

import functools
from typing import Dict, Optional

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.keys.row import NOTICE, REFUSED, Key
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.keys.table import KEYS
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.rules.inspection import Look
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Path


class _Node:
    __slots__ = ("below", "row")

    def __init__(self) -> None:
        self.below: Dict[str, _Node] = {}
        self.row: Optional[Key] = None


@functools.lru_cache(maxsize=None)
def _spoken() -> _Node:
    """The keys that something must be said about, as a tree to walk beside the project's."""
    root = _Node()
    for pattern, row in KEYS.items():
        if row.fate in (NOTICE, REFUSED):
            node = root
            for part in pattern.replace("[]", ".[]").split("."):
                node = node.below.setdefault(part, _Node())
            node.row = row
    return root


def check_keys(look: Look) -> None:
    for section, node in _spoken().below.items():
        _walk(look, node, look.section(section), (section,))


def _walk(look: Look, node: _Node, value: object, path: Path) -> None:
    if node.row is not None:
        # What stands at its default or is empty asks for nothing.
        if value not in (None, "", [], {}) and value != node.row.default:
            say = look.problem if node.row.fate == REFUSED else look.notice
            what = "can't be used" if node.row.fate == REFUSED else "has no effect"
            code = "unsupported" if node.row.fate == REFUSED else "no_effect"
            say(path, f"'{path[-1]}' {what}: {node.row.text}", node.row.instead, code)
        return
    if isinstance(value, dict):
        anything = node.below.get("*")
        for key in value if anything else node.below.keys() & value.keys():
            below = node.below.get(key, anything)
            if below is not None:
                _walk(look, below, value[key], (*path, key))
    elif isinstance(value, list) and "[]" in node.below:
        for index, item in enumerate(value):
            _walk(look, node.below["[]"], item, (*path, index))
