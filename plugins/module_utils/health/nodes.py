# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes that can run a service."""

from __future__ import annotations

from typing import TYPE_CHECKING, AbstractSet, Iterable, List, Sequence

from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.constraints import meets

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Node, Platform, TaskTemplate


def eligible(nodes: Iterable[Node], template: TaskTemplate) -> List[Node]:
    """Returns the ready and active nodes that meet the constraints and platforms of a TaskSpec.

    Nodes of unknown state (after an election) count too: their state follows soon.
    """
    return [
        node
        for node in fitting(nodes, template)
        if (node.get("Status") or {}).get("State") in ("ready", "unknown") and is_active(node)
    ]


def fitting(nodes: Iterable[Node], template: TaskTemplate) -> List[Node]:
    """Returns the nodes that meet the constraints and platforms of a TaskSpec, whatever their state."""
    placement = template.get("Placement") or {}
    return [
        node
        for node in nodes
        if all(meets(node, text) for text in placement.get("Constraints") or [])
        and has_platform(node, placement.get("Platforms") or [])
    ]


def is_active(node: Node) -> bool:
    """Whether a node is neither drained nor paused."""
    return (node.get("Spec") or {}).get("Availability") == "active"


def is_down(node: Node) -> bool:
    """Whether a node is lost: its tasks do not end until it is back."""
    return (node.get("Status") or {}).get("State") in ("down", "disconnected")


def rejoined(node: Node, nodes: Iterable[Node]) -> str:
    """Returns the id under which a lost node has joined again, else empty. Its old entry stays until it is removed."""
    if not is_down(node):
        return ""
    same = [other for other in nodes if is_ready(other) and hostname(other) == hostname(node)]
    return str(same[0].get("ID")) if same else ""


def removal(node: Node) -> str:
    """Returns the command that removes the entry of a node."""
    demote = "docker node demote {0} && " if node.get("ManagerStatus") else ""
    return f"{demote}docker node rm {{0}}".format(node.get("ID"))


def hostname(node: Node) -> str:
    """Returns a node's host name, else its id."""
    return str((node.get("Description") or {}).get("Hostname") or node.get("ID") or "")


def names_of(node: Node) -> List[str]:
    """Returns the host name and the addresses of a node."""
    status, manager = node.get("Status") or {}, node.get("ManagerStatus") or {}
    addresses = [str(status.get("Addr") or ""), str(manager.get("Addr") or "")]
    return [name for name in (hostname(node), *(text.rpartition(":")[0] or text for text in addresses)) if name]


def is_ready(node: Node) -> bool:
    """Whether the managers receive a node's heartbeats, so that its tasks' states are current."""
    return (node.get("Status") or {}).get("State") == "ready"


def paused(nodes: Iterable[Node]) -> AbstractSet[str]:
    """Returns the ids of paused nodes. They get no new tasks and keep their own, also of an older specification."""
    return {str(node.get("ID")) for node in nodes if (node.get("Spec") or {}).get("Availability") == "pause"}


#: Other names of architectures.
SAME = {"x86_64": "amd64", "aarch64": "arm64"}


def has_platform(node: Node, platforms: Sequence[Platform]) -> bool:
    """Whether a node has one of these platforms; an empty list means any."""
    if not platforms:
        return True
    own = (node.get("Description") or {}).get("Platform") or {}
    architecture = str(own.get("Architecture") or "")
    architecture = SAME.get(architecture, architecture)
    for platform in platforms:
        needed = str(platform.get("Architecture") or "")
        if platform.get("OS") in (None, "", own.get("OS")) and SAME.get(needed, needed) in ("", architecture):
            return True
    return False
