# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Durations, sizes and CPUs must be valid, and large enough for the Engine."""

from __future__ import annotations

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.keys.kinds import BYTE_SIZE, Unit
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.keys.table import SERVICE_PATHS
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.rules.inspection import Review, deep, items_of
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.report import UNSET
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Path

_UNITS = [(path, row.kind.unit) for path, row in SERVICE_PATHS.items() if row.kind.unit]


def check_units(review: Review) -> None:
    for name, service in review.services.items():
        for keys, unit in _UNITS:
            value = deep(service, *keys) if keys[0] in service else None
            if value is not None:
                _check(review, ("services", name, *keys), value, unit)
        for index, mount in items_of(service, "volumes"):
            _check(
                review, ("services", name, "volumes", index, "tmpfs", "size"), deep(mount, "tmpfs", "size"), BYTE_SIZE
            )


def _check(review: Review, path: Path, value: object, unit: Unit) -> None:
    if value is None:
        return
    try:
        number = unit.parse(value)
    except (TypeError, ValueError, OverflowError):
        found = "empty text" if value == "" else "another text"
        review.problem(path, f"expected {unit.expected}, found {found}", UNSET if value == "" else unit.units, "units")
        return
    if number < unit.least and number != 0:
        review.problem(path, unit.refusal, "", "range")
