# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Formats numbers of the Engine as people write them in Compose files; ``compose/source/units.py`` reads them back."""

from __future__ import annotations

from collections.abc import Callable

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.units import (
    byte_size,
    duration,
    nano_cpus,
)

_SPANS = (("h", 3600 * 10**9), ("m", 60 * 10**9), ("s", 10**9), ("ms", 10**6), ("us", 10**3), ("ns", 1))


def duration_text(nanoseconds: int) -> str:
    """Returns ``1m30s`` for 90000000000 nanoseconds."""
    text, rest = "", abs(nanoseconds)
    for unit, size in _SPANS:
        count, rest = divmod(rest, size)
        text += f"{count}{unit}" if count else ""
    return ("-" if nanoseconds < 0 else "") + (text or "0s")


def size_text(count: int) -> str:
    """Returns ``512M`` for 536870912 bytes."""
    for unit, size in (("G", 1 << 30), ("M", 1 << 20), ("K", 1 << 10)):
        if count and count % size == 0:
            return f"{count // size}{unit}"
    return f"{count}b"


def cpus_text(nano: int) -> str:
    """Returns ``0.5`` for 500000000 billionths of a CPU."""
    whole, rest = divmod(nano, 10**9)
    return f"{whole}.{rest:09d}".rstrip("0").rstrip(".")


#: The writers of numbers, by the functions of ``units`` that read them.
WRITERS: dict[object, Callable[[int], str]] = {duration: duration_text, byte_size: size_text, nano_cpus: cpus_text}
