# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The reading half of a deployment: observe, bind, reconcile, and ask the registry; nothing is changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Dict, FrozenSet, List, Mapping, NamedTuple, Optional, Sequence

from ansible_collections.stackwright.swarm.plugins.module_utils.binding.bind import bind_all
from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.image_digests import ask_registry
from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.logins import (
    refused_by,
    registry_header,
    with_notices,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.observe import (
    Observed,
    nodes_of,
    observe,
    tasks_of,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.gate.failed_jobs import failed_jobs
from ansible_collections.stackwright.swarm.plugins.module_utils.health.statuses import at_a_glance
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import CHANGE, Plan, with_mask
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.plan_id import plan_id, wanted_by
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.image_pins import look_ups
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.reconcile import (
    own_services,
    reconcile,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.services import jobs_left
from ansible_collections.stackwright.swarm.plugins.module_utils.request.options import HEAL, IGNORE, detach
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.owner import labels_in, refuse_others

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.history.revision import Revision

Options = Mapping[str, Any]
Bound = Mapping[str, Any]
Revisions = Sequence["Revision"]


def _any(revisions: Revisions) -> None:
    del revisions


def _as_it_is(plan: Plan, bound: Bound, observed: Observed) -> Plan:
    del bound, observed
    return plan


class Wanted(NamedTuple):
    """The target of a stack: a DesiredState or a snapshot, and its binding to the objects in the Swarm.

    ``check`` raises under the lock where the history has moved on, ``revise`` makes more or less of a plan, and
    ``record`` gives the snapshot to record, where that is not simply what the plan makes of the stack.
    """

    state: Mapping[str, Any]
    bind: Callable[[EngineClient, Observed, bool], Bound]  # True: missing values are generated and stored
    check: Callable[[Revisions], None] = _any
    revise: Callable[[Plan, Bound, Observed], Plan] = _as_it_is
    record: Optional[Callable[[Planned], Mapping[str, Any]]] = None

    @property
    def stack(self) -> str:
        """The full name."""
        return str(self.state["stack"]["name"])


class Planned(NamedTuple):
    """What a look found out. ``images`` are the registry's answers, ``asked`` the images that it was asked for,
    ``drift`` what the plan overwrites of changes that others have made since the last revision, ``logins`` the
    registries that refuse the credentials."""

    bound: Bound
    observed: Observed
    images: Mapping[str, Any]
    asked: FrozenSet[str]
    plan: Plan
    id: str
    drift: Sequence[Mapping[str, Any]] = ()
    logins: Optional[Mapping[str, str]] = None


def from_files(desired: Mapping[str, Any], options: Options) -> Wanted:
    """The compiler's result for Compose files."""
    return Wanted(desired, lambda client, observed, write: bind_all(client, desired, observed, options, write))


def from_snapshot(snapshot: Mapping[str, Any], what: str, rerun_jobs: bool = False) -> Wanted:
    """The recorded state of a revision; ``what`` names it in errors."""

    def recalled(client: EngineClient, observed: Observed, write: bool) -> Bound:
        del write  # missing values can't be generated again
        from ansible_collections.stackwright.swarm.plugins.module_utils.binding.recall import recall

        bound = recall(client, snapshot, observed, what)
        return bound if rerun_jobs else jobs_left(bound)

    return Wanted(snapshot, recalled)


def make_plan(
    client: EngineClient,
    wanted: Wanted,
    options: Options,
    known: Optional[Planned] = None,
    history: Optional[Callable[[], Revisions]] = None,
) -> Planned:
    """Observes, binds and reconciles. If there is work, looks closer, asks the registry, and plans with that.

    Under the lock ``known`` is the look before it, whose answers of the registry are used again, and ``history`` gives
    the revisions (else they are read). Raises EngineError, PlanError and DeployError (``drift_found``).
    """
    stack = wanted.stack
    observed = observe(client, stack, wanted.state)
    refuse_others(options["identity"], stack, labels_in(observed, stack))
    if known is not None and known.observed.get("history_key"):
        observed["history_key"] = known.observed["history_key"]
    bound = wanted.bind(client, observed, False)

    def planned(images: Optional[Mapping[str, Any]] = None) -> Plan:
        made = wanted.revise(reconcile(bound, observed, options, images), bound, observed)
        if "all_services" not in observed:
            return made
        from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.closer import in_order, with_starts

        made = in_order(made, stack, observed)
        return with_starts(made, bound, observed) if "placing" in observed else made

    plan = planned()
    # Healing only restores changed objects.
    again = failed_jobs(client, stack, observed["services"]) if options["operation"] != HEAL else frozenset()
    options = {**options, "pull_again": _pull_again(client, stack, observed, options), "run_again": again}
    if options["pull_again"] or again:
        plan = planned()

    def asked_for() -> List[str]:
        steps = {op.name for op in plan.work(CHANGE)}
        return look_ups(bound, own_services(stack, observed), options["resolve_image"], options["pull_again"], steps)

    look_up = asked_for()
    images: Mapping[str, Any] = known.images if known else {}
    asked = known.asked if known else frozenset()
    if plan.changed:
        from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.closer import closer

        detach(options)
        observed = closer(client, wanted, observed, options, (bound, plan), history)
        bound = wanted.bind(client, observed, known is not None)
        plan = planned()  # conflicts are found before a registry is asked: it may take long
    new = [image for image in look_up if image not in asked]
    if new:
        images = {**images, **ask_registry(client, new, registry_header(options))}
    if look_up:
        plan = planned(images)
        if plan.changed and "all_services" not in observed:
            from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.closer import closer

            observed = closer(client, wanted, observed, options, (bound, plan), history)
            plan = planned(images)
    identity = plan_id(stack, wanted_by(wanted.state, options, images, observed.get("key")), observed)
    drift: List[Dict[str, Any]] = []
    if plan.changed and options["on_drift"] != IGNORE:
        from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.overwriting import warn_of_drift

        plan, drift = warn_of_drift(client, stack, plan, observed, options)
    logins = known.logins if known else None
    if plan.changed and (options["with_registry_auth"] or options["registry_auth"]):
        logins = refused_by(client, plan, options) if logins is None else logins
        plan = with_notices(plan, logins)
    plan = with_mask(plan, options["mask"])
    return Planned(bound, observed, images, asked | frozenset(look_up), plan, identity, drift, logins)


def _pull_again(client: EngineClient, stack: str, observed: Observed, options: Options) -> FrozenSet[str]:
    """The services whose image could not be pulled, if there are credentials for a retry."""
    if not (options["with_registry_auth"] or options["registry_auth"]):
        return frozenset()
    nodes = nodes_of(client, observed) if observed["services"] else []
    short = [service for service in observed["services"] if at_a_glance(service, nodes) is None]
    if not short:
        return frozenset()
    from ansible_collections.stackwright.swarm.plugins.module_utils.health.pulls import not_pulled

    header = registry_header(options)
    return frozenset(name for name, image in not_pulled(short, tasks_of(client, stack)) if header(image))
