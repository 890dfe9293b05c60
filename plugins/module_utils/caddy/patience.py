# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting a little by chance, so that runs that met do not meet again."""

from __future__ import annotations

from typing import Any, Callable

from ansible_collections.stackwright.swarm.plugins.module_utils.core.retry import Backoff

FIRST = 0.01
LONGEST = 0.5


class Patience:
    """Waits, each turn (0, 1, ...) longer; False when ``limit`` seconds have gone by since turn 0.

    :param chance: a number from 0 to 1.
    """

    def __init__(self, clock: Any, chance: Callable[[], float], limit: float) -> None:
        self._backoff = Backoff(clock, limit=limit, first=FIRST, longest=LONGEST, chance=chance)

    def __call__(self, turn: int) -> bool:
        if turn == 0:
            self._backoff.calm()
        return self._backoff.pause()
