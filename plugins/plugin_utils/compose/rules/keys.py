# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One table of all keys, and the notices and problems that come from it."""

from __future__ import annotations

import functools
from typing import Any, Dict, Mapping, Optional, Tuple

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.keys.fate import NOTICE, REFUSED, Fate
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.keys.keys_deploy import DEPLOY
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.keys.keys_service import SERVICE
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.keys.keys_top import TOP
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.rules.inspection import Look

#: The fate of every key by its pattern: ``*`` stands for a name, ``[]`` for an item of a list.
KEYS: Mapping[str, Fate] = {
    **TOP,
    **{f"services.*.{key}": fate for key, fate in SERVICE.items()},
    **{f"services.*.deploy.{key}": fate for key, fate in DEPLOY.items()},
}


class _Node:
    __slots__ = ("below", "fate")

    def __init__(self) -> None:
        self.below: Dict[str, _Node] = {}
        self.fate: Optional[Fate] = None


@functools.lru_cache(maxsize=None)
def _spoken() -> _Node:
    """The keys that something must be said about, as a tree to walk beside the project's."""
    root = _Node()
    for pattern, fate in KEYS.items():
        if fate.kind in (NOTICE, REFUSED):
            node = root
            for part in pattern.replace("[]", ".[]").split("."):
                node = node.below.setdefault(part, _Node())
            node.fate = fate
    return root


def check_keys(look: Look) -> None:
    for section, node in _spoken().below.items():
        _walk(look, node, look.section(section), (section,))


def _walk(look: Look, node: _Node, value: Any, path: Tuple[Any, ...]) -> None:
    if node.fate is not None:
        # What stands at its default or is empty asks for nothing.
        if value not in (None, "", [], {}) and value != node.fate.default:
            say = look.problem if node.fate.kind == REFUSED else look.notice
            what = "can't be used" if node.fate.kind == REFUSED else "has no effect"
            code = "unsupported" if node.fate.kind == REFUSED else "no_effect"
            say(path, f"'{path[-1]}' {what}: {node.fate.text}", node.fate.instead, code)
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
