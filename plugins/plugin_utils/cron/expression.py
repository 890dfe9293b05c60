# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pure. Cron expressions of crontab(5): five fields, in a time zone. Why our own: docs/decisions/0065."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone, tzinfo
from typing import NamedTuple

MACROS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
#: The name of each field, its least and greatest value, and the names of its values from the least one on.
FIELDS: tuple[tuple[str, int, int, tuple[str, ...]], ...] = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of the month", 1, 31, ()),
    ("month", 1, 12, MONTHS),
    ("day of the week", 0, 7, WEEKDAYS),
)
DAY = timedelta(days=1)
FARTHEST = 9 * 366  # the most days between two 29th of February: 1900 and 2100 are not leap years


class CronError(ValueError):
    """The text is not a valid cron expression."""


class Schedule(NamedTuple):
    """A parsed expression.

    :param either: a day needs to match only one of both fields for days.
    :param all_hours: the hour is ``*`` or ``*/N``, so the schedule follows elapsed time when clocks change. Otherwise
        each local time happens once.
    """

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either: bool
    all_hours: bool

    def has_day(self, day: date) -> bool:
        """Whether the schedule has times on this day."""
        if day.month not in self.months:
            return False
        by_month, by_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return (by_month or by_week) if self.either else (by_month and by_week)

    def times_on(self, day: date, zone: tzinfo) -> list[datetime]:
        """Returns the times on a day of ``zone``, in UTC, sorted. A time that a clock change skips moves with it."""
        found = set()
        for hour in self.hours if self.has_day(day) else ():
            for minute in self.minutes:
                local = datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone)
                for fold in (0, 1) if self.all_hours else (0,):
                    moment = local.replace(fold=fold).astimezone(timezone.utc)
                    exists = moment.astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None)
                    if exists or not self.all_hours:
                        found.add(moment)
        return sorted(found)

    def latest(self, since: datetime, now: datetime, zone: tzinfo) -> datetime | None:
        """Returns the last time after ``since`` and not after ``now`` (aware), or None."""
        for day in _days(now.astimezone(zone).date() + DAY, since.astimezone(zone).date() - DAY):
            for moment in reversed(self.times_on(day, zone)):
                if since < moment <= now:
                    return moment
        return None

    def next(self, now: datetime, zone: tzinfo) -> datetime | None:
        """Returns the first time after ``now``, or None if there is none (such as on 30 February)."""
        start = now.astimezone(zone).date() - DAY
        for day in _days(start, start + FARTHEST * DAY):
            for moment in self.times_on(day, zone):
                if moment > now:
                    return moment
        return None


def parse(text: str) -> Schedule:
    """Parses an expression. Raises CronError with the mistake."""
    words = MACROS.get(text.strip().lower(), text).split()
    if len(words) != len(FIELDS):
        known = ", ".join(sorted(MACROS))
        raise CronError(f"it must have five fields (minute hour day month weekday) or be one of {known}")
    minutes, hours, days, months, weekdays = (_values(word, *field) for word, field in zip(words, FIELDS))
    either = not words[2].startswith("*") and not words[4].startswith("*")
    weekdays = frozenset(number % 7 for number in weekdays)
    return Schedule(minutes, hours, days, months, weekdays, either, words[1].startswith("*"))


def _values(text: str, name: str, least: int, most: int, words: tuple[str, ...]) -> frozenset[int]:
    def number(word: str) -> int:
        value = least + words.index(word.lower()) if word.lower() in words else -1
        if word.isdecimal() and word.isascii():
            value = int(word) if len(word) <= 9 else most + 1
        if not least <= value <= most:
            raise CronError(f"{word[:20]!r} is not a valid {name} ({least} to {most})")
        return value

    found: set[int] = set()
    for part in text.split(","):
        span, slash, step = part.partition("/")
        first, dash, last = span.partition("-")
        begin = least if span == "*" else number(first)
        end = number(last) if dash else most if span == "*" or slash else begin
        if slash and not (step.isdecimal() and step.isascii() and 0 < int(step[:9]) <= most):
            raise CronError(f"{step[:20]!r} is not a valid step of the {name}")
        if end < begin:
            raise CronError(f"the range {span[:20]!r} of the {name} ends before it begins")
        found.update(range(begin, end + 1, int(step) if slash else 1))
    return frozenset(found)


def _days(start: date, end: date) -> Iterator[date]:
    step = DAY if end >= start else -DAY
    while start != end + step:
        yield start
        start += step
