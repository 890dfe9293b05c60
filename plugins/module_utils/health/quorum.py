# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The managers among the nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict, Iterable

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Node


def managers_of(nodes: Iterable[Node]) -> Dict[str, bool]:
    """Returns whether each manager is reachable, by its id.

    A node counts as a manager from the start of a promotion to the end of a demotion. A node that is down and not in
    the raft does not count: ``--force-new-cluster`` leaves such entries of the other managers.
    """
    return {str(node.get("ID")): is_reachable(node) for node in nodes if counts(node)}


def counts(node: Node) -> bool:
    """Whether a node counts as a manager."""
    down = (node.get("Status") or {}).get("State") == "down"
    return bool(node.get("ManagerStatus")) or (is_manager(node) and not down)


def is_manager(node: Node) -> bool:
    """Whether a node has the role of a manager, also before its promotion is complete."""
    return bool((node.get("Spec") or {}).get("Role") == "manager")


def is_reachable(node: Node) -> bool:
    """Whether the leader can reach a manager."""
    return bool((node.get("ManagerStatus") or {}).get("Reachability") == "reachable")


def is_leader(node: Node) -> bool:
    """Whether a node is the leader."""
    return bool((node.get("ManagerStatus") or {}).get("Leader"))
