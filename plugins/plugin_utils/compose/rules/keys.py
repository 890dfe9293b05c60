# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The notices and problems that come from the table of keys."""

from __future__ import annotations

import functools
from typing import Dict, Optional

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.keys.row import NOTICE, REFUSED, Key
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.keys.table import KEYS
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.rules.inspection import Review
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Path


class _Node:
    __slots__ = ("below", "row")

    def __init__(self) -> None:
        self.below: Dict[str, _Node] = {}
        self.row: Optional[Key] = None


@functools.lru_cache(maxsize=None)
def _reported_keys() -> _Node:
    """Returns the keys that need a notice or problem, as a tree to walk in parallel with the project's."""
    root = _Node()
    for pattern, row in KEYS.items():
        if row.fate in (NOTICE, REFUSED):
            node = root
            for part in pattern.replace("[]", ".[]").split("."):
                node = node.below.setdefault(part, _Node())
            node.row = row
    return root


def check_keys(review: Review) -> None:
    for section, node in _reported_keys().below.items():
        _walk(review, node, review.section(section), (section,))


def _walk(review: Review, node: _Node, value: object, path: Path) -> None:
    if node.row is not None:
        if value not in (None, "", [], {}) and value != node.row.default:
            key, row = path[-1], node.row
            if row.fate == REFUSED:
                review.problem(path, f"'{key}' can't be used: {row.text}", row.instead, "unsupported")
            else:
                review.notice(path, f"'{key}' has no effect: {row.text}", row.instead)
        return
    if isinstance(value, dict):
        anything = node.below.get("*")
        for key in value if anything else node.below.keys() & value.keys():
            below = node.below.get(key, anything)
            if below is not None:
                _walk(review, below, value[key], (*path, key))
    elif isinstance(value, list) and "[]" in node.below:
        for index, item in enumerate(value):
            _walk(review, node.below["[]"], item, (*path, index))
