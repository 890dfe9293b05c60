# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Casts and canonical form of a whole document, from the table of keys."""

from __future__ import annotations

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.canonical.blocks import block, blocks
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.canonical.texts import wrong_type
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.keys.table import KEYS, SERVICE_KEYS
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.pattern_table import Rule, Rules
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.report import Place
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import ANYTHING, Map

CASTS = Rules({pattern: row.kind.cast for pattern, row in KEYS.items() if row.kind.cast})
_SECTIONS = ("services", "networks", "volumes", "configs", "secrets")
_FORMS = Rules({pattern: row.kind.form for pattern, row in KEYS.items() if row.kind.form})


def _form_of(key: str, form: Rule) -> Rule:
    """Returns the form of a service's key; for a block including the forms of the keys below."""
    if form not in (block, blocks):
        return form
    below = Rules()
    below.below = _FORMS.below["services"].below["*"].below[key].below

    def whole(value: object, place: Place) -> object:
        return below.apply(form(value, place), place)

    return whole


SERVICE = {key: _form_of(key, row.kind.form) for key, row in SERVICE_KEYS.items() if row.kind.form}


def service(value: object, place: Place) -> object:
    if value is None:
        place.problem("is empty", hint="a service needs at least an image", code="empty_service")
        # Other services may refer to it; its missing keys are no further problem.
        empty = Map(place.mark)
        empty.mark_lost(ANYTHING)
        return empty
    if not isinstance(value, Map):
        return wrong_type(value, place, "a mapping")
    for key in list(value):
        rule = SERVICE.get(key)
        if rule is not None:
            value[key] = rule(value[key], place.at(value, key))
    return value


def canonical(tree: Map, place: Place) -> Map:
    """Converts all short forms of a document to the canonical form; changes ``tree``.

    Reports invalid values, and leaves them unchanged.
    """
    for section in _SECTIONS:
        if section not in tree:
            continue
        here, entries = place.at(tree, section), tree[section]
        if not isinstance(entries, Map):
            wrong_type(entries, here, "a mapping")
        elif section == "services":
            for key in list(entries):
                entries[key] = service(entries[key], here.at(entries, key))
        else:
            _FORMS.below[section].apply(entries, here)
    return tree
