# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks if policies are enabled, and conditions of a service that several policies need."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.project.project import Project

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.project.desired_state import Spec


def written(project: Project, key: str, *keys: str) -> Any:
    """Returns the file's value at ``services.KEY.KEYS``, or None."""
    value: Any = project.services.get(key)
    for part in keys:
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def is_job(spec: Spec) -> bool:
    return "ReplicatedJob" in spec["Mode"] or "GlobalJob" in spec["Mode"]


def has_policies(options: Mapping[str, object], project: str) -> bool:
    """Returns whether ``platform`` with these options would change anything; a stack of a ``project`` gets labels."""
    asked = {
        name: value
        for name, value in options.items()
        if name not in ("generic_resources", "update_delay") and value != "keep"
    }
    return any(asked.values()) or bool(project and options.get("tracking_labels") is not False)
