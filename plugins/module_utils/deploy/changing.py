# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The writing half of a deployment: apply wave by wave, wait, prune."""

from __future__ import annotations

from itertools import groupby
from typing import AbstractSet, Any, Dict, List

from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.apply import Apply
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.observe import services_of, tasks_of
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.recheck import rechecker
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.transaction import Planned, registry_header
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.wait import before, limits_of, look, wait
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.errors import DeployError, EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.health.gate import Before, Limits
from ansible_collections.stackwright.swarm.plugins.module_utils.health.statuses import Judgement, at_a_glance
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.model import CHANGE, PRUNE, Operation

Options = Dict[str, Any]


def carry_out(client: EngineClient, clock: Any, stack: str, planned: Planned, options: Options) -> List[Judgement]:
    """Makes the plan's changes, waits until the stack runs, then prunes. Gives how the services do.

    Services of one wave are changed together; the next wave follows when they run (unless ``wait`` is false).
    Raises DeployError; ``details["outcome"]`` has done, failed and not_done.
    """
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
    start = clock.now()
    limits = limits_of(options)
    waves = [list(group) for _wave, group in groupby(plan.work(CHANGE), key=lambda op: op.wave)]
    for number, wave in enumerate(waves):
        later = [op for other in waves[number + 1 :] for op in other] + plan.work(PRUNE)
        applying.run(wave, later)
        if options["wait"] and number + 1 < len(waves):
            names = {op.name for op in wave if op.kind == "service"}
            between = _left(limits, clock.now() - start)._replace(stable_for=0.0)
            if names:
                _wait(client, clock, stack, applying, past, between, names, later, options)
    stays = {service["name"] for service in planned.bound["services"]}
    if not options["prune"]:
        stays |= {service["Spec"]["Name"] for service in observed["services"]}
    if options["wait"]:
        left = _left(limits, clock.now() - start)
        judgements = _wait(client, clock, stack, applying, past, left, stays, plan.work(PRUNE), options)
    else:
        judgements = _glance(client, stack, stays)
    applying.run(plan.work(PRUNE))
    return judgements


def _wait(
    client: EngineClient,
    clock: Any,
    stack: str,
    applying: Apply,
    past: Before,
    limits: Limits,
    names: AbstractSet[str],
    later: List[Operation],
    options: Options,
) -> List[Judgement]:
    """Waits for the services ``names``; an error gets the outcome so far."""
    replaced = {key: bool(op.payload.get("ports_only")) for key, op in applying.touched.items()}
    try:
        return wait(client, clock, stack, limits, past, replaced, options["progress"], names)
    except (DeployError, EngineError) as error:
        outcome = {
            "done": list(applying.done),
            "failed": "wait until the stack runs",
            "not_done": [str(op) for op in later],
        }
        details = {**error.details, "outcome": outcome}
        raise DeployError(error.message, error.error_code, error.hint, details) from error


def _left(limits: Limits, spent: float) -> Limits:
    """The limits with what is left of the time; at least a second, so that a state that is good counts."""
    return limits._replace(timeout=max(limits.timeout - spent, 1.0))


def _glance(client: EngineClient, stack: str, names: AbstractSet[str]) -> List[Judgement]:
    services = [service for service in services_of(client, stack) if service["Spec"]["Name"] in names]
    glances = [at_a_glance(service) for service in sorted(services, key=lambda s: s["Spec"]["Name"])]
    return look(client, stack, services) if None in glances else [j for j in glances if j is not None]
