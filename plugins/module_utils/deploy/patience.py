# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bearing with an engine that does not answer for a moment: a restart, an election, a connection that broke."""

from __future__ import annotations

from typing import Any, Callable, Dict, Optional, TypeVar

from ansible_collections.stackwright.swarm.plugins.module_utils.errors import EngineError

BEAR_WITH = 20.0  # seconds without an answer
FIRST_PAUSE, LONGEST_PAUSE, GROWTH = 0.1, 1.0, 2.0  # seconds, seconds, factor
TRIES = 4  # where the Engine does answer, but with an error that says nothing (500): that may well be for good
READ = 10.0  # seconds for one answer to a question whether something was done

ELECTION = 10.0  # seconds; it takes less where more than half of the managers are up
PAUSE = 1.0

AWAY = ("daemon_unreachable", "timeout", "no_quorum")

Found = TypeVar("Found")


def is_away(error: EngineError) -> bool:
    """Whether no engine answered, or one without a leader."""
    return error.error_code in AWAY


def is_transient(error: EngineError) -> bool:
    """Whether the same call may succeed in a moment, or may have succeeded without our hearing of it."""
    return is_away(error) or (error.error_code == "engine_error" and not 400 <= error.status < 500)


class Patience:
    """How long to go on after an error, for one operation. ``keep`` is called in every turn, to keep a lock."""

    def __init__(self, clock: Any, keep: Callable[[], None] = lambda: None) -> None:
        self.clock, self.keep = clock, keep
        self._since: Optional[float] = None
        self._pause, self._tries = FIRST_PAUSE, 0

    def bear(self, error: EngineError) -> None:
        """Pauses until the next try. Raises ``error`` where it is none that passes, or where it lasts too long."""
        now = self.clock.now()
        self._since = now if self._since is None else self._since
        self._tries += 0 if is_away(error) else 1
        if not is_transient(error) or now - self._since >= BEAR_WITH or self._tries >= TRIES:
            raise error
        self.clock.sleep(self._pause)
        self._pause = min(self._pause * GROWTH, LONGEST_PAUSE)
        self.keep()


def patiently(clock: Any, read: Callable[[], Found], keep: Callable[[], None] = lambda: None) -> Found:
    """What ``read`` gives, which must change nothing. Raises EngineError after some tries."""
    patience = Patience(clock, keep)
    while True:
        try:
            return read()
        except EngineError as error:
            patience.bear(error)


def through_an_election(clock: Any, story: Callable[[], Dict[str, Any]]) -> Dict[str, Any]:
    """What ``story`` gives; it is told again as long as the Swarm has no leader, for 10 s.

    ``story`` must have changed nothing where it raises EngineError: what has begun to change raises DeployError.
    """
    deadline = clock.now() + ELECTION
    while True:
        try:
            return story()
        except EngineError as error:
            if error.error_code != "no_quorum" or clock.now() >= deadline:
                raise
        clock.sleep(PAUSE)
