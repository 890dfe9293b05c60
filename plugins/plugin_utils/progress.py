# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Follows a worker on a manager: shows its lines and hands back its result."""

from __future__ import annotations

from typing import Any, Callable, Dict, Optional, Type

#: Seconds of silence after which this side says that the work still goes on. The worker speaks every 10 s by itself.
SILENCE = 15.0
#: Seconds for which a lost connection is tried again: the work on the manager does not need it.
PATIENCE = 60.0
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 10.0

Result = Dict[str, Any]


class Follower:
    """Calls ``again(job, seen)`` until the worker has ended, and gives each of its lines to ``show``.

    :param now: the time in seconds; ``sleep`` waits for some.
    :param lost: what ``again`` raises where the manager can't be reached.
    """

    def __init__(
        self,
        again: Callable[[str, int], Result],
        show: Callable[[str], None],
        now: Callable[[], float],
        sleep: Callable[[float], None],
        lost: Type[Exception],
    ) -> None:
        self._again, self._show, self._now, self._sleep, self._lost = again, show, now, sleep, lost
        self._spoke = now()
        self._last = ""

    def follow(self, begun: Result) -> Result:
        """The end of what has ``begun``; that itself, where it has ended already.

        :raises Exception: ``lost``, where the manager could not be reached for a minute.
        """
        start = self._now()
        progress: Optional[Dict[str, Any]] = begun.pop("progress", None)
        if progress is None or progress["done"]:
            # What took no longer than a moment needs no lines.
            return begun
        while True:
            for line in progress["lines"]:
                self._say(line)
                self._last = line
            if progress["done"]:
                return begun
            if self._now() - self._spoke >= SILENCE:
                self._say(f"{self._last or 'working'} (for {self._now() - start:.0f} s)")
            begun = self._reach(progress["job"], progress["seen"])
            # A module that could not even start says nothing of the job.
            progress = begun.pop("progress", None) or {"lines": [], "done": True}

    def _reach(self, job: str, seen: int) -> Result:
        since, pause = self._now(), FIRST_PAUSE
        while True:
            try:
                return self._again(job, seen)
            except self._lost:
                if self._now() - since >= PATIENCE:
                    raise
                self._say(f"no connection; the manager goes on alone, trying again in {pause:.0f} s")
                self._sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)

    def _say(self, line: str) -> None:
        self._show(line)
        self._spoke = self._now()
