# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a service is updated and rolled back."""

from __future__ import annotations

import struct
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
    return {
        "Parallelism": 1 if parallelism is None else parallelism,
        "MaxFailureRatio": _float32(number(config, "max_failure_ratio", path) or 0),
        "Order": text(config, "order", path) or "",
        **filled(
            Delay=parsed(config, "delay", path, units.duration),
            Monitor=parsed(config, "monitor", path, units.duration),
            FailureAction=text(config, "failure_action", path),
        ),
    }


def _float32(value: float) -> float:
    """Return the shortest number that is the same as ``value`` in single precision, the Engine's type of a ratio."""
    single = struct.pack("f", value)
    exact: float = struct.unpack("f", single)[0]
    for digits in range(1, 9):
        rounded = float(f"{exact:.{digits}g}")
        if struct.pack("f", rounded) == single:
            return int(rounded) if rounded.is_integer() else rounded
    return float(f"{exact:.9g}")
