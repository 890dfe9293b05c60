# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``pre_start``: steps with the shapes of the service's own keys."""

from __future__ import annotations

from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.canonical.commands import words
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.canonical.environment import environment
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.canonical.texts import text, wrong_type
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.report import Place
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Map, Seq

_STEP = {"command": words, "environment": environment, **dict.fromkeys(("image", "user", "working_dir"), text)}


def pre_start(value: Any, place: Place) -> Any:
    """A list of mappings."""
    if not isinstance(value, Seq):
        return wrong_type(value, place, "a list of mappings")
    for index, step in enumerate(value):
        here = place.at(value, index)
        if not isinstance(step, Map):
            wrong_type(step, here, "a mapping")
            continue
        for key, rule in _STEP.items():
            if key in step:
                step[key] = rule(step[key], here.at(step, key))
    return value
