# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a service is updated and rolled back."""

from __future__ import annotations

from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose import units
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.scope import Scope
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.values import (
    count,
    filled,
    mapping,
    number,
    parsed,
    section,
    text,
)

_ACTIONS = {
    "update_config": ("continue", "pause", "rollback"),
    "rollback_config": ("continue", "pause"),
}
_ORDERS = ("start-first", "stop-first")


def update_config(scope: Scope) -> dict[str, Any] | None:
    return _config(scope, "update_config")


def rollback_config(scope: Scope) -> dict[str, Any] | None:
    return _config(scope, "rollback_config")


def _config(scope: Scope, key: str) -> dict[str, Any] | None:
    """Return the UpdateConfig. Ratio and order are always in it, since docker's CLI sends them so."""
    deploy = section(scope.service, "deploy", scope.path())
    config = mapping(deploy, key, scope.path("deploy"))
    if config is None:
        return None
    path = scope.path("deploy", key)
    parallelism = count(config, "parallelism", path)
    ratio = number(config, "max_failure_ratio", path) or 0
    if not 0 <= ratio <= 1:
        raise scope.invalid(f"{ratio} is not between 0 and 1", "deploy", key, "max_failure_ratio", code="range")
    return {
        "Parallelism": 1 if parallelism is None else parallelism,
        "MaxFailureRatio": ratio,
        "Order": _one_of(scope, text(config, "order", path), _ORDERS, key, "order"),
        **filled(
            Delay=parsed(config, "delay", path, units.duration),
            Monitor=parsed(config, "monitor", path, units.duration),
            FailureAction=_one_of(scope, text(config, "failure_action", path), _ACTIONS[key], key, "failure_action"),
        ),
    }


def _one_of(scope: Scope, value: str | None, words: tuple[str, ...], *keys: str) -> str:
    if value and value not in words:
        raise scope.invalid(f"{value!r} is not known", "deploy", *keys, hint="Use one of " + ", ".join(words) + ".")
    return value or ""
