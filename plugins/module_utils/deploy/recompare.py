# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares a service again if another client changed it between the snapshot and our update."""

from __future__ import annotations

from typing import TYPE_CHECKING, Collection, Mapping

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.apply import Recompare
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import Operation, masked
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.image_pins import choose
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.reconcile import known_of
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.services import restarted, service_operations

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.request.option_types import Options
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Service
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import Answer, Observed, State


def recomparer(
    bound: State,
    observed: Observed,
    options: Options,
    images: Mapping[str, Answer],
    forced: Collection[str] = (),
) -> Recompare:
    """Returns a function of a service's name and its current state that returns the remaining operation.

    ``forced`` are the services whose tasks are replaced even if nothing differs.
    """
    services = {service["name"]: service for service in bound["services"]}
    known = known_of(bound, observed, options)

    def recompare(name: str, live: Service) -> Operation:
        desired = services.get(name)
        if desired is None:
            raise EngineError(
                f"service {name} was changed by another client at the same time.", "out_of_sequence", "Run again."
            )
        choice = choose(desired, live, options["resolve_image"], images)
        operation = service_operations(desired, live, choice, known)[0]
        if name in forced:
            operation = restarted(operation, live, known.nodes)
        return masked(operation, options["mask"])

    return recompare
