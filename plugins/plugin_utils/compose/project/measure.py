# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The size of a project without sharing. In memory, services that extend another one share its parts."""

from __future__ import annotations

from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.project.steps import steps_of
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.report import (
    BUDGET,
    CONTAINER,
    SHARED,
    Report,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Map, Mark, Seq

#: The cost of a service without its keys: its spec has many fields.
SERVICE = 4000


def measure(tree: Map, report: Report) -> None:
    """Raises ComposeError if the specs would be larger than the budget of a run; ``x-`` blocks don't count."""
    given = tree.get("services")
    services = given if isinstance(given, Map) else Map()
    left = BUDGET - SERVICE * len(services)
    waiting: list[tuple[Any, Mark]] = [(tree[key], tree.mark(key)) for key in tree if not key.startswith("x-")]
    for key, service in services.items():
        steps = len(steps_of(service))  # each becomes a service with most of this one's parts
        left -= SERVICE * steps
        if left < 0:
            report.too_large(services.mark(key))
        waiting += (
            [(service[part], service.mark(part)) for part in service if part != "pre_start"] * steps if steps else []
        )
    if _fits([node for node, _mark in waiting], left):
        return
    while waiting:
        node, mark = waiting.pop()
        left -= SHARED
        if isinstance(node, str):
            left -= len(node)
        elif isinstance(node, (Map, Seq)):
            left -= CONTAINER
            keys: Any = node if isinstance(node, Map) else range(len(node))
            waiting += [(node[key], node.mark(key)) for key in keys]
        if left < 0:
            report.too_large(mark)


def _fits(waiting: list[object], left: int) -> bool:
    """Returns quickly whether all nodes fit into ``left`` bytes; the caller finds the place if they don't."""
    while waiting and left >= 0:
        node = waiting.pop()
        left -= SHARED
        if isinstance(node, str):
            left -= len(node)
        elif isinstance(node, (Map, Seq)):
            left -= CONTAINER
            waiting += node.values() if isinstance(node, Map) else node
    return left >= 0
