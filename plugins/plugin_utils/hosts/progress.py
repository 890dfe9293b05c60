# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Follows a detached process on a manager: shows its lines and returns its result."""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, Optional, Type

#: Seconds of silence after which this side says that the work still goes on. The process speaks every 10 s by itself.
SILENCE = 15.0
#: Seconds for which a lost connection is tried again: the work on the manager does not need it.
PATIENCE = 60.0
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 10.0
#: Seconds for what the process asks of another host, least and most, and how long a module waits for a quick end.
PACE, SLOWEST, FOREGROUND = 6.0, 30.0, 3.0
#: The process's lines that announce a change.
CHANGE = re.compile(r"(create|update|remove)d?\b")

Result = Dict[str, Any]


class Follower:
    """Calls ``again(job, seen, answer)`` until the process has ended, and gives each of its lines to ``show``.

    :param now: the time in seconds; ``sleep`` waits for some.
    :param lost: what ``again`` raises where the manager can't be reached.
    :param answer: gives the answer to what the process asks.
    """

    def __init__(
        self,
        again: Callable[[str, int, Result], Result],
        show: Callable[[str], None],
        now: Callable[[], float],
        sleep: Callable[[float], None],
        lost: Type[Exception],
        answer: Callable[[Result], Result] = lambda question: {},
    ) -> None:
        self._again, self._show, self._now, self._sleep, self._lost = again, show, now, sleep, lost
        self._answer = answer
        self._spoke = now()
        self._last = ""
        self._changed = False

    def follow(self, begun: Result) -> Result:
        """The end of what has ``begun``; that itself, where it has ended already.

        :raises Exception: ``lost``, if the manager could not be reached for a minute; its ``changed`` says whether a
            change had been announced by then. A question that was killed is asked again as long, and then a failure.
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
                self._changed = self._changed or bool(CHANGE.match(line))
            if progress["done"]:
                return begun
            if self._now() - self._spoke >= SILENCE:
                self._say(f"{self._last or 'working'} (for {self._now() - start:.0f} s)")
            question = progress.get("question")
            answer = {**self._answer(question), "number": question["number"]} if question else {}
            begun = self._reach(progress["job"], progress["seen"], answer)
            progress = begun.pop("progress", None)
            if progress is None:
                # A refusal says nothing of the job, and so nothing of what it has changed.
                return {**begun, "changed": bool(begun.get("changed")) or self._changed}

    def _reach(self, job: str, seen: int, answer: Result) -> Result:
        since, pause = self._now(), FIRST_PAUSE
        while True:
            try:
                told = self._again(job, seen, answer)
                if not _unreadable(told):
                    return told
                what = "no answer"
                if self._now() - since >= PATIENCE:
                    return {**told, **self._cut_off(str(told.get("msg") or "it does not answer"))}
            except self._lost as error:
                what = "no connection"
                if self._now() - since >= PATIENCE:
                    error.changed = self._changed  # type: ignore[attr-defined]
                    raise
            self._say(f"{what}; the manager continues on its own, next try in {pause:.0f} s")
            self._sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    def _cut_off(self, said: str) -> Result:
        msg = f"For {PATIENCE:.0f} s this host did not report its progress; it continues on its own: {said}"
        return {
            "msg": f"{msg} Check the stack with stack_info, and run the task again: it continues from the current "
            "state.",
            "error_code": "host_unreachable",
            "changed": self._changed,
        }

    def _say(self, line: str) -> None:
        self._show(line)
        self._spoke = self._now()


def pace_of(first: float) -> float:
    """The seconds that a question to another host may take, where the ``first`` call of a module took so many."""
    return min(max(PACE, 2 * (first - FOREGROUND)), SLOWEST)


def _unreadable(told: Result) -> bool:
    """Whether an answer is none of ours: the module was killed, or could not start."""
    return bool(told.get("failed")) and "progress" not in told and not told.get("error_code")
