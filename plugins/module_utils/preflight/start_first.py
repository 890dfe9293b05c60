# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds updates with ``order: start-first`` that can't work, because no node can run a new task beside the old ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Sequence

from ansible_collections.stackwright.swarm.plugins.module_utils.health.nodes import hostname
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import Operation
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.placing import starts_first, tasks_of
from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.facts import (
    Seen,
    is_global,
    replicas,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.findings import named
from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.placement import eligible, fits
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import id_of, name_of
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.ports import asked, held, words

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Service
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import (
        Observed,
        ServiceEntry,
        State,
    )


def never_start(desired: State, observed: Observed, operations: Sequence[Operation]) -> List[str]:
    """Returns a notice for each update of ``operations`` that has no node for its first new task."""
    placing = observed["placing"]
    services = observed.get("all_services") or observed["services"]
    seen = Seen(desired, placing["nodes"], services, placing["tasks"], {})
    notices = []
    for op in operations:
        spec: Any = op.payload.get("spec") or {}
        if op.action == "update" and op.restarts and not op.extra and starts_first(spec):
            why = _why(seen, {"name": op.name, "key": op.key, "spec": spec})
            if why:
                notices.append(
                    f"service {op.key}: its update can't work with order: start-first: {why}; use stop-first"
                )
    return notices


def _why(seen: Seen, service: ServiceEntry) -> str:
    """Returns why no eligible node can take a new task; empty if one can."""
    live = seen.own[service["name"]]
    may = eligible(fits(seen, service))
    tasks = list(tasks_of(live, seen.tasks))
    kept = asked(service["spec"]).shared(held(live))
    if is_global(service):
        full = [node for node in may if kept and any(task["NodeID"] == node["ID"] for task in tasks)]
        return f"{words(kept)} of {named([hostname(node) for node in full])} is its old task's" if full else ""
    if not may or replicas(service) < len(tasks):
        return ""  # placement_findings reports it, or surplus tasks end first
    most = int((service["spec"]["TaskTemplate"].get("Placement") or {}).get("MaxReplicas") or 0)
    on: Dict[str, int] = {}
    for task in tasks:
        on[task["NodeID"]] = on.get(task["NodeID"], 0) + 1
    reasons: Dict[str, List[str]] = {}
    ours = False
    for node in may:
        count = on.get(id_of(node), 0)
        if kept and count:
            reason, ours = f"its old task has {words(kept)}", True
        elif most and count >= most:
            reason, ours = f"max_replicas_per_node {most} is reached", True
        else:
            reason = _taken_by_others(seen, service, live, id_of(node))
        if not reason:
            return ""
        reasons.setdefault(reason, []).append(hostname(node))
    return "; ".join(f"on {named(nodes)}, {reason}" for reason, nodes in reasons.items()) if ours else ""


def _taken_by_others(seen: Seen, service: ServiceEntry, live: Service, node: str) -> str:
    for other in seen.services:
        ports = asked(service["spec"]).shared(held(other))
        if ports and id_of(other) != id_of(live) and any(t["NodeID"] == node for t in tasks_of(other, seen.tasks)):
            return f"{name_of(other)} has {words(ports)}"
    return ""
