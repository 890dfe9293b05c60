# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A row of the table of keys: the kind of a key's value, and what becomes of it in Swarm."""

from __future__ import annotations

from typing import NamedTuple

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.keys.kinds import Kind

CARRIED = "carried"
COMPILED = "compiled"
QUIET = "quiet"
NOTICE = "no effect"
REFUSED = "refused"
#: A part of a key: the row of the key above defines what becomes of it.
PART = ""

#: Whether the job of a ``pre_start`` step inherits the key from its service: always, or unless it has its own image.
ALWAYS = "always"
WITH_IMAGE = "with the image"


class Key(NamedTuple):
    """One key.

    ``fate`` is one of the constants above. ``text`` is the field of the spec (carried), what the compiler does with the
    key (compiled), or why it has no effect. ``instead`` is the alternative for users. ``since`` is the lowest Engine
    API with the field, if newer than our oldest (1.41). ``default`` is the value that Swarm always uses: no notice.
    ``values``: texts are copied unchanged, so they may contain values that only the manager knows. ``ignored``:
    ``docker stack deploy`` ignores the key, although Swarm supports it. ``step``: see above.
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
    """Returns a row: the value goes into this field of the spec."""
    return Key(kind, CARRIED, field, since=since, values=values, ignored=ignored, step=step)


def compiled(kind: Kind, how: str, *, values: bool = False, ignored: bool = False, step: str = "") -> Key:
    """Returns a row: the compiler handles the key and all keys below; convert reports settings that have no effect."""
    return Key(kind, COMPILED, how, values=values, ignored=ignored, step=step)


def quiet(kind: Kind, why: str) -> Key:
    """Returns a row: the key and all keys below don't matter for a deployment, so there is no notice."""
    return Key(kind, QUIET, why)


def no_effect(kind: Kind, why: str, instead: str = "remove it", *, default: bool = False, values: bool = False) -> Key:
    """Returns a row: the key and all keys below have no effect in Swarm: a notice, and an error if strict."""
    return Key(kind, NOTICE, why, instead, default=default, values=values)


def refused(kind: Kind, why: str, instead: str) -> Key:
    """Returns a row: a service that needs the key can't run in Swarm: a problem."""
    return Key(kind, REFUSED, why, instead)


def part(kind: Kind) -> Key:
    """Returns a row: the key is a part of the key above, whose row defines what becomes of it."""
    return Key(kind, PART)
