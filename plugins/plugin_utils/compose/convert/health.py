# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Health checks."""

from __future__ import annotations

from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose import units
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.scope import Scope
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.values import (
    boolean,
    count,
    filled,
    mapping,
    parsed,
    texts,
)

_SPANS = {
    "Interval": "interval",
    "Timeout": "timeout",
    "StartPeriod": "start_period",
    "StartInterval": "start_interval",
}


def healthcheck(scope: Scope) -> dict[str, Any] | None:
    """Return the Healthcheck; spans are nanoseconds. ``disable: true`` wins over a test, as in Compose."""
    check = mapping(scope.service, "healthcheck", scope.path())
    if check is None:
        return None
    path = scope.path("healthcheck")
    if boolean(check, "disable", path):
        return {"Test": ["NONE"]}
    spans = {}
    for field, key in _SPANS.items():
        spans[field] = parsed(check, key, path, units.duration)
    return filled(Test=texts(check, "test", path), Retries=count(check, "retries", path), **spans)
