# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers of the Engine as people write them in Compose files; ``compose/source/units.py`` reads them back."""

from __future__ import annotations

from collections.abc import Callable

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.units import (
    byte_size,
    duration,
    nano_cpus,
)

_SPANS = (("h", 3600 * 10**9), ("m", 60 * 10**9), ("s", 10**9), ("ms", 10**6), ("us", 10**3), ("ns", 1))


def duration_text(nanoseconds: int) -> str:
    """``1m30s`` of 90000000000 nanoseconds."""
    text, rest = "", abs(nanoseconds)
    for unit, size in _SPANS:
        count, rest = divmod(rest, size)
        text += f"{count}{unit}" if count else ""
    return ("-" if nanoseconds < 0 else "") + (text or "0s")


def size_text(count: int) -> str:
    """``512M`` of 536870912 bytes."""
    for unit in "GMK":
        size = 1024 ** ("KMG".index(unit) + 1)
        if count and count % size == 0:
            return f"{count // size}{unit}"
    return f"{count}b"


def cpus_text(nano: int) -> str:
    """``0.5`` of 500000000 billionths of a CPU."""
    whole, rest = divmod(nano, 10**9)
    return f"{whole}.{rest:09d}".rstrip("0").rstrip(".")


#: What writes the numbers that a function of ``units`` reads.
WRITERS: dict[object, Callable[[int], str]] = {duration: duration_text, byte_size: size_text, nano_cpus: cpus_text}
