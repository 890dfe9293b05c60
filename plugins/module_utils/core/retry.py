# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one rule for retries: which errors are retried, and for how long. Why: docs/decisions/0023."""

from __future__ import annotations

from typing import Any, Callable, Dict, Optional, Sequence, TypeVar

from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import Clock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError

BEAR_WITH = 20.0  # seconds without an answer
TRIES = 4  # if the Engine answers, but not usefully: the fault may be permanent
FIRST_PAUSE, LONGEST_PAUSE, GROWTH = 0.1, 1.0, 2.0  # seconds, seconds, factor
SPREAD = 0.8  # of a pause: the random part

#: No answer, or one without a leader: a restart, an election, a broken connection. Retried for ``BEAR_WITH``.
AWAY = ("daemon_unreachable", "timeout", "no_quorum")
#: An answer that says nothing about the call (500, garbage). Retried for ``TRIES``.
UNCLEAR = ("engine_error", "bad_answer", "answer_too_large")

Found = TypeVar("Found")


def is_away(error: EngineError) -> bool:
    """Whether no Engine answered, or one whose Swarm has no leader."""
    return error.error_code in AWAY


def is_transient(error: EngineError) -> bool:
    """Whether the same call may succeed in a moment, or has succeeded and only the answer was lost.

    A refusal of the Engine (400 to 499) is final.
    """
    return is_away(error) or (error.error_code in UNCLEAR and not 400 <= error.status < 500)


class Backoff:
    """Decides whether to retry after errors, and pauses between the tries, each time longer.

    It calls ``keep`` after each pause, to renew a lock. ``also`` are further codes that are retried, such as
    ``out_of_sequence`` if each try reads again. ``limit``, ``first`` and ``longest`` are seconds. ``chance`` (a number
    from 0 to 1) spreads the pauses of runs that collided, so that they don't collide again.
    """

    def __init__(
        self,
        clock: Clock,
        keep: Callable[[], None] = lambda: None,
        also: Sequence[str] = (),
        limit: Optional[float] = None,
        first: float = FIRST_PAUSE,
        longest: float = LONGEST_PAUSE,
        chance: Callable[[], float] = lambda: 1.0,
    ) -> None:
        self._clock, self._keep, self._also, self._chance = clock, keep, also, chance
        self._limit, self._first, self._longest = limit, first, longest
        self.calm()

    def calm(self) -> None:
        """Starts again: the last call had an answer."""
        self._since: Optional[float] = None
        self._pause, self._tries = self._first, 0

    def bear(self, error: EngineError) -> None:
        """Pauses until the next try. Raises ``error`` if it is permanent, or if it has lasted too long."""
        also = error.error_code in self._also
        if not also and not is_transient(error):
            raise error
        if not also and not is_away(error):
            self._tries += 1
            if self._tries >= TRIES:
                raise error
        if not self.pause():
            raise error

    def pause(self) -> bool:
        """Pauses, each time longer; returns False if the time since the first pause is over."""
        now = self._clock.now()
        self._since = now if self._since is None else self._since
        if now - self._since >= (BEAR_WITH if self._limit is None else self._limit):
            return False
        self._clock.sleep(self._pause * (1 - SPREAD + SPREAD * self._chance()))
        self._pause = min(self._pause * GROWTH, self._longest)
        self._keep()
        return True


def patiently(
    clock: Clock, read: Callable[[], Found], keep: Callable[[], None] = lambda: None, limit: Optional[float] = None
) -> Found:
    """Calls ``read`` until it succeeds; it must change nothing. Raises EngineError after ``limit`` seconds or TRIES."""
    backoff = Backoff(clock, keep, limit=limit)
    while True:
        try:
            return read()
        except EngineError as error:
            backoff.bear(error)


READ = 10.0  # seconds for one answer when checking whether a call had an effect
ELECTION = 20.0  # seconds: a manager stands for election 10 to 20 s after it last heard of the leader
PAUSE = 1.0


def through_an_election(clock: Clock, work: Callable[[], Dict[str, object]]) -> Dict[str, Any]:
    """Calls ``work``, and repeats it for 20 s as long as the Swarm has no leader.

    ``work`` must have changed nothing when it raises EngineError; after the first change it raises DeployError.
    """
    deadline = clock.now() + ELECTION
    while True:
        try:
            return work()
        except EngineError as error:
            if error.error_code != "no_quorum" or clock.now() >= deadline:
                raise
        clock.sleep(PAUSE)
