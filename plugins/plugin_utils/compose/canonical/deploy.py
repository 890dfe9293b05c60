# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``deploy``, ``logging``, ``ulimits`` and other blocks of a service."""

from __future__ import annotations

from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.canonical.texts import (
    is_scalar,
    text,
    text_list,
    text_map,
    wrong_type,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.pattern_table import Rules
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.report import Place
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.scalars import scalar_text
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Map, Seq

_DEPLOY = Rules(
    {
        "endpoint_mode": text,
        "labels": text_map,
        "mode": text,
        "placement.constraints": text_list,
        "resources.limits.cpus": text,
        "resources.limits.memory": text,
        "resources.reservations.cpus": text,
        "resources.reservations.memory": text,
        "restart_policy.condition": text,
        "restart_policy.delay": text,
        "restart_policy.window": text,
        "rollback_config.delay": text,
        "rollback_config.failure_action": text,
        "rollback_config.monitor": text,
        "rollback_config.order": text,
        "update_config.delay": text,
        "update_config.failure_action": text,
        "update_config.monitor": text,
        "update_config.order": text,
    }
)


def deploy(value: Any, place: Place) -> Any:
    if not isinstance(value, Map):
        return wrong_type(value, place, "a mapping")
    return _DEPLOY.apply(value, place)


def logging(value: Any, place: Place) -> Any:
    if not isinstance(value, Map):
        return wrong_type(value, place, "a mapping")
    if "driver" in value:
        value["driver"] = text(value["driver"], place.at(value, "driver"))
    if "options" in value:
        value["options"] = text_map(value["options"], place.at(value, "options"))
    return value


def ulimits(value: Any, place: Place) -> Any:
    """Name → one number, or a map of soft and hard."""
    if not isinstance(value, Map):
        return wrong_type(value, place, "a mapping")
    for name, limit in value.items():
        here = place.at(value, name)
        numbers = [limit.get("soft"), limit.get("hard")] if isinstance(limit, Map) else [limit]
        if any(isinstance(number, bool) or not isinstance(number, int) for number in numbers):
            here.problem(
                "must be a whole number, or a mapping with 'soft' and 'hard'", hint="-1 means unlimited", code="type"
            )
    return value


def devices(value: Any, place: Place) -> Any:
    """``SOURCE:TARGET:PERMISSIONS`` texts."""
    if not isinstance(value, Seq):
        return wrong_type(value, place, "a list")
    for index, item in enumerate(value):
        if isinstance(item, Map):
            parts = [item.get(key) for key in ("source", "target", "permissions")]
            value[index] = ":".join(scalar_text(part) for part in parts if is_scalar(part))
        else:
            value[index] = text(item, place.at(value, index))
    return value
