# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What only a plan with work needs: a closer look, the order of its changes, and what it would overwrite."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable, Mapping, Optional, Sequence, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.binding.recreated_volumes import mounting
from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.observe import (
    Observed,
    attached_of,
    look_closer,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.route_book import told
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.history.retention import kept_references
from ansible_collections.stackwright.swarm.plugins.module_utils.history.revision import Revision
from ansible_collections.stackwright.swarm.plugins.module_utils.history.snapshot import hidden_texts
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import CHANGE, Plan
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.objects import removed_first
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.placing import needs_places
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.reconcile import node_count
from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.start_first import never_start
from ansible_collections.stackwright.swarm.plugins.module_utils.revisions.history import History, refuse_history
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.conflicts import check_before_deploy
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import ROUTE_BOOK, name_of
from ansible_collections.stackwright.swarm.plugins.module_utils.transitions.hand_over import hand_over
from ansible_collections.stackwright.swarm.plugins.module_utils.transitions.in_place import in_place

Options = Mapping[str, Any]
Bound = Mapping[str, Any]
Revisions = Sequence[Revision]


def in_order(plan: Plan, stack: str, observed: Mapping[str, Any], back: bool = False) -> Plan:
    """``plan`` in an order in which each published port is free when it is taken, and each network when it is
    recreated; raises as ``hand_over``."""
    anew = removed_first(plan.operations)
    work = plan.work(CHANGE)
    if not anew and not any(op.kind == "service" and (op.payload.get("spec") or {}).get("EndpointSpec") for op in work):
        return plan
    plan = hand_over(plan, stack, observed, node_count(observed), hidden_texts, back)
    if not anew:
        return plan
    return in_place(plan, stack, observed, node_count(observed), hidden_texts, back)


def with_starts(plan: Plan, bound: Bound, observed: Observed) -> Plan:
    """``plan`` with notices of updates that can never start a new task beside the old one."""
    return replace(plan, notices=tuple(sorted((*plan.notices, *never_start(bound, observed, plan.operations)))))


def closer(
    client: EngineClient,
    wanted: Any,
    observed: Observed,
    options: Options,
    known: Tuple[Bound, Plan],
    history: Optional[Callable[[], Revisions]],
) -> Observed:
    """What is observed, with all that the work of ``known`` (bound state, plan) asks for. Raises EngineError."""
    bound, plan = known
    found = look_closer(client, observed, wanted.state)
    if removed_first(plan.operations) or any(entry.get("replaces") for entry in bound["networks"]):
        found["attached"] = attached_of(client)
    olds = [entry["old"] for entry in bound.get("recreated") or ()]
    if olds:
        found["mounting"] = mounting(client, wanted.stack, str(observed["info"].get("Name") or ""), olds)
    if needs_places(plan.operations):
        running = {"filters": {"desired-state": ["running"]}}
        found["placing"] = {"nodes": client.list("/nodes"), "tasks": client.list("/tasks", running)}
        if any(op.payload.get("unplaced") for op in plan.operations):
            found["placing"]["volumes"] = (client.get("/volumes") or {}).get("Volumes") or []
    if wanted.state.get("routes"):
        record: Mapping[str, Any] = {}
        if options["takes"] or any(name_of(secret) == ROUTE_BOOK for secret in found["secrets"]):
            record = told(client, wanted.stack, found, options)
        takes = frozenset((*options["takes"], *record.get("takes", ())))
        check_before_deploy(wanted.state, found["all_services"], takes, record.get("yields", ()))
    found["revisions"] = history() if history is not None else _history(client, wanted.stack, options)
    found["kept"] = kept_references(found["revisions"], options["keep_revisions"] - 1)
    return found


def _history(client: EngineClient, stack: str, options: Options) -> Revisions:
    revisions = History(client, None, stack).read()
    refuse_history(options["identity"], stack, revisions)
    return revisions
