# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks: their states, errors and times, and whether they have the current specification."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Dict, Iterable, List, Optional, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.swarm import normalise

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Service, Task, TaskTemplate


MOMENT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(?:Z|([+-])(\d\d):(\d\d))\Z")

ENDED_BY_ITSELF = "the command has ended (exit code 0)"
NOT_HEALTHY = "did not become healthy before it was stopped"
ENDED_BADLY = ("failed", "rejected")
#: States before running; "pending" has no node yet.
ON_THE_WAY = ("new", "pending", "assigned", "accepted", "ready", "preparing", "starting")


def state_of(task: Task) -> str:
    """Returns the last reported state of a task."""
    return str((task.get("Status") or {}).get("State") or "new")


def error_of(task: Task) -> str:
    """Returns the error of a task, empty if it has none."""
    return str((task.get("Status") or {}).get("Err") or "")


def has_no_node(task: Task) -> bool:
    """Whether a task is pending without a node, also if the scheduler has not tried yet."""
    return state_of(task) == "pending" and not task.get("NodeID")


def is_stopping(task: Task) -> bool:
    """Whether a task should end and has not ended yet."""
    return task.get("DesiredState") in ("shutdown", "remove") and state_of(task) in (*ON_THE_WAY, "running")


def grace(task: Task) -> float:
    """Returns the grace period of a task in seconds; Docker's default is 10 s."""
    container = (task.get("Spec") or {}).get("ContainerSpec") or {}
    period = container.get("StopGracePeriod")
    return 10.0 if period is None else float(period) / 1e9


def how_it_ended(task: Task) -> str:
    """Explains why a task that should run forever has ended with exit code 0.

    Docker stops a container after as many failed health checks as the check has retries. If the command then ends with
    code 0, no error shows this. A task that ended earlier has ended by itself.
    """
    container = (task.get("Spec") or {}).get("ContainerSpec") or {}
    check = container.get("Healthcheck") or {}
    test = [str(part) for part in check.get("Test") or []]
    if not test or test[0] == "NONE":
        return ENDED_BY_ITSELF
    made, ended = seconds(task.get("CreatedAt")), seconds((task.get("Status") or {}).get("Timestamp"))
    least = (check.get("Interval") or 30e9) / 1e9 * (check.get("Retries") or 3)
    if made is not None and ended is not None and ended - made + 1 <= least:  # both without their fractions
        return ENDED_BY_ITSELF
    return f"{NOT_HEALTHY} ({_named(test)})"


def _named(test: List[str]) -> str:
    """Returns the program of a health check, without its arguments, which may contain a password."""
    words = " ".join(test[1:] if test[0] in ("CMD", "CMD-SHELL") else test).split()
    words = [word for number, word in enumerate(words) if number or "=" not in word]
    while words and "=" in words[0]:
        words = words[1:]
    return f"health check `{words[0]}{' ...' if len(words) > 1 else ''}`" if words else "its health check"


def is_current(task: Task, service: Service, since: str = "") -> bool:
    """Whether a task has the service's current specification.

    Engines up to 28 do not report the version of a task's specification. So it compares the specifications without the
    placement, as swarmkit does to find tasks to replace (it keeps a task on a node that still fits). ``since`` is the
    start of an update that replaces tasks with the same specification (other published ports).
    """
    if since and timestamp(task.get("CreatedAt")) < timestamp(since):
        return False
    iteration = ((service.get("JobStatus") or {}).get("JobIteration") or {}).get("Index", 0)
    if service.get("JobStatus") is not None and (task.get("JobIteration") or {}).get("Index", 0) != iteration:
        return False
    ours, theirs = _comparable(service["Spec"]["TaskTemplate"]), _comparable(task.get("Spec") or {})
    # The normal form omits ForceUpdate.
    same = ours["ForceUpdate"] == theirs["ForceUpdate"]
    return ours == theirs or (same and normalise.task(ours) == normalise.task(theirs))


def _comparable(template: TaskTemplate) -> Dict[str, Any]:
    spec = {key: value for key, value in template.items() if key not in ("Placement", "Runtime")}
    spec.setdefault("ForceUpdate", 0)
    return spec


def slot_of(task: Task, mode: str) -> str:
    """Returns the slot of a task: its node in a global mode, else its number (a job counts from 0)."""
    return str(task.get("NodeID") or "") if mode.startswith("global") else str(task.get("Slot") or 0)


def by_slot(tasks: Iterable[Task], mode: str) -> Dict[str, List[Task]]:
    """Groups tasks by slot, the newest first."""
    slots: Dict[str, List[Task]] = {}
    for task in tasks:
        slots.setdefault(slot_of(task, mode), []).append(task)
    for found in slots.values():
        found.sort(key=lambda task: timestamp(task.get("CreatedAt")), reverse=True)
    return slots


def timestamp(text: object) -> Tuple[str, str]:
    """Returns an RFC 3339 time in UTC in a form that sorts: the Engine omits trailing zeros of the fraction."""
    whole, _dot, fraction = str(text or "").rstrip("Z").partition(".")
    return whole, fraction.ljust(9, "0")


def shown(text: object) -> Optional[str]:
    """Returns a time of the Engine as ``2026-11-21T12:00:01Z``; None if there is none."""
    whole = str(text or "")[:19]
    return f"{whole}Z" if whole and not whole.startswith("0001-") else None


def seconds(text: object) -> Optional[float]:
    """Returns a time of the Engine, in UTC or with an offset, as seconds since 1970; None if it is invalid."""
    found = MOMENT.match(str(text or ""))
    if not found:
        return None
    whole, sign, hours, minutes = found.groups()
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0)) * (-1 if sign == "-" else 1)
    try:
        return (datetime.fromisoformat(whole).replace(tzinfo=timezone.utc) - offset).timestamp()
    except (ValueError, OverflowError):
        return None
