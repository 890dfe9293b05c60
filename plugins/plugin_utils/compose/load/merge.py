# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Merges canonical trees like Compose: mappings by key, lists appended, a few keys by their own rules.

``!reset`` removes the value of the earlier file, ``!override`` replaces it. Nothing is changed in place.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.canonical.texts import kind_of
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.keys.kinds import OTHER, Kind
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.keys.table import KEYS
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.pattern_table import Rules
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.report import SHARED, Place
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Map, Seq

#: The kinds of keys with their own rules for merging.
_KINDS = Rules(
    {pattern: row.kind for pattern, row in KEYS.items() if row.kind.known_by or row.kind.replaces or row.kind.either}
)
_SERVICE = _KINDS.below["services"].below["*"]


def merge(base: Map, over: Map, place: Place) -> Map:
    """Merges ``over`` over ``base``, both whole documents."""
    return _maps(base, over, place, _KINDS)


def merge_service(base: Map, over: Map, place: Place) -> Map:
    """Merges one service over another (``extends``)."""
    return _maps(base, over, place, _SERVICE)


def _maps(base: Map, over: Map, place: Place, kinds: Rules | None) -> Map:
    place.report.spend(SHARED * (len(base) + len(over)), over.start)
    new = over.like()
    new.mark_lost(*base.lost)
    new.marks = dict(base.marks)
    new.update(base)
    for key in over.tags:
        new.drop(key)
    for key, value in over.items():
        mark = over.mark(key)
        if key not in new or key.startswith("x-"):
            new.put(key, value, mark)
            continue
        merged = _values(new[key], value, place.at(over, key), _below(kinds, key))
        # A container keeps the place of its first part, a scalar gets the place of the value that won.
        new.put(key, merged, mark if not isinstance(merged, (Map, Seq)) or merged is value else new.mark(key))
    return new


def _below(kinds: Rules | None, key: str) -> Rules | None:
    if kinds is None:
        return None
    # A key without a row inherits "either" from the key above.
    return kinds.next(key) or (kinds if kinds.rule and kinds.rule.either else None)


def _values(base: object, over: object, place: Place, kinds: Rules | None) -> Any:
    if over is None and isinstance(base, (Map, Seq)):
        return base
    kind: Kind = (kinds.rule if kinds else None) or OTHER
    if base is None or kind.replaces and kind.replaces(base, over):
        return over
    if isinstance(base, Map) and isinstance(over, Map):
        return _maps(base, over, place, kinds)
    if isinstance(base, Seq) and isinstance(over, Seq):
        place.report.spend(SHARED * (len(base) + len(over)), over.start)
        return _lists(base, over, kind.known_by)
    if (isinstance(base, (Map, Seq)) or isinstance(over, (Map, Seq))) and not kind.either:
        place.problem(f"can't be merged: it is {kind_of(base)} in the base file and {kind_of(over)} here", code="merge")
    return over


def _lists(base: Seq, over: Seq, known_by: Callable[[object], Hashable] | None) -> Seq:
    new = Seq(base.start)
    known: dict[Hashable, int] = {}
    for index, item in enumerate(base):
        known[known_by(item) if known_by else None] = index
        new.add(item, base.mark(index))
    for index, item in enumerate(over):
        # Each earlier item is replaced once: a duplicate in one file stays, so that the rules report it.
        replaced = known.pop(known_by(item) if known_by else None, None)
        if replaced is None or known_by is None:
            new.add(item, over.mark(index))
        else:
            new[replaced] = item
            new.marks[replaced] = over.mark(index)
    return new
