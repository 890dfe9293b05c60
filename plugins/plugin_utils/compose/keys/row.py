# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A row of the table of keys: the kind of value of a key, and what it becomes in Swarm."""

from __future__ import annotations

from typing import NamedTuple

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.keys.kinds import Kind

CARRIED = "carried"
COMPILED = "compiled"
QUIET = "quiet"
NOTICE = "no effect"
REFUSED = "refused"
#: The row of a part of a key: what becomes of it, the row above says.
PART = ""

#: What the job of a ``pre_start`` step has of its service: always, or unless the step has an image of its own.
ALWAYS = "always"
WITH_IMAGE = "with the image"


class Key(NamedTuple):
    """One key.

    ``fate`` is one of the words above. ``text`` is the field of the spec (carried), what the compiler does with it
    (compiled), or why it has no effect. ``instead`` is what to do. ``since`` is the lowest Engine API that has the
    field, where that isn't the oldest that we speak (1.41). ``default`` is what Swarm does anyway: nothing is lost.
    ``values``: its texts are copied unchanged, so they may hold values that only the manager knows. ``ignored``:
    ``docker stack deploy`` takes the key and ignores it, although Swarm can do what it says. ``step``: see above.
    """

    kind: Kind
    fate: str
    text: str = ""
    instead: str = ""
    since: str = ""
    default: bool = False
    values: bool = False
    ignored: bool = False
    step: str = ""


def carried(
    kind: Kind, field: str, since: str = "", *, values: bool = False, ignored: bool = False, step: str = ""
) -> Key:
    """The value goes into this field of the spec."""
    return Key(kind, CARRIED, field, since=since, values=values, ignored=ignored, step=step)


def compiled(kind: Kind, how: str, *, values: bool = False, ignored: bool = False, step: str = "") -> Key:
    """The compiler itself acts on it, all keys below included; what can be lost of it, convert says."""
    return Key(kind, COMPILED, how, values=values, ignored=ignored, step=step)


def quiet(kind: Kind, why: str) -> Key:
    """It has no meaning for a deployment, including all keys below, and is not missed: no notice."""
    return Key(kind, QUIET, why)


def no_effect(kind: Kind, why: str, instead: str = "remove it", *, default: bool = False, values: bool = False) -> Key:
    """It has no effect in Swarm, all keys below included: a notice, and an error when strict."""
    return Key(kind, NOTICE, why, instead, default=default, values=values)


def refused(kind: Kind, why: str, instead: str) -> Key:
    """A service that needs it can't run in Swarm: a problem."""
    return Key(kind, REFUSED, why, instead)


def part(kind: Kind) -> Key:
    """It is a part of the key above, which says what becomes of it."""
    return Key(kind, PART)
