# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How one service does, from one snapshot: a pure function."""

from __future__ import annotations

import re
from typing import AbstractSet, Any, Dict, List, Mapping, NamedTuple, Sequence, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.health.nodes import eligible
from ansible_collections.stackwright.swarm.plugins.module_utils.health.statuses import (
    ASLEEP,
    COMPLETE,
    DEGRADED,
    FAILED,
    HEALTHY,
    PROGRESSING,
    Judgement,
    mode_of,
    replicas_of,
    update_state,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.health.tasks import (
    ENDED_BADLY,
    Task,
    by_slot,
    error_of,
    is_current,
    state_of,
)

#: Errors of a task that no further try on the same node mends.
HOPELESS = re.compile(
    r"no such image|manifest .*(unknown|not found)|pull access denied|repository .* not found|invalid mount config"
    r"|executable file not found|invalid reference format",
    re.IGNORECASE,
)


class View(NamedTuple):
    """What judging needs beside the service and its tasks."""

    nodes: Sequence[Mapping[str, Any]] = ()
    old_failures: AbstractSet[str] = frozenset()  # ids of tasks that had failed before
    old_update: Tuple[str, str] = ("", "")  # state and start of an update that was over before
    since: str = ""  # when an update replaced tasks although their specification is the same
    restarts: int = 3  # so many failures of one slot are a crash loop


class Seen(NamedTuple):
    """The tasks of one service that count, sorted out."""

    running: List[Task]
    failures: List[Task]  # of now, the newest first
    waiting: List[Task]  # have no node
    outdated: List[Task]  # still running on an older specification
    most_failures: int  # in one slot


def sort_out(service: Mapping[str, Any], tasks: Sequence[Task], view: View) -> Seen:
    """The current tasks of ``service`` by what they do."""
    current = [task for task in tasks if is_current(task, service, view.since)]
    ids = {task["ID"] for task in current}
    outdated = [
        task
        for task in tasks
        if task["ID"] not in ids and task.get("DesiredState") == "running" and state_of(task) == "running"
    ]
    running, waiting, failures = [], [], []
    most = 0
    for slot in by_slot(current).values():
        live = [task for task in slot if task.get("DesiredState") in ("running", "ready", "complete")]
        running += [task for task in live[:1] if state_of(task) == "running" and task["DesiredState"] == "running"]
        waiting += [task for task in live[:1] if state_of(task) == "pending" and error_of(task)]
        bad = [task for task in slot if state_of(task) in ENDED_BADLY and task["ID"] not in view.old_failures]
        failures += bad
        most = max(most, len(bad))
    failures.sort(key=lambda task: str(task.get("CreatedAt")), reverse=True)
    return Seen(running, failures, waiting, outdated, most)


def judge(service: Mapping[str, Any], tasks: Sequence[Task], view: View) -> Judgement:
    """The judgement of one service by ``tasks`` (of this service)."""
    spec = service["Spec"]
    mode = mode_of(spec)
    seen = sort_out(service, tasks, view)
    if mode.endswith("job"):
        return _job(service, tasks, mode, seen, view)
    desired = replicas_of(spec) if mode == "replicated" else len(eligible(view.nodes, spec["TaskTemplate"]))
    running = len(seen.running)
    state, message = update_state(service), _message(seen)
    moving = state in ("updating", "rollback_started")
    fatal = _fatal(service, seen, view)
    if desired == 0 and not seen.outdated:
        left = [task for task in tasks if state_of(task) == "running"]
        return Judgement(spec["Name"], PROGRESSING if left else ASLEEP, mode, 0, len(left), "stopping" if left else "")
    if fatal:
        return Judgement(
            spec["Name"], DEGRADED if running or seen.outdated else FAILED, mode, desired, running, message, fatal
        )
    if running >= desired and not seen.outdated and not moving:
        return Judgement(spec["Name"], HEALTHY, mode, desired, running)
    if not seen.failures:
        return Judgement(spec["Name"], PROGRESSING, mode, desired, running, message)
    return Judgement(spec["Name"], DEGRADED if running else FAILED, mode, desired, running, message)


def _job(service: Mapping[str, Any], tasks: Sequence[Task], mode: str, seen: Seen, view: View) -> Judgement:
    spec = service["Spec"]
    name, running = spec["Name"], len(seen.running)
    done = sum(1 for task in tasks if state_of(task) == "complete" and is_current(task, service))
    desired = replicas_of(spec) if mode == "replicated-job" else len(eligible(view.nodes, spec["TaskTemplate"]))
    if done >= desired:
        return Judgement(name, COMPLETE, mode, desired, running)
    fatal = _fatal(service, seen, view)
    if not fatal and seen.failures and not _restarts(spec):
        fatal = _last_error(seen)
    if fatal or (seen.failures and not running):
        return Judgement(name, FAILED, mode, desired, running, _message(seen), fatal)
    return Judgement(name, PROGRESSING, mode, desired, running, _message(seen) or f"{done} of {desired} complete")


def _restarts(spec: Mapping[str, Any]) -> bool:
    policy = spec["TaskTemplate"].get("RestartPolicy") or {}
    return policy.get("Condition", "any") != "none"


def _fatal(service: Mapping[str, Any], seen: Seen, view: View) -> str:
    update = service.get("UpdateStatus") or {}
    state, started = str(update.get("State") or ""), str(update.get("StartedAt") or "")
    fresh = (state, started) != view.old_update
    if fresh and state in ("rollback_completed", "rollback_paused"):
        return f"Swarm rolled the update back: {update.get('Message') or state}. {_last_error(seen)}".strip()
    if state in ("paused", "rollback_paused") and seen.outdated:
        return f"the update is paused: {update.get('Message') or state}. {_last_error(seen)}".strip()
    if fresh and state == "paused":
        return f"Swarm paused the update: {update.get('Message') or state}. {_last_error(seen)}".strip()
    for task in seen.failures:
        if HOPELESS.search(error_of(task)):
            return error_of(task)
    if seen.most_failures >= view.restarts:
        return f"its tasks end again and again ({seen.most_failures} times in one slot): {_last_error(seen)}"
    mode = mode_of(service["Spec"])
    ended_for_good = not _restarts(service["Spec"]) and seen.failures and not seen.running and mode == "replicated"
    return _last_error(seen) if ended_for_good else ""


def _last_error(seen: Seen) -> str:
    return error_of(seen.failures[0]) if seen.failures else ""


def _message(seen: Seen) -> str:
    if seen.failures:
        return _last_error(seen)
    if seen.waiting:
        return error_of(seen.waiting[0])
    return f"{len(seen.outdated)} tasks still run the old specification" if seen.outdated else ""


def tasks_by_service(tasks: Sequence[Task]) -> Dict[str, List[Task]]:
    """Tasks by the id of their service."""
    out: Dict[str, List[Task]] = {}
    for task in tasks:
        out.setdefault(str(task.get("ServiceID")), []).append(task)
    return out
