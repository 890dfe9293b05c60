# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Time as an argument: the system's clock (`SystemClock`) or a test's; and the format of times."""

from __future__ import annotations

import time
from typing import Protocol

_END = 253402300800  # the year 10000


def iso(seconds: float) -> str:
    """Returns seconds since 1970 as ``2026-11-21T12:00:01Z``; empty text for 0 and times before 1970 or after 9999."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds)) if 0 < seconds < _END else ""


class Clock(Protocol):
    """Tells the time and waits."""

    def now(self) -> float:
        """Returns monotonic seconds."""

    def wall(self) -> float:
        """Returns seconds since 1970."""

    def sleep(self, seconds: float, /) -> None:
        """Waits."""


class SystemClock:
    """The system's clock."""

    now = staticmethod(time.monotonic)
    wall = staticmethod(time.time)
    sleep = staticmethod(time.sleep)
