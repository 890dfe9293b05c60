# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The address through which a promoted Engine joins the raft, and the error if no manager has it any more."""

from __future__ import annotations

from typing import Collection, Mapping

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError


def is_stuck(joins_by: str, managers: Collection[str]) -> bool:
    """Whether a promotion would end the node's membership: it would join the raft where no manager is any more.

    :param joins_by: address and port, empty if any manager will do (enrolling/look.py).
    :param managers: the addresses of the managers.
    """
    return bool(joins_by) and joins_by.rpartition(":")[0].strip("[]") not in managers


def join_address_gone(stuck: Mapping[str, str]) -> StackwrightError:
    """The refusal (``join_address_gone``); ``stuck`` has the address and port of each of these nodes, by its name."""
    names = ", ".join(stuck)
    told = "; ".join(f"{name} joined through {address}" for name, address in stuck.items())
    return StackwrightError(
        f"{names} can't be promoted yet: until it is restarted, an Engine can only become a manager through the "
        f"address through which it joined the Swarm, and no manager has this address any more ({told}). The promotion "
        "would take the node out of the Swarm.",
        "join_address_gone",
        f"Nothing was changed. Restart the Engine of {names} (drain the node first: its containers end), or let its "
        "host leave the Swarm (state: absent of swarm_cluster), then run again.",
    )
