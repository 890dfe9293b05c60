# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Time as an argument: the clock of the system (`SystemClock`), or one of a test; and the one format of times."""

from __future__ import annotations

import time
from typing import Protocol

_END = 253402300800  # the year 10000


def iso(seconds: float) -> str:
    """Seconds since 1970 as ``2026-11-21T12:00:01Z``; empty text for 0 and what is not before the year 10000."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds)) if 0 < seconds < _END else ""


class Clock(Protocol):
    """What tells the time and waits."""

    def now(self) -> float:
        """Seconds that never go back."""

    def wall(self) -> float:
        """Seconds since 1970."""

    def sleep(self, seconds: float, /) -> None:
        """Waits."""


class SystemClock:
    """The real clock: seconds that never go back, the seconds since 1970 that machines agree on, and sleep."""

    now = staticmethod(time.monotonic)
    wall = staticmethod(time.time)
    sleep = staticmethod(time.sleep)
