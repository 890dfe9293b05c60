# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The runs of a scheduled job, from its label, with the result of the last run from its tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Optional, Sequence

from ansible_collections.stackwright.swarm.plugins.module_utils.health.tasks import (
    ENDED_BADLY,
    ON_THE_WAY,
    error_of,
    seconds,
    state_of,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import labels_of
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.scheduled import runs_of

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Service, Task

RUNNING, COMPLETE, FAILED = "running", "complete", "failed"
STOPPED, UNKNOWN = "stopped", "unknown"
LONGEST = 100  # characters of an error in a label


def with_outcome(service: Service, tasks: Sequence[Task]) -> List[Dict[str, Any]]:
    """Returns the runs, the newest last. ``tasks`` are all tasks of the service.

    Adds to the last run its ``state`` (``running``, ``complete``, ``failed``, ``stopped`` by a change of the job,
    ``unknown`` if its tasks are gone), and after its end ``exit_code`` and ``seconds``.
    """
    runs = runs_of(labels_of(service))
    if not runs or "state" in runs[-1]:
        return runs
    return [*runs[:-1], {**runs[-1], **_outcome(service, tasks, seconds(runs[-1].get("started")))}]


def _outcome(service: Service, tasks: Sequence[Task], started: Optional[float]) -> Dict[str, Any]:
    if started is None:
        return {"state": UNKNOWN}
    mine = [task for task in tasks if (seconds(task.get("CreatedAt")) or 0.0) >= started]
    if not mine:
        return {"state": UNKNOWN}
    live = (*ON_THE_WAY, "running")
    if any(state_of(task) in live and task.get("DesiredState") not in ("shutdown", "remove") for task in mine):
        last_error = next((error_of(task) for task in reversed(_by_age(mine)) if state_of(task) in ENDED_BADLY), "")
        return {"state": RUNNING, "error": last_error[:LONGEST]} if last_error else {"state": RUNNING}
    ended = max((seconds((task.get("Status") or {}).get("Timestamp")) or 0.0) for task in mine)
    took = round(max(ended - started, 0.0), 1)
    wanted = int((service["Spec"]["Mode"].get("ReplicatedJob") or {}).get("MaxConcurrent") or 1)
    if sum(state_of(task) == "complete" for task in mine) >= wanted:
        return {"state": COMPLETE, "exit_code": 0, "seconds": took}
    failed = [task for task in mine if state_of(task) in ENDED_BADLY]
    if not failed:
        return {"state": STOPPED, "seconds": took}
    last = _by_age(failed)[-1]
    code = ((last.get("Status") or {}).get("ContainerStatus") or {}).get("ExitCode")
    return {"state": FAILED, "exit_code": code, "seconds": took, "error": error_of(last)[:LONGEST]}


def _by_age(tasks: Sequence[Task]) -> List[Task]:
    return sorted(tasks, key=lambda task: str(task.get("CreatedAt") or ""))
