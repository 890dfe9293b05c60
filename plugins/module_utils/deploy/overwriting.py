# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Before a deployment changes anything: the changes by others since the last revision that it would overwrite."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Sequence, Set, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.binding.hiding import hiding
from ansible_collections.stackwright.swarm.plugins.module_utils.binding.intended import intended_of, last_good
from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.observe import configs_named
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import DeployError, StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.drift.compare import compare
from ansible_collections.stackwright.swarm.plugins.module_utils.drift.findings import STACK, Drift, overwritten
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.history.encoding import unpack
from ansible_collections.stackwright.swarm.plugins.module_utils.history.retention import noted
from ansible_collections.stackwright.swarm.plugins.module_utils.history.revision import DEPLOYING, Revision
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import Plan
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.extra_step import (
    before_extra_step,
    lost_networks,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.ignore_rules import EXTRA, MISSING
from ansible_collections.stackwright.swarm.plugins.module_utils.request.options import FAIL
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import KEY_CONFIG, name_of

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.request.option_types import Options
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Network, Service
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import Observed

Drifts = List[Dict[str, Any]]


def warn_of_drift(
    client: EngineClient, stack: str, plan: Plan, observed: Observed, options: Options
) -> Tuple[Plan, Drifts]:
    """Returns the plan with a notice for each drift that it overwrites, and these drifts as data.

    ``observed`` has ``revisions``; if the cluster's key must be read, it is added to it. With ``on_drift: fail``,
    raises DeployError (``drift_found``, ``revision_damaged``).
    """
    revisions: Sequence[Revision] = observed["revisions"]
    try:
        target = last_good(stack, revisions)
        found, ours = _found(client, target, plan, observed, options)
    except StackwrightError as error:
        if error.error_code == "no_revision":  # nothing that others could have changed
            return plan, []
        if error.error_code != "revision_damaged" or options["on_drift"] == FAIL:
            raise
        text = f"can't check for changes made by others since the last deployment: {error.message}"
        return replace(plan, notices=tuple(sorted((*plan.notices, text)))), []
    if found and options["on_drift"] == FAIL:
        lines = "".join(f"\n  {drift}" for drift in found)
        raise DeployError(
            f"The stack {stack} was changed by others since revision {target.number}, and this run would overwrite "
            "the changes:"
            f"{lines}",
            "drift_found",
            "Add the changes to the files, or deploy with on_drift: warn. Nothing was changed.",
            {"drift": [drift.as_dict() for drift in found], "revision": target.number},
        )
    actions = {(op.kind, op.name): op.action for op in plan.operations}
    notices = [_notice(drift, actions.get((drift.object, drift.name), ""), target.number) for drift in found]
    notices += [f"overwrites {drift}" for drift in ours]
    return replace(plan, notices=tuple(sorted((*plan.notices, *notices)))), [drift.as_dict() for drift in found]


def _notice(drift: Drift, action: str, number: int) -> str:
    what = f"the {drift.object} {drift.name}"
    if drift.object == STACK:
        return drift.reason
    if (drift.kind, action) == (MISSING, "create"):
        return f"creates {what} again, which others removed since revision {number}"
    if (drift.kind, action) == (EXTRA, "remove"):
        return f"removes {what}, which others created since revision {number}"
    return f"overwrites changes made by others since revision {number}: {drift}"


def _found(
    client: EngineClient, target: Revision, plan: Plan, observed: Observed, options: Options
) -> Tuple[List[Drift], List[Drift]]:
    """Returns the drift that a plan overwrites: changes by others, and leftovers of our own runs."""
    compared, mask = _compared(client, target, observed, options)
    found, ours = (overwritten(drifts, plan.operations) for drifts in (compared.found, compared.ours))
    if any(drift.kind == EXTRA for drift in found):
        # Objects that a deployment without prune has left are not changes by others either.
        deployed = _ever_deployed(observed["revisions"])
        found = [drift for drift in found if drift.kind != EXTRA or (drift.object, drift.name) not in deployed]
    for revision in observed["revisions"]:
        # Leftovers of a failed or dead run of ours are not changes by others.
        left = revision.status == DEPLOYING or not revision.undone
        if found and revision.number > target.number and left and revision.packed and not revision.damaged:
            found = _common(found, _compared(client, revision, observed, options)[0].found)
    return [drift.masked(mask) for drift in found], [drift.masked(mask) for drift in ours]


def _compared(client: EngineClient, revision: Revision, observed: Observed, options: Options) -> Any:
    intended = intended_of(revision, {**options, "values": {}})
    if (
        ("$kept" in str(intended.snapshot) or noted(observed["revisions"]))
        and not observed.get("key")
        and not observed.get("history_key")
    ):
        keys = configs_named(client, [KEY_CONFIG])
        observed["history_key"] = str(keys[0]["Spec"].get("Data") or "") if keys else ""
    binder = options.get("binder")
    known = binder.of_versions if binder is not None else _none
    # An extra step that a dead run has left is not a change by others.
    lost = lost_networks([service["Spec"] for service in observed["services"]], observed["networks"])
    networks: Dict[str, Network] = {name_of(network): network for network in (*lost, *observed["networks"])}
    services: List[Service] = [
        {**service, "Spec": before_extra_step(service["Spec"])} for service in observed["services"]
    ]
    observed = {**observed, "services": services, "networks": list(networks.values())}
    intended.resolve(client, observed, observed.get("key") or observed.get("history_key"), known)
    context = intended.context(observed, observed["revisions"], {})
    compared = compare(intended.bound, observed, context, intended.open)
    return compared, hiding(intended.snapshot, lambda data: data, options["mask"])


def _ever_deployed(revisions: Sequence[Revision]) -> Set[Tuple[str, str]]:
    """Returns the services and networks that any revision has."""
    ours: Set[Tuple[str, str]] = set()
    for revision in revisions:
        if revision.packed and not revision.damaged:
            snapshot = unpack(revision.packed)
            ours |= {("service", str(entry["name"])) for entry in snapshot["services"]}
            ours |= {("network", str(entry["name"])) for entry in snapshot["networks"]}
    return ours


def _none(labels: Mapping[str, str]) -> Mapping[str, str]:
    del labels
    return {}


def _common(found: Sequence[Drift], other: Sequence[Drift]) -> List[Drift]:
    """Returns the part of ``found`` that also differs from the other revision."""
    paths = {(d.object, d.name, change.path) for d in other for change in d.changes}
    whole = {(d.kind, d.object, d.name) for d in other if not d.changes}
    out: List[Drift] = []
    for drift in found:
        changes = tuple(c for c in drift.changes if (drift.object, drift.name, c.path) in paths)
        if changes or (not drift.changes and (drift.kind, drift.object, drift.name) in whole):
            out.append(replace(drift, changes=changes))
    return out
