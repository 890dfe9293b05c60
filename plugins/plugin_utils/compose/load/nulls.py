# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sections and keys without a value are the same as absent ones.

But for a command: there, as in Compose, nothing in a later file takes away what an earlier one says.
"""

from __future__ import annotations

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.keys.kinds import COMMAND
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.keys.table import SERVICE_KEYS, names_of
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Map

# Below these keys an entry without a value means something: a bare variable, a network without options.
_MEANT = names_of(pairs=True) | {"args"}
_TAKEN_AWAY = frozenset(key for key, row in SERVICE_KEYS.items() if row.kind is COMMAND)
_TOP = frozenset(("services", "networks", "volumes", "configs", "secrets"))


def drop_nulls(tree: Map) -> Map:
    """Removes keys without a value; changes ``tree``. An empty service or resource stays, to be judged as one."""
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
                if is_service and key in _TAKEN_AWAY:
                    node.tags.setdefault(key, "reset")
            elif key in _MEANT or key.startswith("x-"):
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
