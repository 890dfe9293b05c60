# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The second comparison, of a run that has changes: everything that the plan depends on, the order of the changes, and
changes by others that it would overwrite.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Callable, FrozenSet, Mapping, Optional, Sequence, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.binding.recreated_volumes import mounting
from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.image_digests import ask_registry
from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.logins import (
    refused_by,
    registry_header,
    with_notices,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.observe import (
    attached_of,
    look_closer,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.route_book import read_deployment_facts
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.look import (
    Planned,
    Wanted,
    observed_of,
    planned,
    with_retries,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.history.retention import kept_references
from ansible_collections.stackwright.swarm.plugins.module_utils.history.revision import Revision
from ansible_collections.stackwright.swarm.plugins.module_utils.history.snapshot import hidden_texts
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import CHANGE, Plan
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.image_pins import look_ups
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.objects import removed_first
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.placing import needs_places
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.reconcile import (
    node_count,
    own_services,
    reconcile,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.findings import ERROR, sentence
from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.host_ports import contested, unplaceable
from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.start_first import never_start
from ansible_collections.stackwright.swarm.plugins.module_utils.request.options import IGNORE
from ansible_collections.stackwright.swarm.plugins.module_utils.revisions.history import History, refuse_history
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.conflicts import check_before_deploy
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import ROUTE_BOOK, name_of
from ansible_collections.stackwright.swarm.plugins.module_utils.transitions.hand_over import hand_over
from ansible_collections.stackwright.swarm.plugins.module_utils.transitions.in_place import in_place
from ansible_collections.stackwright.swarm.plugins.module_utils.transitions.with_snapshots import (
    RESTORE,
    with_snapshots,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.volumes.in_plan import steps
from ansible_collections.stackwright.swarm.plugins.module_utils.volumes.quiesce import STOP

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.request.option_types import Options
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import Observed, Placing, State

Revisions = Sequence[Revision]


def in_order(plan: Plan, stack: str, observed: Observed, back: bool = False) -> Plan:
    """Returns ``plan`` in an order in which each port is free before another service publishes it, and each network
    unused before it is recreated. Raises as ``hand_over``."""
    recreated = removed_first(plan.operations)
    work = plan.work(CHANGE)
    if not recreated and not any(
        op.kind == "service" and (op.payload.get("spec") or {}).get("EndpointSpec") for op in work
    ):
        return plan
    plan = hand_over(plan, stack, observed, node_count(observed), hidden_texts, back)
    if not recreated:
        return plan
    return in_place(plan, stack, observed, node_count(observed), hidden_texts, back)


def with_volumes(client: EngineClient, plan: Plan, stack: str, observed: Observed, options: Options) -> Plan:
    """Returns ``plan`` with the snapshots of volumes before it. Raises as ``steps``."""
    volumes = steps(client, stack, plan, observed, options, observed["revisions"])
    stop = options["snapshot_quiesce"] == STOP or any(op.action == RESTORE for op in volumes)
    return with_snapshots(plan, stack, observed, node_count(observed), hidden_texts, volumes, stop)


def with_starts(plan: Plan, bound: State, observed: Observed) -> Plan:
    """Returns ``plan`` with notices about updates that can never start a new task beside the old one."""
    return replace(plan, notices=tuple(sorted((*plan.notices, *never_start(bound, observed, plan.operations)))))


def with_host_ports(client: EngineClient, plan: Plan, bound: State, observed: Observed, options: Options) -> Plan:
    """Returns ``plan`` with notices about services whose host-mode ports may not be free on any node. Raises
    EngineError (``host_port``) if that is certain and the run waits for the tasks."""
    found = contested(bound, observed, plan.operations)
    if not found.keys:
        return plan
    placing = observed.get("placing") or _placing(client)
    notices = []
    for finding in unplaceable(bound, found, observed["all_services"], placing):
        text = sentence({**finding, "hint": ""})
        if finding["level"] == ERROR and options["wait"]:
            raise EngineError(text, finding["code"], f"{finding['hint']} Nothing was changed.")
        notices.append(text)
    return replace(plan, notices=tuple(sorted((*plan.notices, *notices))))


def _placing(client: EngineClient) -> Placing:
    running = {"filters": {"desired-state": ["running"]}}
    return {"nodes": client.list("/nodes"), "tasks": client.list("/tasks", running)}


def with_registry_answers(client: EngineClient, stack: str, seen: Planned, options: Options) -> Planned:
    """Returns ``seen`` with the registries' answers about the images and credentials of its plan. May take long."""
    options = with_retries(client, stack, seen.observed, options)
    return _with_logins(client, _answered(client, stack, seen, options), options)


def _answered(client: EngineClient, stack: str, seen: Planned, options: Options) -> Planned:
    """Returns ``seen`` with the answers about all images that its plan needs; ``seen`` itself if none is missing."""
    steps = {op.name for op in seen.plan.work(CHANGE)}
    current = own_services(stack, seen.observed)
    needed = look_ups(seen.bound, current, options["resolve_image"], options["pull_again"], steps)
    new = [image for image in needed if image not in seen.asked]
    if not new:
        return seen
    images = {**seen.images, **ask_registry(client, new, registry_header(options))}
    return seen._replace(images=images, asked=seen.asked | frozenset(new))


def _with_logins(client: EngineClient, seen: Planned, options: Options) -> Planned:
    if seen.logins is not None or not (options["with_registry_auth"] or options["registry_auth"]):
        return seen
    return seen._replace(logins=refused_by(client, seen.plan, options))


def whole_plan(
    client: EngineClient,
    wanted: Wanted,
    options: Options,
    seen: Planned,
    history: Optional[Callable[[], Revisions]] = None,
) -> Planned:
    """Returns the whole plan, after a comparison that found differences (``seen``).

    Under the lock, ``history`` returns the revisions. Then the stack is observed again, and missing values are
    generated, but not stored yet. Raises EngineError, PlanError and DeployError (``drift_found``).
    """
    stack, is_locked = wanted.stack, history is not None
    observed = observed_of(client, wanted, options) if is_locked else seen.observed
    if seen.observed.get("history_key"):
        observed["history_key"] = seen.observed["history_key"]
    options = with_retries(client, stack, observed, options)
    needs = _needs(seen.bound, seen.plan)
    while True:
        observed = _observe_rest(client, wanted, observed, options, needs, history)
        bound = wanted.bind(client, observed, is_locked)
        seen = _answered(client, stack, seen._replace(bound=bound, observed=observed), options)
        plan = wanted.revise(reconcile(bound, observed, options, seen.images), bound, observed)
        seen = seen._replace(plan=plan)
        asked = _answered(client, stack, seen, options)
        more = _needs(bound, plan)
        if asked is seen and more <= needs:
            break
        # Others have changed the stack since the first comparison: this plan needs more.
        seen, needs = asked, needs | more
    plan = with_volumes(client, in_order(plan, stack, observed), stack, observed, options)
    if "placing" in observed:
        plan = with_starts(plan, bound, observed)
    plan = with_host_ports(client, plan, bound, observed, options)
    drift: Sequence[Mapping[str, Any]] = ()
    if plan.changed and options["on_drift"] != IGNORE:
        from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.overwriting import warn_of_drift

        plan, drift = warn_of_drift(client, stack, plan, observed, options)
    seen = seen._replace(plan=plan)
    if plan.changed:
        seen = _with_logins(client, seen, options)
        plan = with_notices(plan, seen.logins or {})
    made = planned(wanted, bound, observed, options, plan, seen.images, seen.asked)
    return made._replace(drift=drift, logins=seen.logins)


def _needs(bound: State, plan: Plan) -> FrozenSet[Tuple[str, str]]:
    """Returns what must be observed to carry out ``plan``: pairs of a key of Observed, and a detail."""
    found = {("mounting", entry["old"]) for entry in bound.get("recreated") or ()}
    if removed_first(plan.operations) or any(entry.get("replaces") for entry in bound["networks"]):
        found.add(("attached", ""))
    if needs_places(plan.operations):
        found.add(("placing", ""))
    if any(op.payload.get("unplaced") for op in plan.operations):
        found.add(("placing", "volumes"))
    return frozenset(found)


def _observe_rest(
    client: EngineClient,
    wanted: Wanted,
    observed: Observed,
    options: Options,
    needs: FrozenSet[Tuple[str, str]],
    history: Optional[Callable[[], Revisions]],
) -> Observed:
    """Returns ``observed`` with ``needs``, all services and the history. Raises EngineError."""
    found: Observed
    found = look_closer(client, observed, wanted.state) if "all_services" not in observed else {**observed}
    if ("attached", "") in needs:
        found["attached"] = attached_of(client)
    olds = sorted(name for part, name in needs if part == "mounting")
    if olds:
        found["mounting"] = mounting(client, wanted.stack, str(observed["info"].get("Name") or ""), olds)
    if ("placing", "") in needs:
        found["placing"] = _placing(client)
        if ("placing", "volumes") in needs:
            found["placing"]["volumes"] = (client.get("/volumes") or {}).get("Volumes") or []
    if wanted.state.get("routes"):
        record: Mapping[str, Any] = {}
        if options["takes"] or any(name_of(secret) == ROUTE_BOOK for secret in found["secrets"]):
            record = read_deployment_facts(client, wanted.stack, found, options)
        takes = frozenset((*options["takes"], *record.get("takes", ())))
        check_before_deploy(wanted.state, found["all_services"], takes, record.get("yields", ()))
    found["revisions"] = history() if history is not None else _history(client, wanted.stack, options)
    found["kept"] = kept_references(found["revisions"], options["keep_revisions"] - 1)
    return found


def _history(client: EngineClient, stack: str, options: Options) -> Revisions:
    revisions = History(client, None, stack).read()
    refuse_history(options["identity"], stack, revisions)
    return revisions
