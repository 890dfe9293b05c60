# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The reading half of a deployment: observe, bind, reconcile, and ask the registry; nothing is changed."""

from __future__ import annotations

from typing import Any, Callable, FrozenSet, Mapping, NamedTuple, Optional

from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.bind import bind_all
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.jobs import failed_jobs
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.observe import (
    Observed,
    look_closer,
    observe,
    tasks_of,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.options import detach, registry_header
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.health.statuses import at_a_glance
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.images import look_ups
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.model import Plan, with_mask
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.plan_id import plan_id, wanted_by
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.reconcile import own_services, reconcile

Options = Mapping[str, Any]
Bound = Mapping[str, Any]


class Wanted(NamedTuple):
    """What a stack is to become: a DesiredState or a snapshot, and how it is bound to what the Swarm has."""

    state: Mapping[str, Any]
    bind: Callable[[EngineClient, Observed, bool], Bound]  # True: values that are missing are made and kept

    @property
    def stack(self) -> str:
        """The full name."""
        return str(self.state["stack"]["name"])


class Planned(NamedTuple):
    """What a look found out. ``images`` are the registry's answers, ``asked`` the images that it was asked for."""

    bound: Bound
    observed: Observed
    images: Mapping[str, Any]
    asked: FrozenSet[str]
    plan: Plan
    id: str


def from_files(desired: Mapping[str, Any], options: Options) -> Wanted:
    """What the compiler made of Compose files."""
    return Wanted(desired, lambda client, observed, write: bind_all(desired, observed, options, write))


def from_snapshot(snapshot: Mapping[str, Any], what: str) -> Wanted:
    """What a revision has recorded; ``what`` names it in errors."""

    def recalled(client: EngineClient, observed: Observed, write: bool) -> Bound:
        del write  # what is missing can't be made again
        from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.recall import recall

        return recall(client, snapshot, observed, what)

    return Wanted(snapshot, recalled)


def make_plan(
    client: EngineClient,
    wanted: Wanted,
    options: Options,
    known: Optional[Planned] = None,
    kept: Optional[Callable[[], Mapping[str, Any]]] = None,
) -> Planned:
    """Observes, binds and reconciles. Where there is work, looks closer, asks the registry, and plans with that.

    Under the lock ``known`` is the look before it, whose answers of the registry are used again, and ``kept`` gives
    what revisions refer to (else the history is read). Raises EngineError and PlanError.
    """
    stack = wanted.stack
    observed = observe(client, stack, wanted.state)
    bound = wanted.bind(client, observed, False)
    plan = reconcile(bound, observed, options)
    again = failed_jobs(client, stack, observed["services"])
    options = {**options, "pull_again": _pull_again(client, stack, observed, options), "run_again": again}
    look_up = look_ups(bound, own_services(stack, observed), options["resolve_image"], options["pull_again"])
    if options["pull_again"] or again:
        plan = reconcile(bound, observed, options)
    images: Mapping[str, Any] = known.images if known else {}
    asked = known.asked if known else frozenset()
    if plan.changed:
        detach(options)
        observed = _closer(client, wanted, observed, options, kept)
        bound = wanted.bind(client, observed, known is not None)
        plan = reconcile(bound, observed, options)  # conflicts are found before a registry is asked: it may take long
    new = [image for image in look_up if image not in asked]
    if new:
        from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.images import ask_registry

        images = {**images, **ask_registry(client, new, registry_header(options))}
    if look_up:
        plan = reconcile(bound, observed, options, images)
        if plan.changed and "all_services" not in observed:
            observed = _closer(client, wanted, observed, options, kept)
            plan = reconcile(bound, observed, options, images)
    identity = plan_id(stack, wanted_by(wanted.state, options, images, observed.get("key")), observed)
    plan = with_mask(plan, options["mask"])
    return Planned(bound, observed, images, asked | frozenset(look_up), plan, identity)


def _closer(
    client: EngineClient,
    wanted: Wanted,
    observed: Observed,
    options: Options,
    kept: Optional[Callable[[], Mapping[str, Any]]],
) -> Observed:
    closer = look_closer(client, observed, wanted.state)
    if wanted.state.get("routes"):
        from ansible_collections.stackwright.swarm.plugins.module_utils.routing.conflicts import check_before_deploy

        check_before_deploy(wanted.state, closer["all_services"])
    closer["kept"] = kept() if kept is not None else kept_by_history(client, wanted.stack, options)
    return closer


def kept_by_history(client: EngineClient, stack: str, options: Options) -> Mapping[str, Any]:
    """The configs and secrets that the history needs, as ``gone_objects`` takes them."""
    from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.history import History
    from ansible_collections.stackwright.swarm.plugins.module_utils.history.retention import kept_references

    return kept_references(History(client, None, stack).read(), options["keep_revisions"] - 1)


def _pull_again(client: EngineClient, stack: str, observed: Observed, options: Options) -> FrozenSet[str]:
    """The services whose image could not be pulled, where there are credentials to try again with."""
    short = [service for service in observed["services"] if at_a_glance(service) is None]
    if not short or not (options["with_registry_auth"] or options["registry_auth"]):
        return frozenset()
    from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.pulls import not_pulled

    header = registry_header(options)
    return frozenset(name for name, image in not_pulled(short, tasks_of(client, stack)) if header(image))
