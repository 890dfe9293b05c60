# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The labels PREFIX.cron.* of a job on a schedule, and their validation."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from datetime import timezone, tzinfo
from typing import NamedTuple

from zoneinfo import ZoneInfo

from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import CRON, spellings
from ansible_collections.stackwright.swarm.plugins.plugin_utils.cron.expression import CronError, Schedule, parse

#: If a job still runs when it is due, it continues, or is stopped and started again.
FORBID, REPLACE = "forbid", "replace"
#: After a scheduled time without a run, the job runs once as soon as possible, or not at all.
RUN_ONCE, SKIP = "run_once", "skip"
CHOICES = {"overlap": (FORBID, REPLACE), "missed": (RUN_ONCE, SKIP)}
NAMES = ("schedule", "timezone", *CHOICES)
UTC = "UTC"


class Timing(NamedTuple):
    """When a job runs: its schedule as text and parsed, its time zone by name and parsed, ``overlap``, ``missed``."""

    text: str
    schedule: Schedule
    timezone: str
    zone: tzinfo
    overlap: str
    missed: str


class Fault(NamedTuple):
    """A mistake in a label, and a hint."""

    label: str
    message: str
    hint: str


def timing_of(labels: Mapping[str, str], prefix: str) -> tuple[Timing | None, list[Fault]]:
    """Returns the timing that a service's labels set, None if they set none or are invalid; and their mistakes."""
    starts = tuple(start + CRON for start in spellings(prefix))
    found: dict[str, str] = {}
    faults: list[Fault] = []
    for label, value in labels.items():
        if CRON not in label:
            continue
        name = label.partition(CRON)[2]
        if name not in NAMES:
            near = difflib.get_close_matches(name, NAMES, n=1)
            hint = f"did you mean {starts[0]}{near[0]}?" if near else f"known are {', '.join(NAMES)}"
            faults.append(Fault(label, "is not a label of a schedule", hint))
        elif not label.startswith(starts):
            faults.append(Fault(label, "does not begin with the label prefix", f"write {starts[0]}{name}"))
        else:
            found[name] = value.strip()
            allowed = CHOICES.get(name)
            if allowed and found[name] not in allowed:
                faults.append(Fault(label, f"must be {' or '.join(allowed)}", ""))
    if faults or not found:
        return None, faults
    if "schedule" not in found:
        label = starts[0] + next(iter(found))
        return None, [Fault(label, "has no effect without a schedule", f"add {starts[0]}schedule")]
    return _timing(found, starts[0])


def _timing(found: Mapping[str, str], start: str) -> tuple[Timing | None, list[Fault]]:
    faults: list[Fault] = []
    schedule, zone = None, None
    try:
        schedule = parse(found["schedule"])
    except CronError as error:
        faults.append(Fault(f"{start}schedule", f"is not a valid schedule: {error}", "for example 0 3 * * *"))
    name = found.get("timezone") or UTC
    try:
        zone = timezone.utc if name == UTC else ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        hint = "use a name such as Europe/Berlin; the controller needs the package tzdata"
        faults.append(Fault(f"{start}timezone", "is not a known time zone", hint))
    if schedule is None or zone is None:
        return None, faults
    overlap, missed = found.get("overlap") or FORBID, found.get("missed") or RUN_ONCE
    return Timing(found["schedule"], schedule, name, zone, overlap, missed), []
