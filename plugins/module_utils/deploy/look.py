# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first comparison of a deployment: observe, bind, plan; nothing is changed. If there are changes, closer.py
continues.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, FrozenSet, Mapping, NamedTuple, Optional, Sequence

from ansible_collections.stackwright.swarm.plugins.module_utils.binding.bind import bind_all
from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.image_digests import ask_registry
from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.logins import registry_header
from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.observe import (
    nodes_of,
    observe,
    tasks_of,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.gate.failed_jobs import failed_jobs
from ansible_collections.stackwright.swarm.plugins.module_utils.health.statuses import at_a_glance
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import Plan, with_mask
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.plan_id import plan_id, plan_inputs
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.image_pins import ALWAYS, look_ups
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.reconcile import (
    own_services,
    reconcile,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.services import with_jobs_skipped
from ansible_collections.stackwright.swarm.plugins.module_utils.request.options import HEAL
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.owner import labels_in, refuse_others

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.binding.kept_values import Values
    from ansible_collections.stackwright.swarm.plugins.module_utils.binding.pinned import Pinned
    from ansible_collections.stackwright.swarm.plugins.module_utils.history.revision import Revision
    from ansible_collections.stackwright.swarm.plugins.module_utils.request.option_types import Options
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import (
        Answer,
        Observed,
        Snapshot,
        State,
    )

Revisions = Sequence["Revision"]


def _any(revisions: Revisions) -> None:
    del revisions


def _as_it_is(plan: Plan, bound: State, observed: Observed) -> Plan:
    del bound, observed
    return plan


class Wanted(NamedTuple):
    """The target of a stack: a DesiredState or a snapshot, and its binding to the objects in the Swarm.

    ``check`` raises under the lock if the history has a newer revision. ``revise`` changes the plan. ``record`` returns
    the snapshot to record; without it, that is the stack after the plan.
    """

    state: State
    bind: Callable[[EngineClient, Observed, bool], State]  # True: missing values are generated, to be stored
    check: Callable[[Revisions], None] = _any
    revise: Callable[[Plan, State, Observed], Plan] = _as_it_is
    record: Optional[Callable[[Planned], Snapshot]] = None
    values: Optional[Values] = None  # the kept values that ``bind`` chooses, and that must be stored

    @property
    def stack(self) -> str:
        """The full name."""
        return str(self.state["stack"]["name"])


class Planned(NamedTuple):
    """The result of a comparison. ``images`` are the registry's answers, ``asked`` the images that it was asked for,
    ``drift`` the changes by others since the last revision that the plan overwrites, ``logins`` the registries that
    refuse the credentials."""

    bound: State
    observed: Observed
    images: Mapping[str, Any]
    asked: FrozenSet[str]
    plan: Plan
    id: str
    drift: Sequence[Mapping[str, Any]] = ()
    logins: Optional[Mapping[str, str]] = None


def from_files(desired: State, options: Options) -> Wanted:
    """Returns the target for the compiler's result."""
    values = options.get("binder")
    return Wanted(
        desired,
        lambda client, observed, write: bind_all(client, desired, observed, options, write),
        values=values,
    )


def from_snapshot(snapshot: Snapshot, what: str, rerun_jobs: bool = False, values: Optional[Pinned] = None) -> Wanted:
    """Returns the target for the recorded state of a revision; ``what`` names it in errors, ``values`` are its kept
    values."""

    def recalled(client: EngineClient, observed: Observed, write: bool) -> State:
        del write  # missing values can't be generated again
        from ansible_collections.stackwright.swarm.plugins.module_utils.binding.recall import recall

        bound = recall(client, snapshot, observed, what, values=values)
        return bound if rerun_jobs else with_jobs_skipped(bound)

    return Wanted(snapshot, recalled)


def look(client: EngineClient, wanted: Wanted, options: Options) -> Planned:
    """Observes, binds and plans: enough to see whether anything differs. ``closer.whole_plan`` completes the plan.

    Asks a registry only with ``resolve_image: always``. Raises EngineError and PlanError.
    """
    observed = observed_of(client, wanted, options)
    bound = wanted.bind(client, observed, False)
    options = with_retries(client, wanted.stack, observed, options)
    images: Mapping[str, Any] = {}
    asked: Sequence[str] = ()
    if options["resolve_image"] == ALWAYS:
        asked = look_ups(bound, own_services(wanted.stack, observed), ALWAYS)
        images = ask_registry(client, asked, registry_header(options))
    plan = wanted.revise(reconcile(bound, observed, options, images), bound, observed)
    return planned(wanted, bound, observed, options, plan, images, frozenset(asked))


def planned(
    wanted: Wanted,
    bound: State,
    observed: Observed,
    options: Options,
    plan: Plan,
    images: Mapping[str, Answer],
    asked: FrozenSet[str],
) -> Planned:
    """Returns the comparison with the masked plan and the plan's id."""
    identity = plan_id(wanted.stack, plan_inputs(wanted.state, options, images, observed.get("key")), observed)
    return Planned(bound, observed, images, asked, with_mask(plan, options["mask"]), identity)


def observed_of(client: EngineClient, wanted: Wanted, options: Options) -> Observed:
    """Returns the stack's current state. Raises EngineError (``conflict`` if the name belongs to another stack)."""
    observed = observe(client, wanted.stack, wanted.state)
    refuse_others(options["identity"], wanted.stack, labels_in(observed, wanted.stack))
    return observed


def with_retries(client: EngineClient, stack: str, observed: Observed, options: Options) -> Options:
    """Returns ``options`` with the services to send again although nothing differs: an image could not be pulled, or
    a job failed."""
    # Healing only restores changed objects.
    again = failed_jobs(client, stack, observed["services"]) if options["operation"] != HEAL else frozenset()
    return {**options, "pull_again": _pull_again(client, stack, observed, options), "run_again": again}


def _pull_again(client: EngineClient, stack: str, observed: Observed, options: Options) -> FrozenSet[str]:
    """Returns the services whose image could not be pulled, if there are credentials for a retry."""
    if not (options["with_registry_auth"] or options["registry_auth"]):
        return frozenset()
    nodes = nodes_of(client, observed) if observed["services"] else []
    short = [service for service in observed["services"] if at_a_glance(service, nodes) is None]
    if not short:
        return frozenset()
    from ansible_collections.stackwright.swarm.plugins.module_utils.health.pulls import not_pulled

    header = registry_header(options)
    return frozenset(name for name, image in not_pulled(short, tasks_of(client, stack)) if header(image))
