# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which problems only follow from what has been cut out of the files, and so are none of their own."""

from __future__ import annotations

from typing import Any, Collection, Mapping, Sequence, Tuple

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.tree import ANYTHING, Map, Mark, Seq

_SOURCES = ("*.*.content", "*.*.driver", "*.*.environment", "*.*.external", "*.*.file")
_NAMES = ("*.*.external", "*.*.name")

#: The codes that speak of an absence, and the keys of which one would have been enough. ``*`` stands for what the
#: problem's own path has there.
FOLLOWS: Mapping[str, Tuple[str, ...]] = {
    "credential_spec": tuple(f"services.*.credential_spec.{key}" for key in ("config", "file", "registry")),
    "dnsrr": ("services.*.ports.*.mode",),
    "duplicate_name": _NAMES,
    "healthcheck": ("services.*.healthcheck.disable",),
    "mount_source": ("services.*.volumes.*.source", "services.*.volumes.*.type"),
    "mount_target": ("services.*.volumes.*.target",),
    "name": _NAMES,
    "name_too_long": _NAMES,
    "no_content": _SOURCES,
    "no_image": ("services.*.image", "services.*.extends", "services.*.provider"),
    "no_services": ("services", "include"),
    "undefined_config": ("configs", "include"),
    "undefined_network": ("networks", "include"),
    "undefined_secret": ("secrets", "include"),
    "undefined_service": ("services", "include"),
    "undefined_volume": ("volumes", "include"),
}


def follows(tree: Any, path: Sequence[Any], mark: Mark, code: str, broken: Collection[Mark]) -> bool:
    """Whether a problem at ``path`` would not be there but for one that has been said.

    :param broken: the places of values with which something else is wrong (``Report.broken``).
    """
    if mark in broken or _is_lost(tree, path, broken):
        return True
    return any(_may_be_there(tree, path, pattern.split(".")) for pattern in FOLLOWS.get(code, ()))


def _is_lost(tree: Any, path: Sequence[Any], broken: Collection[Mark]) -> bool:
    """Whether the value at ``path`` was cut, or is a list of which an item was."""
    node = tree
    for key in path:
        if isinstance(node, Map):
            if key not in node and not node.lost.isdisjoint((ANYTHING, key)):
                return True
            node = node.get(key)
        elif isinstance(node, Seq) and isinstance(key, int) and key < len(node):
            node = node[key]
        else:
            return False
    return isinstance(node, Seq) and any(mark in broken for mark in node.marks)


def _may_be_there(tree: Any, path: Sequence[Any], pattern: Sequence[str]) -> bool:
    node = tree
    last = len(pattern) - 1
    for index, part in enumerate(pattern):
        key = part if part != "*" else path[index] if index < len(path) else None
        if isinstance(node, Map):
            if ANYTHING in node.lost or (key in node.lost and (index == last or key not in node)):
                return True
            node = node.get(key)
        elif isinstance(node, Seq) and isinstance(key, int) and key < len(node):
            node = node[key]
        else:
            return False
    return False
