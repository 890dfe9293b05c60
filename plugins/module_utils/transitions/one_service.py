# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans of changes to one service: scale, stop, start, restart, roll back, pause or resume an update, rerun a job."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import PlanError
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.differences import differences
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import Operation, Plan
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.extra_step import before_extra_step, is_stopped
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.services import mode_of, task_count
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm import normalise
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import (
    HANDING_OVER,
    HELD,
    MOVING,
    labels_of,
    name_of,
    spellings,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.scheduled import awake, is_scheduled
from ansible_collections.stackwright.swarm.plugins.module_utils.transitions.stop import stop_of

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Service, ServiceSpec

SCALED, RESTARTED, ROLLED_BACK = "scaled", "restarted", "rolled_back"
STOPPED, STARTED = "stopped", "started"
PAUSED, RESUMED, RUN = "paused", "resumed", "run"
AWAY, SETTLED = "moved", "settled"
#: Swarm has no call to pause an update, so this delay (ten years, in nanoseconds) stops the next batch.
FOREVER = 10 * 365 * 24 * 3600 * 10**9
UNDER_WAY, STUCK = ("updating", "rollback_started"), ("paused", "rollback_paused")

Spec = Dict[str, Any]


def service_plan(
    live: Service,
    state: str,
    prefix: str,
    nodes: int,
    replicas: int = 0,
    old: Sequence[str] = (),
    runs: Sequence[Dict[str, object]] = (),
) -> Plan:
    """Returns the plan that brings a service to ``state``: one operation, with a reason even if nothing differs.

    ``old`` are the tasks that a restart replaces, or the id of the node that tasks leave. ``runs`` are the recorded
    runs of a job on a schedule; the last is the requested one.
    Raises PlanError (``unsafe_change``, ``no_previous``).
    """
    name = name_of(live)
    spec, reason = _WANTED[state](live, prefix, replicas, old)
    if state == RUN and is_scheduled(live["Spec"]):
        spec, reason = _run_on_schedule(live, list(runs))
    if spec is None:
        return Plan((Operation("keep", "service", name, reason=reason),))
    before, after = _shown(live["Spec"]), _shown(spec)
    changes = differences(before, after)
    payload = {"id": live["ID"], "version": live["Version"]["Index"], "spec": spec}
    restarts = 0
    if state != RUN and (state == RESTARTED or before["TaskTemplate"] != after["TaskTemplate"]):
        # Swarm only replaces tasks that no longer meet the constraints.
        restarts = 0 if state == SETTLED else task_count(live, nodes)
    operation = Operation("update", "service", name, reason=reason, changes=changes, restarts=restarts, payload=payload)
    return Plan((replace(operation, at_most=state == AWAY),))


def _shown(spec: Mapping[str, object]) -> Mapping[str, Any]:
    """Returns the normal form without the label that stores a stopped service's fields: users don't need to see it."""
    labels: Any = spec.get("Labels") or {}
    left = {name: text for name, text in labels.items() if name != HANDING_OVER}
    return normalise.service({**spec, "Labels": left})


def held_label(labels: Mapping[str, str], prefix: str) -> str:
    """Returns the label of a paused update, or empty text."""
    return next((start + HELD for start in spellings(prefix) if start + HELD in labels), "")


Wanted = Tuple[Optional[Spec], str]


def _scaled(live: Service, prefix: str, replicas: int, old: Sequence[str]) -> Wanted:
    del prefix, old
    spec, mode = live["Spec"], mode_of(live["Spec"])
    if mode != "Replicated":
        raise PlanError(
            f"service {name_of(live)} can't be scaled: its mode is {mode}.",
            hint="Only replicated services have a number of replicas.",
        )
    now = (spec["Mode"]["Replicated"] or {}).get("Replicas", 1)
    if now == replicas:
        return None, f"has {replicas} replica{'' if replicas == 1 else 's'}"
    before = before_extra_step(spec) if is_stopped(live) else spec
    return {**before, "Mode": {"Replicated": {"Replicas": replicas}}}, "scaled"


def _stopped(live: Service, prefix: str, replicas: int, old: Sequence[str]) -> Wanted:
    del prefix, replicas, old
    if mode_of(live["Spec"]).endswith("Job"):
        return None, "a job runs to its end"
    if is_stopped(live) or not task_count(live, 1):
        return None, "has no tasks"
    if HANDING_OVER in labels_of(live):
        raise PlanError(
            f"service {name_of(live)} is in the middle of a deployment that was interrupted.",
            hint="Deploy the stack again first: that completes it.",
        )
    return dict(stop_of(live["Spec"], (), stopped=True)), "stopped"


def _started(live: Service, prefix: str, replicas: int, old: Sequence[str]) -> Wanted:
    del prefix, replicas, old
    return (dict(before_extra_step(live["Spec"])), "started") if is_stopped(live) else (None, "is not stopped")


def _restarted(live: Service, prefix: str, replicas: int, old: Sequence[str]) -> Wanted:
    del prefix, replicas
    if not old:
        return None, "no task is older"
    return _forced(live["Spec"]), "restarted"


def _run(live: Service, prefix: str, replicas: int, old: Sequence[str]) -> Wanted:
    del prefix, replicas, old
    if not mode_of(live["Spec"]).endswith("Job"):
        raise PlanError(
            f"service {name_of(live)} is not a job, so it can't be run again.",
            hint="Use state: restarted to replace the tasks of a long-running service.",
        )
    return _forced(live["Spec"]), "run again"


def _run_on_schedule(live: Service, runs: List[Dict[str, object]]) -> Wanted:
    before = [str(run.get("slot") or "") for run in runs[:-1]]
    slot = str(runs[-1].get("slot") or "") if runs else ""
    if slot and max(before, default="") >= slot:
        return None, f"has already run for {slot}"
    return _forced(awake(live["Spec"], runs)), f"runs for {slot}" if slot else "run again"


def _forced(spec: ServiceSpec) -> Spec:
    """Returns the spec with a new ``ForceUpdate``: Swarm replaces all tasks, or runs the job again."""
    template = spec["TaskTemplate"]
    return {**spec, "TaskTemplate": {**template, "ForceUpdate": (template.get("ForceUpdate") or 0) + 1}}


def _away(live: Service, prefix: str, replicas: int, old: Sequence[str]) -> Wanted:
    """Adds a constraint: Swarm only replaces the tasks on nodes that do not meet it."""
    del prefix, replicas
    spec, node = live["Spec"], old[0]
    template = spec["TaskTemplate"]
    placement = template.get("Placement") or {}
    constraints = [*(placement.get("Constraints") or []), f"node.id!={node}"]
    labels = {**labels_of(live), MOVING: node}
    moved = {**template, "Placement": {**placement, "Constraints": constraints}}
    return {**spec, "Labels": labels, "TaskTemplate": moved}, "moved"


def _settled(live: Service, prefix: str, replicas: int, old: Sequence[str]) -> Wanted:
    """Removes the constraint of ``_away``. A task that meets the other constraints stays on its node."""
    del prefix, replicas, old
    spec, node = live["Spec"], labels_of(live).get(MOVING)
    if node is None:
        return None, "has not been moved"
    template = spec["TaskTemplate"]
    placement = template.get("Placement") or {}
    constraints = [text for text in placement.get("Constraints") or [] if text != f"node.id!={node}"]
    labels = {name: text for name, text in labels_of(live).items() if name != MOVING}
    settled = {**template, "Placement": {**placement, "Constraints": constraints}}
    return {**spec, "Labels": labels, "TaskTemplate": settled}, "settled"


def _rolled_back(live: Service, prefix: str, replicas: int, old: Sequence[str]) -> Wanted:
    del prefix, replicas, old
    if str((live.get("UpdateStatus") or {}).get("State") or "").startswith("rollback_"):
        return None, "was already rolled back"
    before = live.get("PreviousSpec")
    if not before:
        raise PlanError(
            f"service {name_of(live)} has no previous spec.",
            "no_previous",
            "Swarm stores one after the first update. Use stack_rollback to roll the whole stack back to a revision.",
        )
    if HANDING_OVER in (before.get("Labels") or {}):
        raise PlanError(
            f"service {name_of(live)}: its previous spec is only an intermediate step of its last update.",
            "no_previous",
            "Use stack_rollback to roll the whole stack back to a revision.",
        )
    if normalise.service(before) == normalise.service(live["Spec"]):
        return None, "the previous spec is the same"
    return dict(before), "rolled back"


def _paused(live: Service, prefix: str, replicas: int, old: Sequence[str]) -> Wanted:
    del replicas, old
    spec, labels = live["Spec"], labels_of(live)
    state = str((live.get("UpdateStatus") or {}).get("State") or "")
    if held_label(labels, prefix) or state in STUCK:
        return None, "its update is already paused"
    if state not in UNDER_WAY:
        return None, "no update is in progress"
    update = spec.get("UpdateConfig") or {}
    held = {**labels, prefix + HELD: str(update.get("Delay") or 0)}
    return {**spec, "Labels": held, "UpdateConfig": {**update, "Delay": FOREVER}}, "its update is paused"


def _resumed(live: Service, prefix: str, replicas: int, old: Sequence[str]) -> Wanted:
    del replicas, old
    spec, labels = live["Spec"], labels_of(live)
    state = str((live.get("UpdateStatus") or {}).get("State") or "")
    label = held_label(labels, prefix)
    if label:
        rest = {key: value for key, value in labels.items() if key != label}
        delay = int(labels[label]) if labels[label].isdecimal() else 0
        return {**spec, "Labels": rest, "UpdateConfig": {**(spec.get("UpdateConfig") or {}), "Delay": delay}}, "resumed"
    if state in STUCK:
        return dict(spec), "resumed"  # Swarm goes on when it gets the same spec again
    return None, "no update is paused"


_WANTED = {
    SCALED: _scaled,
    STOPPED: _stopped,
    STARTED: _started,
    RESTARTED: _restarted,
    ROLLED_BACK: _rolled_back,
    PAUSED: _paused,
    RESUMED: _resumed,
    RUN: _run,
    AWAY: _away,
    SETTLED: _settled,
}
