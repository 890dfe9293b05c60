# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A step on a volume of this node, for a run on a manager."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict

from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import SystemClock
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.volumes.in_plan import step_here
from ansible_collections.stackwright.swarm.plugins.module_utils.volumes.nodes import carry_out

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.core.node_types import Question


def volume_step(client: EngineClient, asked: Question) -> Dict[str, Any]:
    """Returns the answer of this node to ``asked``; raises the error of the step."""
    return carry_out(client, SystemClock(), asked, step_here)
