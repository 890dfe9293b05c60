# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``state: stopped`` and ``state: absent``."""

from __future__ import annotations

from typing import Any, Dict, List

from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.apply import Apply
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.gone import wait_until_gone, wait_until_stopped
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.observe import Observed, observe
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.options import detach
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.outcome import finish
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.errors import DeployError
from ansible_collections.stackwright.swarm.plugins.module_utils.planning import stop as planning
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.model import Operation, with_mask
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.reconcile import node_count

Result = Dict[str, Any]
Options = Dict[str, Any]


def stop(client: EngineClient, clock: Any, stack: str, options: Options) -> Result:
    """Scales the stack to zero; waits until its tasks have ended if ``wait`` is set."""
    observed = observe(client, stack)
    plan = planning.stop(stack, observed, options["prefix"], node_count(observed))
    plan = with_mask(plan, options["mask"])
    if plan.changed and not options["check"] and not options["defer"]:
        detach(options)
        applying = _apply(client, clock, observed, options)
        applying.run(plan.work())
        if options["wait"]:
            ids = [operation.payload["id"] for operation in plan.work()]
            _with_outcome(applying, [], wait_until_stopped, client, clock, stack, options["timeout"], ids)
    return finish(client, stack, observed, plan, options)


def remove(client: EngineClient, clock: Any, stack: str, options: Options) -> Result:
    """Removes the services, waits until their tasks are gone, then removes configs, secrets and networks."""
    observed = observe(client, stack)
    plan = planning.remove(stack, observed, node_count(observed))
    if plan.changed:
        detach({**options, "wait": True})  # the end of the tasks is waited for in any case
        observed = {**observed, "all_services": client.list("/services")}
        plan = planning.remove(stack, observed, node_count(observed))
    if plan.changed and not options["check"] and not options["defer"]:
        work = plan.work()
        services = [operation for operation in work if operation.kind == "service"]
        rest = [operation for operation in work if operation.kind != "service"]
        applying = _apply(client, clock, observed, options)
        applying.run(services, rest)
        _with_outcome(applying, rest, wait_until_gone, client, clock, stack, options["timeout"])
        applying.run(rest)
    return finish(client, stack, observed, plan, options)


def _apply(client: EngineClient, clock: Any, observed: Observed, options: Options) -> Apply:
    progress = options["progress"] or (lambda line: None)
    return Apply(client, clock, observed, progress=progress, patience=options["timeout"])


def _with_outcome(applying: Apply, rest: List[Operation], wait: Any, *arguments: Any) -> None:
    try:
        wait(*arguments)
    except DeployError as error:
        error.details["outcome"] = {
            "done": list(applying.done),
            "failed": "wait until the tasks have ended",
            "not_done": [str(operation) for operation in rest],
        }
        raise
