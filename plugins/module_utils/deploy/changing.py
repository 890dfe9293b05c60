# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The writing half of a deployment: apply, wait, prune."""

from __future__ import annotations

from typing import Any, Dict, List

from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.apply import Apply
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.observe import services_of, tasks_of
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.recheck import rechecker
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.transaction import Planned, registry_header
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.errors import DeployError
from ansible_collections.stackwright.swarm.plugins.module_utils.health.gate import Before
from ansible_collections.stackwright.swarm.plugins.module_utils.health.statuses import Judgement, at_a_glance
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.model import CHANGE, PRUNE

Options = Dict[str, Any]


def carry_out(client: EngineClient, clock: Any, stack: str, planned: Planned, options: Options) -> List[Judgement]:
    """Makes the plan's changes, waits until the stack runs, then prunes. Gives how the services do.

    Raises DeployError; ``details["outcome"]`` has done, failed and not_done.
    """
    from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.wait import before

    plan, observed = planned.plan, planned.observed
    past = before(observed["services"], tasks_of(client, stack)) if observed["services"] else Before()
    applying = Apply(
        client,
        clock,
        observed,
        rechecker(planned.bound, observed, options, planned.images),
        registry_header(options),
        options["progress"] or (lambda line: None),
    )
    applying.run(plan.work(CHANGE), plan.work(PRUNE))
    judgements = _wait(client, clock, stack, planned, applying, past, options)
    applying.run(plan.work(PRUNE))
    return judgements


def _wait(
    client: EngineClient, clock: Any, stack: str, planned: Planned, applying: Apply, past: Before, options: Options
) -> List[Judgement]:
    from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.wait import limits_of, look, wait

    leaving = {op.name for op in planned.plan.work(PRUNE) if op.kind == "service"}
    if not options["wait"]:
        services = [s for s in services_of(client, stack) if s["Spec"]["Name"] not in leaving]
        glances = [at_a_glance(service) for service in sorted(services, key=lambda s: s["Spec"]["Name"])]
        return look(client, stack, services) if None in glances else [j for j in glances if j is not None]
    replaced = {key: bool(op.payload.get("ports_only")) for key, op in applying.touched.items()}
    try:
        return wait(client, clock, stack, limits_of(options), past, replaced, options["progress"], leaving)
    except DeployError as error:
        error.details["outcome"] = {
            "done": list(applying.done),
            "failed": "wait until the stack runs",
            "not_done": [str(op) for op in planned.plan.work(PRUNE)],
        }
        raise
