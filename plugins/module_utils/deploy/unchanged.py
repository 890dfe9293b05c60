# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of a deployment without changes: it waits for the stack, if requested."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional

from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.image_digests import asked_as_well
from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.logins import registry_header
from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.observe import nodes_of
from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import Clock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import DeployError
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.look import (
    Planned,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.outcome import finish
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.gate.failed_jobs import not_waited_for
from ansible_collections.stackwright.swarm.plugins.module_utils.health.statuses import (
    Judgement,
    at_a_glance,
)

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.request.option_types import Options

Result = Dict[str, Any]


def unchanged(
    client: EngineClient,
    clock: Clock,
    stack: str,
    planned: Planned,
    options: Options,
    keep: Optional[Callable[[], None]] = None,
) -> Result:
    """Returns the result for a stack that is up to date; waits until it is healthy if the options require it. ``keep``
    renews a lock while it waits."""
    try:
        judgements = _statuses(client, clock, stack, planned, options, keep)
    except DeployError as error:
        from ansible_collections.stackwright.swarm.plugins.module_utils.health.pulls import cause

        images = asked_as_well(client, error, planned.images, registry_header(options))
        error.error_code, error.hint = cause(error, images)
        error.hint = f"{error.hint} Nothing was changed: the services already match the files.".strip()
        raise
    return finish(client, stack, planned.observed, planned.plan, options, judgements, planned.id)


def _statuses(
    client: EngineClient,
    clock: Clock,
    stack: str,
    planned: Planned,
    options: Options,
    keep: Optional[Callable[[], None]],
) -> List[Judgement]:
    """Returns the statuses of a stack that needs no change. Reads tasks only if the counts of tasks are not enough."""
    left = not_waited_for(planned.bound, planned.observed["services"])
    services = [service for service in planned.observed["services"] if service["Spec"]["Name"] not in left]
    if planned.bound.get("part"):
        names = {service["name"] for service in planned.bound["services"]}
        services = [service for service in services if service["Spec"]["Name"] in names]
    nodes = nodes_of(client, planned.observed) if services else []
    glances = [at_a_glance(service, nodes) for service in sorted(services, key=lambda s: str(s["Spec"]["Name"]))]
    if None not in glances:
        return [judgement for judgement in glances if judgement is not None]
    from ansible_collections.stackwright.swarm.plugins.module_utils.gate.wait import settle

    return settle(client, clock, stack, services, options, keep)
