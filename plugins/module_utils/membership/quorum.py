# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The arithmetic of quorum: which managers may leave the raft."""

from __future__ import annotations

from typing import Mapping

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError


def needed(managers: int) -> int:
    """Returns how many of the managers must be up."""
    return managers // 2 + 1


def counted(managers: int, up: int) -> str:
    """Returns ``3 managers, 1 down``."""
    down = f", {managers - up} down" if up < managers else ""
    return f"{managers} manager{'' if managers == 1 else 's'}{down}"


def refuse_loss(up: Mapping[str, bool], leaving: str, doing: str) -> None:
    """Raises StackwrightError (``quorum``) if the Swarm would lose quorum, or its last manager, without ``leaving``.

    :param up: whether each manager is reachable, by its id.
    :param leaving: the id of the manager that would be demoted or removed.
    :param doing: the action, for the message: ``demoting m2``.
    """
    managers, now = len(up), sum(up.values())
    after, left = managers - 1, now - bool(up.get(leaving))
    if not after:
        raise StackwrightError(
            f"{counted(managers, now)}: {doing} leaves none.",
            "quorum",
            "The Swarm and all its services would end. Add another manager first.",
        )
    if now < needed(managers):
        raise StackwrightError(
            f"{counted(managers, now)}: {needed(managers)} of {managers} are needed for any change, so also for "
            f"{doing}.",
            "no_quorum",
            "Bring back more than half of the managers.",
        )
    if left < needed(after):
        raise StackwrightError(
            f"{counted(managers, now)}: {doing} leaves {left} of {after}, and {needed(after)} are needed.",
            "quorum",
            "Bring the others back, or add a manager first. Nothing was changed by this step.",
        )


def even_warning(managers: int) -> str:
    """Returns the warning about an even number of managers; empty if it is odd."""
    if managers % 2:
        return ""
    lost = managers - needed(managers)
    return (
        f"{managers} managers tolerate the loss of {lost}, as {managers - 1} do: an even number adds a machine that "
        "can fail, and no tolerance. Use an odd number."
    )
