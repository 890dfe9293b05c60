# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tasks count for a service as it is specified now."""

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
#: On the way to running; "pending" has no node yet.
ON_THE_WAY = ("new", "pending", "assigned", "accepted", "ready", "preparing", "starting")


def state_of(task: Task) -> str:
    """The state that the node reported last."""
    return str((task.get("Status") or {}).get("State") or "new")


def error_of(task: Task) -> str:
    """The error of a task, empty if it has none."""
    return str((task.get("Status") or {}).get("Err") or "")


def has_no_node(task: Task) -> bool:
    """Whether the scheduler has found no node for it yet, be it that it has not tried."""
    return state_of(task) == "pending" and not task.get("NodeID")


def is_stopping(task: Task) -> bool:
    """Whether a task is to end and has not yet."""
    return task.get("DesiredState") in ("shutdown", "remove") and state_of(task) in (*ON_THE_WAY, "running")


def grace(task: Task) -> float:
    """Seconds that the task may take to stop; Docker's own 10 s where its specification does not say."""
    container = (task.get("Spec") or {}).get("ContainerSpec") or {}
    period = container.get("StopGracePeriod")
    return 10.0 if period is None else float(period) / 1e9


def how_it_ended(task: Task) -> str:
    """What is to be said of a task whose command has ended with code 0, though it was to run for ever.

    Docker stops a container whose health check fails; a command that ends well then leaves no other trace. It takes
    as many failures as the check has retries: a task that ended earlier did so by itself.
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
    """A health check by its program: what else its command holds may be a password."""
    words = " ".join(test[1:] if test[0] in ("CMD", "CMD-SHELL") else test).split()
    words = [word for number, word in enumerate(words) if number or "=" not in word]
    while words and "=" in words[0]:
        words = words[1:]
    return f"health check `{words[0]}{' ...' if len(words) > 1 else ''}`" if words else "its health check"


def is_current(task: Task, service: Service, since: str = "") -> bool:
    """Whether a task was made from the service's present specification.

    Engines up to 28 do not tell a task's version, so the specifications are compared, as swarmkit itself does to find
    tasks to replace; placement is left out (a task on a node that still fits is kept). ``since`` is the time of an
    update that replaced tasks although their specification is the same (other published ports).
    """
    if since and timestamp(task.get("CreatedAt")) < timestamp(since):
        return False
    iteration = ((service.get("JobStatus") or {}).get("JobIteration") or {}).get("Index", 0)
    if service.get("JobStatus") is not None and (task.get("JobIteration") or {}).get("Index", 0) != iteration:
        return False
    ours, theirs = _comparable(service["Spec"]["TaskTemplate"]), _comparable(task.get("Spec") or {})
    # The normal form leaves out how often tasks were replaced although nothing else has changed.
    same = ours["ForceUpdate"] == theirs["ForceUpdate"]
    return ours == theirs or (same and normalise.task(ours) == normalise.task(theirs))


def _comparable(template: TaskTemplate) -> Dict[str, Any]:
    spec = {key: value for key, value in template.items() if key not in ("Placement", "Runtime")}
    spec.setdefault("ForceUpdate", 0)
    return spec


def slot_of(task: Task, mode: str) -> str:
    """The place that a task fills: its node in a global mode, otherwise its slot (a job counts from 0)."""
    return str(task.get("NodeID") or "") if mode.startswith("global") else str(task.get("Slot") or 0)


def by_slot(tasks: Iterable[Task], mode: str) -> Dict[str, List[Task]]:
    """Tasks by the place that they fill, the newest first."""
    slots: Dict[str, List[Task]] = {}
    for task in tasks:
        slots.setdefault(slot_of(task, mode), []).append(task)
    for found in slots.values():
        found.sort(key=lambda task: timestamp(task.get("CreatedAt")), reverse=True)
    return slots


def timestamp(text: object) -> Tuple[str, str]:
    """An RFC 3339 time in UTC as something that sorts; the Engine cuts trailing zeros of the fraction."""
    whole, _dot, fraction = str(text or "").rstrip("Z").partition(".")
    return whole, fraction.ljust(9, "0")


def shown(text: object) -> Optional[str]:
    """A time of the Engine as ``2026-11-21T12:00:01Z``; None if there is none."""
    whole = str(text or "")[:19]
    return f"{whole}Z" if whole and not whole.startswith("0001-") else None


def seconds(text: object) -> Optional[float]:
    """A time of the Engine, in UTC or with an offset, as seconds since 1970; None if it is none."""
    found = MOMENT.match(str(text or ""))
    if not found:
        return None
    whole, sign, hours, minutes = found.groups()
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0)) * (-1 if sign == "-" else 1)
    try:
        return (datetime.fromisoformat(whole).replace(tzinfo=timezone.utc) - offset).timestamp()
    except (ValueError, OverflowError):
        return None
