# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The story of a deployment: observe, bind, reconcile, apply, wait, prune, outcome.

What only a run with changes needs is imported where it is used: every file costs time on a manager.
The full gate and the rollback of a whole stack have their place in changing.py, between the wait and the pruning.
"""

from __future__ import annotations

from typing import Any, Dict, FrozenSet, List, Mapping, NamedTuple

from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.bind import bind_all
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.jobs import failed_jobs
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.observe import (
    Observed,
    look_closer,
    observe,
    tasks_of,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.options import detach, with_defaults
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.outcome import finish
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.errors import DeployError
from ansible_collections.stackwright.swarm.plugins.module_utils.health.statuses import (
    Judgement,
    at_a_glance,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.images import look_ups
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.model import Plan, with_mask
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.reconcile import own_services, reconcile

Result = Dict[str, Any]
Options = Dict[str, Any]


class Planned(NamedTuple):
    """What the reading half of a deployment found out."""

    bound: Mapping[str, Any]
    observed: Observed
    images: Mapping[str, Any]
    plan: Plan


def deploy_stack(client: EngineClient, clock: Any, desired: Mapping[str, Any], options: Mapping[str, Any]) -> Result:
    """Brings the stack of a DesiredState to run (``state: present``).

    ``clock`` has ``now()`` and ``sleep(seconds)``; ``options`` as in options.py; the result as in outcome.py.
    Raises EngineError, PlanError (nothing was changed), and DeployError (``details["outcome"]`` says how far it came).
    """
    if desired.get("values") and "binder" not in options:
        from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.values import with_values

        return with_values(deploy_stack, client, clock, desired, options)
    given = with_defaults({**options, "prefix": options.get("prefix") or desired["stack"].get("prefix")})
    stack = desired["stack"]["name"]
    planned = _plan(client, desired, given)
    plan = planned.plan
    if given["check"] or (given["defer"] and plan.changed):
        return finish(client, stack, planned.observed, plan, given)
    try:
        if plan.changed:
            from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.changing import carry_out

            judgements = carry_out(client, clock, stack, planned, given)
        else:
            judgements = _statuses(client, clock, stack, planned, given)
    except DeployError as error:
        from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.pulls import cause

        error.error_code, error.hint = cause(error, planned.images)
        raise
    return finish(client, stack, planned.observed, plan, given, judgements)


def _plan(client: EngineClient, desired: Mapping[str, Any], options: Options) -> Planned:
    """Observes, binds and reconciles. Where there is work, looks closer, asks the registry, and plans with that."""
    stack = desired["stack"]["name"]
    observed = observe(client, stack, desired)
    bound = bind_all(desired, observed, options)
    plan = reconcile(bound, observed, options)
    again = failed_jobs(client, stack, observed["services"])
    options = {**options, "pull_again": _pull_again(client, stack, observed, options), "run_again": again}
    wanted = look_ups(bound, own_services(stack, observed), options["resolve_image"], options["pull_again"])
    if options["pull_again"] or again:
        plan = reconcile(bound, observed, options)
    images: Mapping[str, Any] = {}
    if plan.changed:
        detach(options)
        observed = look_closer(client, observed, desired)
        bound = bind_all(desired, observed, options, not options["check"] and not options["defer"])
        reconcile(bound, observed, options)  # conflicts are found before a registry is asked, which may take long
    if wanted:
        from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.images import ask_registry

        images = ask_registry(client, wanted, registry_header(options))
    if plan.changed or wanted:
        plan = reconcile(bound, observed, options, images)
        if plan.changed and "all_services" not in observed:
            observed = look_closer(client, observed, desired)
            plan = reconcile(bound, observed, options, images)
    return Planned(bound, observed, images, with_mask(plan, options["mask"]))


def _pull_again(client: EngineClient, stack: str, observed: Observed, options: Options) -> FrozenSet[str]:
    """The services whose image could not be pulled, where there are credentials to try again with."""
    short = [service for service in observed["services"] if at_a_glance(service) is None]
    if not short or not (options["with_registry_auth"] or options["registry_auth"]):
        return frozenset()
    from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.pulls import not_pulled

    header = registry_header(options)
    return frozenset(name for name, image in not_pulled(short, tasks_of(client, stack)) if header(image))


def _statuses(client: EngineClient, clock: Any, stack: str, planned: Planned, options: Options) -> List[Judgement]:
    """The statuses of a stack that needs no change; tasks are read only where the counts leave a question."""
    services = planned.observed["services"]
    glances = [at_a_glance(service) for service in sorted(services, key=lambda s: s["Spec"]["Name"])]
    if None not in glances:
        return [judgement for judgement in glances if judgement is not None]
    from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.wait import settle

    return settle(client, clock, stack, services, options)


def registry_header(options: Options) -> Any:
    """A function from an image to its X-Registry-Auth header, or None."""
    if not options["with_registry_auth"] and not options["registry_auth"]:
        return lambda image: None
    from ansible_collections.stackwright.swarm.plugins.module_utils.engine.registry import RegistryAuth

    return RegistryAuth(options["registry_auth"], options["with_registry_auth"]).header


def stop_stack(client: EngineClient, clock: Any, stack: str, options: Mapping[str, Any]) -> Result:
    """Scales the stack to zero and remembers the counts (``state: stopped``). Result and errors as ``deploy_stack``."""
    from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.ending import stop

    return stop(client, clock, stack, with_defaults(options))


def remove_stack(client: EngineClient, clock: Any, stack: str, options: Mapping[str, Any]) -> Result:
    """Removes the stack but its volumes (``state: absent``); the result is that of ``deploy_stack``."""
    from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.ending import remove

    return remove(client, clock, stack, with_defaults(options))
