# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting a little by chance, so that runs that met do not meet again."""

from __future__ import annotations

from typing import Any, Callable

FIRST = 0.01
LONGEST = 0.5


class Patience:
    """Waits, each turn (0, 1, ...) longer; False when ``limit`` seconds have gone by since turn 0.

    :param chance: a number from 0 to 1.
    """

    def __init__(self, clock: Any, chance: Callable[[], float], limit: float) -> None:
        self._clock = clock
        self._chance = chance
        self._limit = limit
        self._until = 0.0

    def __call__(self, turn: int) -> bool:
        if turn == 0:
            self._until = self._clock.now() + self._limit
        if self._clock.now() >= self._until:
            return False
        self._clock.sleep(min(LONGEST, FIRST * 2 ** min(turn, 10)) * (0.2 + 0.8 * self._chance()))
        return True
