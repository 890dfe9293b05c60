# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers from a seed instead of randomness: the same seed and purpose give the same numbers on every machine."""

from __future__ import annotations

import hashlib
import hmac


class Seeded:
    """A source for generators: blocks of HMAC-SHA256(seed, "stackwright.values/1" NUL purpose NUL counter).

    Its values have no more entropy than ``seed``. The counter has 8 bytes, the most significant first.
    """

    def __init__(self, seed: str, purpose: str) -> None:
        self._key = seed.encode("utf-8", "surrogateescape")
        self._head = b"stackwright.values/1\0" + purpose.encode("utf-8", "surrogateescape") + b"\0"
        self._counter = 0
        self._bits = 0
        self._count = 0

    def randrange(self, limit: int) -> int:
        """Returns a whole number from 0 to ``limit`` - 1, each equally likely."""
        width = (limit - 1).bit_length()
        while True:
            number = self._take(width)
            if number < limit:
                return number

    def _take(self, width: int) -> int:
        while self._count < width:
            block = hmac.new(self._key, self._head + self._counter.to_bytes(8, "big"), hashlib.sha256).digest()
            self._counter += 1
            self._bits = self._bits << 256 | int.from_bytes(block, "big")
            self._count += 256
        self._count -= width
        number = self._bits >> self._count
        self._bits &= (1 << self._count) - 1
        return number
