# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Failed jobs, which only a new run repairs; and jobs that a rollback does not run again."""

from __future__ import annotations

from typing import TYPE_CHECKING, FrozenSet, List

from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.health.statuses import at_a_glance, mode_of

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Service
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import State


def failed_jobs(client: EngineClient, stack: str, services: List[Service]) -> FrozenSet[str]:
    """Returns the names of the jobs that failed for good. Reads tasks only if the services don't show it."""
    unclear = [s for s in services if mode_of(s["Spec"]).endswith("job") and at_a_glance(s) is None]
    if not unclear:
        return frozenset()
    from ansible_collections.stackwright.swarm.plugins.module_utils.gate.wait import look

    return frozenset(judgement.name for judgement in look(client, stack, unclear) if judgement.fatal)


def not_waited_for(bound: State, services: List[Service]) -> FrozenSet[str]:
    """Returns the names of the jobs that are left alone and are not complete: a wait for them would never end."""
    left = {service["name"] for service in bound["services"] if service.get("left")}
    done = {s["Spec"]["Name"] for s in services if s["Spec"]["Name"] in left and at_a_glance(s) is not None}
    return frozenset(left - done)
