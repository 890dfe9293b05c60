# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pure. Which jobs on a schedule are due, from the result of stack_info for all stacks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any, TypedDict

from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import BEFORE_STOP, ours_in
from ansible_collections.stackwright.swarm.plugins.plugin_utils.cron.labels import (
    FORBID,
    SKIP,
    Timing,
    timing_of,
)

FORMAT = "%Y-%m-%dT%H:%M:%SZ"
JOB = "replicated-job"
RUNNING, FAILED = "running", "failed"


class Run(TypedDict, total=False):
    """A run of a job in the result of stack_info."""

    slot: str
    started: str
    state: str
    exit_code: int | None
    error: str


class Service(TypedDict):
    """A service of stack_info, with the fields that are used."""

    name: str
    mode: str
    desired: int
    created: str
    labels: dict[str, str]
    runs: list[Run]


class Stack(TypedDict):
    """A stack of stack_info, with the fields that are used."""

    name: str
    services: list[Service]


def jobs_of(stacks: Sequence[Stack], now: datetime, prefix: str, late: float) -> list[dict[str, Any]]:
    """Returns all jobs on a schedule, sorted by stack and service.

    Each has ``stack``, ``service`` (names in the Swarm), ``schedule``, ``timezone``, ``overlap``, ``missed``, ``due``,
    ``slot`` (the scheduled time that is due, in UTC), ``reason``, ``next`` (the next scheduled time), ``runs``,
    ``problem``.

    :param now: aware.
    :param late: seconds after which a scheduled time without a run counts as missed.
    """
    found = []
    for stack in stacks:
        stopped = _is_stopped(stack["services"], prefix)
        for service in stack["services"]:
            timing, faults = timing_of(service["labels"], prefix)
            if service["mode"] != JOB or (timing is None and not faults):
                continue
            job = {"stack": stack["name"], "service": service["name"], "runs": service["runs"]}
            if timing is None:
                problem = "; ".join(f"{fault.label} {fault.message}" for fault in faults)
                found.append({**job, "due": False, "slot": "", "next": "", "reason": problem, "problem": problem})
                continue
            found.append({**job, **_of(timing, service, now, late, stopped), "problem": _failed(service["runs"])})
    return sorted(found, key=lambda job: (job["stack"], job["service"]))


def _of(timing: Timing, service: Service, now: datetime, late: float, stopped: bool) -> dict[str, Any]:
    since = max(_moments(service))
    slot = timing.schedule.latest(since, now, timing.zone)
    reason = _why_not(timing, service, slot, now, late, stopped)
    following = timing.schedule.next(now, timing.zone)
    return {
        "schedule": timing.text,
        "timezone": timing.timezone,
        "overlap": timing.overlap,
        "missed": timing.missed,
        "due": not reason,
        "slot": _text(slot),
        "next": _text(following),
        "reason": reason or f"is due since {_text(slot)}",
    }


def _why_not(timing: Timing, service: Service, slot: datetime | None, now: datetime, late: float, stopped: bool) -> str:
    if slot is None:
        return "is not due"
    if stopped:
        return "is due, but the stack is stopped"
    if _is_running(service) and timing.overlap == FORBID:
        return "is due, but still runs"
    if timing.missed == SKIP and now - slot > timedelta(seconds=late):
        return f"missed {_text(slot)}, which is skipped"
    return ""


def _moments(service: Service) -> Iterator[datetime]:
    """Yields the service's creation, and the scheduled times of its runs."""
    for text in (service["created"], *(run.get("slot") or run.get("started") for run in service["runs"])):
        try:
            yield datetime.strptime(f"{str(text)[:19]}Z", FORMAT).replace(tzinfo=timezone.utc)
        except ValueError:
            continue
    yield datetime(1970, 1, 2, tzinfo=timezone.utc)


def _is_running(service: Service) -> bool:
    return any((run.get("state") or RUNNING) == RUNNING for run in service["runs"][-1:])


def _failed(runs: Sequence[Run]) -> str:
    last: Run = runs[-1] if runs else {}
    what = f"the run for {last.get('slot') or last.get('started')}"
    if last.get("state") == RUNNING and last.get("error"):
        return f"{what} is tried again after a failure: {last['error']}"
    return f"{what} failed with exit code {last.get('exit_code')}" if last.get("state") == FAILED else ""


def _is_stopped(services: Sequence[Service], prefix: str) -> bool:
    """Whether the stack is in ``state: stopped``: each service except jobs has a label with its replicas, and none."""
    others = [service for service in services if not service["mode"].endswith("job")]
    return bool(others) and all(
        ours_in(service["labels"], prefix, BEFORE_STOP) and not service["desired"] for service in others
    )


def _text(moment: datetime | None) -> str:
    return moment.strftime(FORMAT) if moment is not None else ""
