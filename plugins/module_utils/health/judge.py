# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judges the status of one service from one snapshot. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Callable, Dict, List, Sequence

from ansible_collections.stackwright.swarm.plugins.module_utils.health.declared import still_stopping
from ansible_collections.stackwright.swarm.plugins.module_utils.health.lost import left_on_lost, trouble
from ansible_collections.stackwright.swarm.plugins.module_utils.health.nodes import eligible
from ansible_collections.stackwright.swarm.plugins.module_utils.health.seen import Seen, View, condition_of, sort_out
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
    error_of,
    how_it_ended,
    seconds,
    state_of,
    timestamp,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.scheduled import is_scheduled

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Service, ServiceSpec, Task

#: Errors of a task that no retry on the same node fixes.
HOPELESS = re.compile(
    r"no such image|manifest .*(unknown|not found)|pull access denied|repository .* not found|invalid mount config"
    r"|executable file not found|invalid reference format|exec format error|exec: .*(no such file|permission denied)"
    r"|error looking up (volume|logging) plugin|no log driver named|unable to find (user|group) "
    r"|unknown (or invalid )?runtime",
    re.IGNORECASE,
)
ROLLED_BACK = ("rollback_started", "rollback_paused", "rollback_completed")

#: What a starting task waits for, by its state.
STAGES = {
    "new": "waits for the Swarm to allocate its networks",
    "pending": "waits for a node",
    "assigned": "waits for its node to accept it",
    "accepted": "waits for its node to start it",
    "preparing": "is being prepared: images, volumes, networks",
    "ready": "waits to be started",
    "starting": "has started, and is not healthy yet",
}


def judge(service: Service, tasks: Sequence[Task], view: View) -> Judgement:
    """Returns the judgement of one service from its ``tasks``."""
    return judge_seen(service, tasks, sort_out(service, tasks, view), view)


def judge_seen(service: Service, tasks: Sequence[Task], seen: Seen, view: View) -> Judgement:
    """As ``judge``, with the tasks already sorted."""
    spec = service["Spec"]
    mode = mode_of(spec)
    desired = _desired(spec, mode, view)
    why, lost = "", ""
    if seen.good < desired:
        moving = bool(seen.coming or seen.outdated) or update_state(service) == "updating"
        why, lost = trouble(service, tasks, seen.unplaced, moving, view.nodes, view.old_lost)
    running, message = len(seen.running), message_of(seen, why)

    def judgement(status: str, text: str = message, fatal: str = "") -> Judgement:
        return Judgement(spec["Name"], status, mode, desired, running, text, fatal, why, lost)

    if mode.endswith("job"):
        return _job(spec, seen, view, judgement)
    if desired == 0 and not seen.outdated:
        gone = {task["ID"] for task in left_on_lost(tasks, view.nodes)}
        left = [task for task in tasks if state_of(task) == "running" and task["ID"] not in gone]
        if left:
            text = still_stopping(seen.stopping, "") or "stopping"
            return Judgement(spec["Name"], PROGRESSING, mode, 0, len(left), text)
        return judgement(ASLEEP, "" if mode == "replicated" else "no node matches, so it has no tasks")
    fatal = _fatal(service, tasks, seen, view, desired)
    if fatal:
        return judgement(DEGRADED if running or seen.outdated else FAILED, fatal=fatal)
    if seen.good >= desired and not seen.outdated:
        if view.observe and update_state(service) == "updating" and not seen.left_behind:
            return judgement(PROGRESSING, "all tasks are running; Swarm still monitors the update")
        return judgement(HEALTHY if running else COMPLETE, "")
    if _waits_too_long(seen, view):
        return judgement(DEGRADED if running else FAILED, fatal=why)
    if not seen.failures and (not why or (seen.stuck and not lost)):
        return judgement(PROGRESSING)
    return judgement(DEGRADED if running else FAILED)


def _desired(spec: ServiceSpec, mode: str, view: View) -> int:
    if mode.startswith("replicated"):
        return replicas_of(spec)
    return len(eligible(view.nodes, spec["TaskTemplate"]))


