# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Generates values in order, because some depend on others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict, Iterable, List, Mapping, Sequence, Set

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import GeneratorError
from ansible_collections.stackwright.swarm.plugins.module_utils.values.generators import Chance, Context, generator_of

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.values.value_types import ValueEntry


def make_missing(entries: Sequence[ValueEntry], known: Mapping[str, str], rng: Chance, now: int) -> Dict[str, str]:
    """Returns new values, by name, for those of a DesiredState's ``values`` that are not in ``known``.

    :param known: the existing values, including those of overrides (``given_of``).
    :param rng: ``secrets.SystemRandom()``, or Seeded.
    :param now: seconds since 1970, for tokens that expire.
    :raises GeneratorError: a generator is unknown, or values depend on each other in a cycle.
    """
    made: Dict[str, str] = {}
    for entry in in_order(entries):
        name = entry["name"]
        if entry["generator"] and name not in known:
            context = Context({**known, **given_of(entries), **made}, now)
            made[name] = generator_of(entry["generator"]).make(rng, entry["params"] or {}, context)
    return made


def given_of(entries: Iterable[ValueEntry]) -> Dict[str, str]:
    """Returns the values of overrides, by name."""
    return {entry["name"]: entry["given"] for entry in entries if entry["given"] is not None}


def needs_of(entry: ValueEntry) -> List[str]:
    return generator_of(entry["generator"]).needs(entry["params"] or {}) if entry["generator"] else []


def in_order(entries: Sequence[ValueEntry]) -> List[ValueEntry]:
    """Returns the entries, each after those that it is built from. Raises GeneratorError for a cycle."""
    left = {entry["name"]: entry for entry in entries}
    done: List[ValueEntry] = []
    while left:
        ready = [entry for entry in left.values() if not any(need in left for need in needs_of(entry))]
        if not ready:
            raise GeneratorError(f"the values {', '.join(sorted(left))} depend on each other in a cycle")
        done += ready
        for entry in ready:
            del left[entry["name"]]
    return done


def with_dependants(entries: Sequence[ValueEntry], names: Iterable[str]) -> Set[str]:
    """Returns ``names`` and all values that are built from them: they are regenerated together."""
    found = set(names)
    for entry in in_order(entries):
        if any(need in found for need in needs_of(entry)):
            found.add(entry["name"])
    return found
