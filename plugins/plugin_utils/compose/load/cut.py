# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Removes invalid entries from a document after the schema check, so that all later stages can continue.

The rest is well formed. It remembers the removed entries: if one is missing only because it was cut, that is no further
problem (``Map.lost``, ``Report.broken``, rules/inspection.py).
"""

from __future__ import annotations

from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.schema.faults import Fault, find_faults
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.schema.loader import owners
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.report import Report
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import ANYTHING, Map, Path, Seq

# Other entries refer to those of these sections, so an invalid one stays, but empty.
_NAMED = ("configs", "networks", "secrets", "services", "volumes")


def cut_faults(tree: Map, file: str, report: Report) -> bool:
    """Cuts invalid entries until the document matches the schema; changes ``tree``. Returns False if it is unusable."""
    done: set[Path] = set()
    while True:
        faults = find_faults(tree, file)
        if faults is None:
            return False
        new = [fault for fault in faults if fault.path not in done]
        if not new:
            break
        for fault in new:
            done.add(fault.path)
            _cut_fault(tree, fault, report)
    return True


def cut(tree: Map, path: Path, report: Report) -> None:
    """Cuts the entry at ``path``; changes ``tree``. An item of a list leaves None, so the others keep their place."""
    parent = _parent(tree, path)
    key: Any = path[-1] if path else None
    if isinstance(parent, Seq) and isinstance(key, int) and key < len(parent):
        report.broken.add(parent.mark(key))
        parent[key] = None
    elif isinstance(parent, Map) and key in parent:
        if len(path) == 2 and path[0] in _NAMED:
            report.broken.add(parent.mark(key))
            parent[key] = Map(parent.mark(key))
            parent[key].mark_lost(ANYTHING)
        else:
            report.broken.discard(parent.mark(key))
            parent.drop(key)
            parent.mark_lost(key)


def _cut_fault(tree: Map, fault: Fault, report: Report) -> None:
    path = fault.path
    parent = _parent(tree, path)
    if fault.code == "name" and isinstance(parent, Map):
        report.broken.add(parent.mark(path[-1]))
        if isinstance(parent.get(path[-1]), Map):
            return
    if fault.code == "unknown_key" and path[-1] in owners():
        # It may belong to an outer mapping, and have the wrong indentation.
        for length in range(len(path)):
            outer = _parent(tree, path[: length + 1])
            if isinstance(outer, Map):
                outer.mark_lost(path[-1])
    if fault.meant and isinstance(parent, Map):
        parent.mark_lost(fault.meant)
    cut(tree, path, report)


def _parent(tree: object, path: Path) -> object:
    """Returns the container of the entry at ``path``; None if it was cut."""
    node = tree
    for key in path[:-1]:
        if isinstance(node, Map) and isinstance(key, str):
            node = node.get(key)
        elif isinstance(node, Seq) and isinstance(key, int) and key < len(node):
            node = node[key]
        else:
            return None
    return node