def _job(spec: ServiceSpec, seen: Seen, view: View, judgement: Callable[..., Judgement]) -> Judgement:
    desired, running = judgement("").desired, len(seen.running)
    if len(seen.done) >= desired:
        return judgement(COMPLETE if desired else ASLEEP, "")
    if is_scheduled(spec) and not view.asked:
        # This run does not wait for the job, and the schedule starts it again.
        if seen.failures and not running and not seen.coming:
            return judgement(ASLEEP, f"its last run failed: {last_error(seen)}")
        return judgement(HEALTHY, f"{len(seen.done)} of {desired} complete")
    fatal = _hopeless(seen)
    if not fatal and seen.failures and condition_of(spec) == "none":
        fatal = last_error(seen)
    if not fatal and seen.given_up:
        fatal = f"it has failed {_times(seen.most_failures)}: {last_error(seen)}"
    if not fatal and not _attempts(spec):
        fatal = _crash_loop(seen, view)
    if fatal or (seen.failures and not running):
        return judgement(FAILED, fatal=fatal)
    done = f"{len(seen.done)} of {desired} complete"
    return judgement(PROGRESSING, message_of(seen) or done)


def _fatal(service: Service, tasks: Sequence[Task], seen: Seen, view: View, desired: int) -> str:
    update = service.get("UpdateStatus") or {}
    state, started = str(update.get("State") or ""), str(update.get("StartedAt") or "")
    fresh = (state, started) != view.old_update
    message = str(update.get("Message") or state)
    if fresh and state in ROLLED_BACK:
        # The failed task has the specification from before the rollback.
        states = (*ENDED_BADLY, "complete") if condition_of(service["Spec"]) == "any" else ENDED_BADLY
        bad = [task for task in tasks if state_of(task) in states and task["ID"] not in view.old_failures]
        newest = max(bad, key=lambda task: timestamp(task.get("CreatedAt")), default=None)
        return _because(_failure_text(newest) if newest else "", "Swarm rolled back the update", message)
    # Swarm also pauses an update because of a task on a lost node that comes back. Then the change has not failed.
    harmed = bool(seen.ended) or seen.good < desired
    if state in ("paused", "rollback_paused") and (seen.outdated or (fresh and harmed)):
        return _because(last_error(seen), "Swarm paused the update", message)
    hopeless = _hopeless(seen) or _crash_loop(seen, view)
    if hopeless:
        return hopeless
    if seen.given_up and (condition_of(service["Spec"]) == "none" or _attempts(service["Spec"])):
        return f"its task has ended and is not restarted: {last_error(seen)}"
    return ""


def _because(cause: str, what: str, message: str) -> str:
    """Returns ``what`` with its cause, else with Swarm's message, which has only the id of a task."""
    return f"{cause}; {what}" if cause else f"{what} ({message})"


def _hopeless(seen: Seen) -> str:
    return next((error_of(task) for task in seen.failures if HOPELESS.search(error_of(task))), "")


def _crash_loop(seen: Seen, view: View) -> str:
    if seen.most_failures <= view.max_restarts:
        return ""
    return f"its tasks fail repeatedly ({_times(seen.most_failures)} in one slot): {last_error(seen)}"


def _waits_too_long(seen: Seen, view: View) -> bool:
    """Whether a task has had no node for ``view.pending`` seconds. The gate measures this itself."""
    if view.now is None or not seen.stuck or seen.stopping:
        return False
    made = [seconds(task.get("CreatedAt")) for task in seen.stuck]
    return any(since is not None and view.now - since >= view.pending for since in made)


def _attempts(spec: ServiceSpec) -> int:
    return int((spec["TaskTemplate"].get("RestartPolicy") or {}).get("MaxAttempts") or 0)


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def last_error(seen: Seen) -> str:
    """Returns the error of the newest failure; empty if there is none."""
    return _failure_text(seen.failures[0]) if seen.failures else ""


def _failure_text(task: Task) -> str:
    return error_of(task) or (how_it_ended(task) if state_of(task) == "complete" else "")


def message_of(seen: Seen, why: str = "") -> str:
    """Returns what the service waits for, in a few words. ``why`` is the reason why no node takes a task."""
    if seen.failures:
        return last_error(seen)
    if seen.stopping and (seen.coming or seen.stuck) and not seen.outdated:
        return still_stopping(seen.stopping)
    if seen.stuck or why:
        return why or error_of(seen.stuck[0])
    if seen.outdated:
        count = len(seen.outdated)
        return f"{count} task{' still runs' if count == 1 else 's still run'} the old specification"
    return f"a task {STAGES[state_of(seen.coming[0])]}" if seen.coming else ""


def tasks_by_service(tasks: Sequence[Task]) -> Dict[str, List[Task]]:
    """Groups tasks by the id of their service."""
    out: Dict[str, List[Task]] = {}
    for task in tasks:
        out.setdefault(str(task.get("ServiceID")), []).append(task)
    return out
