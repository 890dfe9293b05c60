# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The address through which a promoted Engine joins the raft, and the error if no manager has it."""

from __future__ import annotations

from typing import Collection, Mapping

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError


def is_stuck(joins_by: str, managers: Collection[str]) -> bool:
    """Whether a promotion would end the node's membership, because no manager has the address that it would join.

    :param joins_by: address and port, empty if it can join any manager (enrolling/look.py).
    :param managers: the addresses of the managers.
    """
    return bool(joins_by) and joins_by.rpartition(":")[0].strip("[]") not in managers


def join_address_gone(stuck: Mapping[str, str]) -> StackwrightError:
    """Returns the error (``join_address_gone``); ``stuck`` has address and port of each such node, by its name."""
    names = ", ".join(stuck)
    joined = "; ".join(f"{name} joined through {address}" for name, address in stuck.items())
    return StackwrightError(
        f"{names} can't be promoted yet: until it is restarted, an Engine can only become a manager through the "
        f"address through which it joined the Swarm, and no manager has this address any more ({joined}). The "
        "promotion would take the node out of the Swarm.",
        "join_address_gone",
        f"Nothing was changed. Restart the Engine of {names} (drain the node first: its containers end), or let its "
        "host leave the Swarm (state: absent of swarm_cluster), then run again.",
    )
