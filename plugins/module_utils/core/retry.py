# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one rule for retries: which errors are retried, and for how long. Why: docs/decisions/0023."""

from __future__ import annotations

from typing import Any, Callable, Dict, Optional, Sequence, TypeVar

from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import Clock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError

BEAR_WITH = 20.0  # seconds without an answer
TRIES = 4  # where the Engine does answer, but with nothing that helps: that may well be for good
FIRST_PAUSE, LONGEST_PAUSE, GROWTH = 0.1, 1.0, 2.0  # seconds, seconds, factor
SPREAD = 0.8  # of a pause: how much of it is by chance

#: No Engine answers, or one without a leader: a restart, an election, a connection that broke. For ``BEAR_WITH``.
AWAY = ("daemon_unreachable", "timeout", "no_quorum")
#: An answer that says nothing about the call (500, garbage). For ``TRIES``.
UNCLEAR = ("engine_error", "bad_answer", "answer_too_large")

Found = TypeVar("Found")


def is_away(error: EngineError) -> bool:
    """Whether no engine answered, or one without a leader."""
    return error.error_code in AWAY


def is_transient(error: EngineError) -> bool:
    """Whether the same call may succeed in a moment, or may have succeeded without our hearing of it.

    What the Engine refuses (400 to 499) is refused for good.
    """
    return is_away(error) or (error.error_code in UNCLEAR and not 400 <= error.status < 500)


class Backoff:
    """How long to go on after errors, and the pauses between tries, which grow.

    ``keep`` is called after each pause, to keep a lock. ``also`` are codes that pass here as well, such as
    ``out_of_sequence`` where each try looks again. ``chance`` (a number from 0 to 1) spreads the pauses of runs that
    met, so that they do not meet again. ``clock`` has ``now()`` and ``sleep(seconds)``.
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
        """There was an answer: what comes next is new."""
        self._since: Optional[float] = None
        self._pause, self._tries = self._first, 0

    def bear(self, error: EngineError) -> None:
        """Pauses until the next try. Raises ``error`` if it is none that passes, or where it lasts too long."""
        passes = error.error_code in self._also
        if not passes and not is_transient(error):
            raise error
        if not passes and not is_away(error):
            self._tries += 1
            if self._tries >= TRIES:
                raise error
        if not self.pause():
            raise error

    def pause(self) -> bool:
        """Waits a little, each time longer; False if the time is over, counted from the first of these pauses."""
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
    """What ``read`` gives, which must change nothing. Raises EngineError after some tries, or ``limit`` seconds."""
    backoff = Backoff(clock, keep, limit=limit)
    while True:
        try:
            return read()
        except EngineError as error:
            backoff.bear(error)


READ = 10.0  # seconds for one answer to a question whether something was done
ELECTION = 20.0  # seconds: a manager stands for election 10 to 20 s after it last heard of the leader
PAUSE = 1.0


def through_an_election(clock: Clock, story: Callable[[], Dict[str, object]]) -> Dict[str, Any]:
    """What ``story`` gives; it is told again as long as the Swarm has no leader, for 20 s.

    ``story`` must have changed nothing if it raises EngineError: what has begun to change raises DeployError.
    """
    deadline = clock.now() + ELECTION
    while True:
        try:
            return story()
        except EngineError as error:
            if error.error_code != "no_quorum" or clock.now() >= deadline:
                raise
        clock.sleep(PAUSE)
