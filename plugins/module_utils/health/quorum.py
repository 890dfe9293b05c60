# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The arithmetic of managers: how many must be reachable, and how many can be lost."""

from __future__ import annotations

from typing import Any, Iterable, Mapping, NamedTuple

Node = Mapping[str, Any]


class Quorum(NamedTuple):
    """Managers in all, and those that the leader reaches."""

    managers: int
    reachable: int

    @property
    def needed(self) -> int:
        """How many managers have to be reachable: more than half."""
        return self.managers // 2 + 1

    @property
    def is_kept(self) -> bool:
        """Whether the managers can decide anything."""
        return self.reachable >= self.needed

    @property
    def spare(self) -> int:
        """How many of the reachable managers can be lost; 0 also without a quorum."""
        return max(0, self.reachable - self.needed)

    def without(self, reachable: bool) -> Quorum:
        """The same after one manager, ``reachable`` or not, is no manager any more."""
        return Quorum(self.managers - 1, self.reachable - (1 if reachable else 0))

    def losing(self, reachable: bool) -> Quorum:
        """The same while one manager is down; it still counts as one."""
        return Quorum(self.managers, self.reachable - (1 if reachable else 0))

    def __str__(self) -> str:
        down = self.managers - self.reachable
        return f"{self.managers} manager{'' if self.managers == 1 else 's'}" + (f", {down} down" if down else "")


def quorum_of(nodes: Iterable[Node]) -> Quorum:
    """The managers among the answers of /nodes."""
    managers = [node for node in nodes if is_manager(node)]
    return Quorum(len(managers), sum(1 for node in managers if is_reachable(node)))


def is_manager(node: Node) -> bool:
    """Whether a node is a manager, or is to become one."""
    return (node.get("Spec") or {}).get("Role") == "manager"


def is_reachable(node: Node) -> bool:
    """Whether the leader reaches a manager."""
    return (node.get("ManagerStatus") or {}).get("Reachability") == "reachable"


def is_leader(node: Node) -> bool:
    """Whether a node is the leader."""
    return bool((node.get("ManagerStatus") or {}).get("Leader"))


def loss_refused(nodes: Iterable[Node], node: Node, name: str, verb: str) -> str:
    """Why a manager can't be demoted or removed (``verb``: ``demoting``), with the numbers; empty if it can.

    As ``3 managers, 1 down: demoting m2 leaves 1 of 2, and 2 are needed``.
    """
    now = quorum_of(nodes)
    after = now.without(is_reachable(node))
    if after.managers < 1:
        return f"{name} is the only manager"
    if after.is_kept:
        return ""
    needed = f"{after.needed} {'is' if after.needed == 1 else 'are'} needed"
    return f"{now}: {verb} {name} leaves {after.reachable} of {after.managers}, and {needed}"


def even(managers: int) -> str:
    """A warning about an even number of managers, or empty text."""
    if managers < 2 or managers % 2:
        return ""
    spare = managers - (managers // 2 + 1)
    return (
        f"{managers} managers tolerate the loss of {spare}, no more than {managers - 1} managers do: use an odd number."
    )
