# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks the Swarm itself: managers, quorum, nodes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Dict, Iterator, List, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.health.nodes import hostname, rejoined, removal
from ansible_collections.stackwright.swarm.plugins.module_utils.health.quorum import counts, is_reachable
from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.findings import (
    ERROR,
    WARNING,
    Finding,
    finding,
)

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Node

OLDEST = (20, 10)
_VERSION = re.compile(r"(\d+)\.(\d+)")


def summary(nodes: List[Node]) -> Dict[str, int]:
    """Counts the managers, reachable managers, managers that may still fail, nodes, and ready and active nodes."""
    managers, reachable = _managers(nodes)
    return {
        "managers": len(managers),
        "reachable": len(reachable),
        "may_fail": max(0, len(reachable) - (len(managers) // 2 + 1)),
        "nodes": len(nodes),
        "ready": sum(1 for node in nodes if _state(node) == "ready" and _availability(node) == "active"),
    }


def cluster_findings(nodes: List[Node]) -> Iterator[Finding]:
    """Finds problems of managers and nodes that don't depend on the stack."""
    managers, reachable = _managers(nodes)
    numbers = summary(nodes)
    for node in managers:
        if node not in reachable:
            message = "this manager is not reachable."
            yield finding(
                WARNING,
                "manager_unreachable",
                message,
                "Bring it back up, or demote and remove it.",
                node=hostname(node),
            )
    if len(managers) > 1 and not numbers["may_fail"]:
        message = (
            f"{numbers['reachable']} of {numbers['managers']} managers are reachable, and quorum is "
            f"{len(managers) // 2 + 1}: if one more fails, the Swarm can't be changed."
        )
        yield finding(WARNING, "no_spare_manager", message, "Bring managers back up, or add some.")
    if len(managers) % 2 == 0:
        message = f"{len(managers)} managers tolerate no more failures than {len(managers) - 1} would."
        yield finding(WARNING, "even_managers", message, "Use an odd number of managers.")
    for node in nodes:
        again = rejoined(node, nodes)
        if again:
            message = f"this is a stale entry: the node has joined again as {again}."
            yield finding(
                WARNING, "node_rejoined", message, f"Remove the stale entry: {removal(node)}", node=hostname(node)
            )
        elif _state(node) == "down" and _availability(node) != "drain":
            why = str((node.get("Status") or {}).get("Message") or "")
            message = f"it is down{f' ({why})' if why else ''}."
            yield finding(
                WARNING,
                "node_down",
                message,
                "Bring it back up, or remove it (`docker node rm`).",
                node=hostname(node),
            )
        version = str(((node.get("Description") or {}).get("Engine") or {}).get("EngineVersion") or "")
        parsed = _VERSION.match(version)
        if parsed and (int(parsed.group(1)), int(parsed.group(2))) < OLDEST:
            message = f"its Engine is {version}; 20.10 is the oldest tested version."
            yield finding(WARNING, "engine_old", message, "Update the Engine.", node=hostname(node))
    if nodes and not numbers["ready"]:
        hint = "Bring nodes back up, or activate one (`docker node update --availability active NODE`)."
        yield finding(ERROR, "no_active_node", "No node is ready and active, so nothing can run.", hint)


def _managers(nodes: List[Node]) -> Tuple[List[Node], List[Node]]:
    managers = [node for node in nodes if counts(node)]
    return managers, [node for node in managers if is_reachable(node)]


def _state(node: Node) -> str:
    return str((node.get("Status") or {}).get("State") or "")


def _availability(node: Node) -> str:
    return str((node.get("Spec") or {}).get("Availability") or "")
