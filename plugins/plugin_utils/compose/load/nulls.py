# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Removes sections and keys without a value: they are the same as absent ones.

The exception is a command: as in Compose, an empty one in a later file removes that of an earlier file.
"""

from __future__ import annotations

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.keys.kinds import COMMAND
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.keys.table import SERVICE_KEYS, names_of
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Map

# Below these keys an entry without a value has a meaning, such as a bare variable.
_KEPT = names_of(pairs=True) | {"args"}
_RESET = frozenset(key for key, row in SERVICE_KEYS.items() if row.kind is COMMAND)
_TOP = frozenset(("services", "networks", "volumes", "configs", "secrets"))


def drop_nulls(tree: Map) -> Map:
    """Removes keys without a value; changes ``tree``. An empty service or resource stays for later checks."""
    for section in list(tree):
        if tree[section] is None:
            tree.drop(section)
        elif section in _TOP and isinstance(tree[section], Map):
            for entry in tree[section].values():
                _drop(entry, section == "services")
    return tree


def _drop(node: object, is_service: bool) -> None:
    if isinstance(node, Map):
        for key in list(node):
            value = node[key]
            if value is None:
                node.drop(key)
                if is_service and key in _RESET:
                    node.tags.setdefault(key, "reset")
            elif key in _KEPT or key.startswith("x-"):
                continue
            elif is_service and key in ("networks", "depends_on"):
                for entry in value.values() if isinstance(value, Map) else ():
                    _drop(entry, False)
            elif isinstance(value, (dict, list)):
                _drop(value, False)
    elif isinstance(node, list):
        for item in node:
            if isinstance(item, (dict, list)):
                _drop(item, False)
