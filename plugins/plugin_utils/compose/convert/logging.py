# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The log driver of a service."""

from __future__ import annotations

from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.scope import Scope
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.values import (
    filled,
    labels,
    mapping,
    text,
)


def log_driver(scope: Scope) -> dict[str, Any] | None:
    """Return the LogDriver; an empty ``logging`` gives an empty one, which means the node's default driver."""
    logging = mapping(scope.service, "logging", scope.path())
    if logging is None:
        return None
    path = scope.path("logging")
    return filled(Name=text(logging, "driver", path), Options=labels(logging, "options", path))
