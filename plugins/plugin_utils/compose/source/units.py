# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parses durations, byte sizes and CPUs of Compose files like Go's libraries. Pure. Raises ValueError for bad text."""

from __future__ import annotations

import functools
import re
from collections.abc import Hashable
from fractions import Fraction

_NANOSECONDS = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,  # U+00B5
    "μs": 10**3,  # U+03BC
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
    # Compose's own parser of durations (go-str2duration) adds these two.
    "d": 24 * 3600 * 10**9,
    "w": 7 * 24 * 3600 * 10**9,
}
_DURATION_PART = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)([a-zµμ]+)")
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:e([+-]?[0-9]{1,3}))? ?(?:b|([kmgtp])(?:i?b)?)?\Z", re.IGNORECASE)
_CPUS = re.compile(r"\+?([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:e([+-]?[0-9]{1,3}))?(?:/([0-9]+))?\Z", re.IGNORECASE)
_MAX = 2**63 - 1


@functools.lru_cache(maxsize=1024, typed=True)
def duration(value: Hashable) -> int:
    """Returns the nanoseconds of Go's duration text: ``1h30m``, ``1.5s``, ``0``; also days (``1d``) and weeks."""
    text = value if isinstance(value, str) else str(value)
    sign, rest = (-1, text[1:]) if text[:1] == "-" else (1, text[1:] if text[:1] == "+" else text)
    if rest == "0":
        return 0
    total, end = 0, 0
    # Not finditer(): it would search a long text from every position.
    while (part := _DURATION_PART.match(rest, end)) and part.group(2) in _NANOSECONDS:
        total += int(_decimal(part.group(1)) * _NANOSECONDS[part.group(2)])
        end = part.end()
    if not rest or end != len(rest):
        unit = f" (a number needs a unit: '{rest}s')" if re.match(r"[0-9.]+\Z", rest) else ""
        raise ValueError(f"{text!r} is not a valid duration{unit}; use for example '30s', '1m30s' or '500ms'")
    if total > _MAX:
        raise ValueError(f"the duration {text!r} is too long")
    return sign * total


@functools.lru_cache(maxsize=1024, typed=True)
def byte_size(value: Hashable) -> int:
    """Returns the bytes of a size: a whole number, or text such as ``64m``, ``1.5gb``; all units are powers of 1024."""
    if isinstance(value, bool):
        raise ValueError(f"{value!r} is not a valid size")
    text = str(value)
    match = _SIZE.match(text)
    if not match:
        raise ValueError(f"{text!r} is not a valid size; use for example '512m' or '1.5gb'")
    number = _decimal(match.group(1)) * Fraction(10) ** int(match.group(2) or 0)
    size = int(number * 1024 ** (" kmgtp".index(match.group(3).lower()) if match.group(3) else 0))
    if size > _MAX:
        raise ValueError(f"the size {text!r} is too large")
    return size


@functools.lru_cache(maxsize=1024, typed=True)
def nano_cpus(value: Hashable) -> int:
    """Returns the billionths of a CPU of ``0.5``, ``"1e-1"`` or ``"1/2"``, rounded; "" is 0."""
    if isinstance(value, bool):
        raise ValueError(f"{value!r} is not a valid number of CPUs")
    text = str(value)
    if not text:
        return 0
    match = _CPUS.match(text)
    if not match or (match.group(3) and not int(match.group(3))):
        raise ValueError(f"{text!r} is not a valid number of CPUs; use for example '0.5'")
    cpus = _decimal(match.group(1)) * Fraction(10) ** int(match.group(2) or 0) / int(match.group(3) or 1)
    nano = round(cpus * 10**9)
    if nano > _MAX:
        raise ValueError(f"{text!r} is too many CPUs")
    return nano


def _decimal(text: str) -> Fraction:
    if len(text) > 40:
        raise ValueError(f"the number {text[:40]}... has too many digits")
    return Fraction("0" + text if text[0] == "." else text.rstrip(".") or "0")
