# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The effect of a Compose key in Swarm: the vocabulary of the key tables."""

from __future__ import annotations

from dataclasses import dataclass

CARRIED = "carried"
COMPILED = "compiled"
QUIET = "quiet"
NOTICE = "no effect"
REFUSED = "refused"


@dataclass(frozen=True)
class Fate:
    """What becomes of one key.

    ``kind`` is one of the five words above. ``text`` is the field of the spec (carried), what the compiler does
    with it (compiled), or why it has no effect. ``instead`` is what to do. ``since`` is the lowest Engine API that has
    the field, where that isn't the oldest that we speak (1.41). ``default`` is what Swarm does anyway: nothing is lost.
    """

    kind: str
    text: str
    instead: str = ""
    since: str = ""
    default: bool = False


def carried(field: str, since: str = "") -> Fate:
    """The value goes into this field of the spec."""
    return Fate(CARRIED, field, since=since)


def compiled(how: str) -> Fate:
    """The compiler itself acts on it, all keys below included; what can be lost of it, convert says."""
    return Fate(COMPILED, how)


def quiet(why: str) -> Fate:
    """It has no meaning for a deployment, including all keys below, and is not missed: no notice."""
    return Fate(QUIET, why)


def no_effect(why: str, instead: str = "remove it", default: bool = False) -> Fate:
    """It has no effect in Swarm, all keys below included: a notice, and an error when strict."""
    return Fate(NOTICE, why, instead, default=default)


def refused(why: str, instead: str) -> Fate:
    """A service that needs it can't run in Swarm: a problem."""
    return Fate(REFUSED, why, instead)
