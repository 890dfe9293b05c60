# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Follows a detached process on a manager: shows its lines and returns its result."""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, Optional, Type

#: Seconds without a line after which the controller shows that the work continues. The process writes one every 10 s.
SILENCE = 15.0
#: Seconds for which a lost connection is retried: the work on the manager continues without it.
PATIENCE = 60.0
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 10.0
#: Seconds: the least and the most for a question to another host; and how long a module waits for a quick end.
PACE, SLOWEST, FOREGROUND = 6.0, 30.0, 3.0
#: Matches the process's lines that announce a change.
CHANGE = re.compile(r"(create|update|remove)d?\b")

Result = Dict[str, Any]


class Follower:
    """Calls ``again(job, seen, answer)`` until the process has ended, and passes each of its lines to ``show``.

    :param now: returns the time in seconds.
    :param sleep: waits for some seconds.
    :param lost: the exception that ``again`` raises if the manager can't be reached.
    :param answer: answers a question of the process.
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
        self._shown_at = now()
        self._last = ""
        self._changed = False

    def follow(self, begun: Result) -> Result:
        """Follows the work that has ``begun`` and returns its result; ``begun`` itself if it has already ended.

        If every call of the module is killed for PATIENCE seconds, returns a failure.

        :raises Exception: ``lost``, if the manager can't be reached for PATIENCE seconds. Its attribute ``changed`` is
            true if a change was announced before.
        """
        start = self._now()
        progress: Optional[Dict[str, Any]] = begun.pop("progress", None)
        if progress is None or progress["done"]:
            # Quick work needs no lines.
            return begun
        while True:
            for line in progress["lines"]:
                self._say(line)
                self._last = line
                self._changed = self._changed or bool(CHANGE.match(line))
            if progress["done"]:
                return begun
            if self._now() - self._shown_at >= SILENCE:
                self._say(f"{self._last or 'working'} (for {self._now() - start:.0f} s)")
            question = progress.get("question")
            answer = {**self._answer(question), "number": question["number"]} if question else {}
            begun = self._reach(progress["job"], progress["seen"], answer)
            progress = begun.pop("progress", None)
            if progress is None:
                # A rejected question has no data about the job, so ``changed`` comes from the lines so far.
                return {**begun, "changed": bool(begun.get("changed")) or self._changed}

    def _reach(self, job: str, seen: int, answer: Result) -> Result:
        since, pause = self._now(), FIRST_PAUSE
        while True:
            try:
                result = self._again(job, seen, answer)
                if not _is_foreign(result):
                    return result
                what = "no answer"
                if self._now() - since >= PATIENCE:
                    return {**result, **self._cut_off(str(result.get("msg") or "it does not answer"))}
            except self._lost as error:
                what = "no connection"
                if self._now() - since >= PATIENCE:
                    error.changed = self._changed  # type: ignore[attr-defined]
                    raise
            self._say(f"{what}; the manager continues on its own, next try in {pause:.0f} s")
            self._sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    def _cut_off(self, reason: str) -> Result:
        msg = f"For {PATIENCE:.0f} s this host did not report its progress; it continues on its own: {reason}"
        return {
            "msg": f"{msg} Check the stack with stack_info, and run the task again: it continues from the current "
            "state.",
            "error_code": "host_unreachable",
            "changed": self._changed,
        }

    def _say(self, line: str) -> None:
        self._show(line)
        self._shown_at = self._now()


def pace_of(first: float) -> float:
    """Returns the seconds that a question to another host may take if the ``first`` call of a module took so many."""
    return min(max(PACE, 2 * (first - FOREGROUND)), SLOWEST)


def _is_foreign(result: Result) -> bool:
    """Whether a result is not from our code: the module was killed, or could not start."""
    return bool(result.get("failed")) and "progress" not in result and not result.get("error_code")
