# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits and reservations, from ``deploy.resources`` and from the older keys beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose import units
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.devices import generic_resources
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.paths import Path
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.scope import Scope
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.values import (
    filled,
    integer,
    mapping,
    parsed,
    section,
)

_DEFAULT_CPU_PERIOD = 100_000


def resources(scope: Scope) -> dict[str, Any]:
    """Return the ResourceRequirements; a block that the file has is there even when it is empty."""
    deploy = section(scope.service, "deploy", scope.path())
    given = section(deploy, "resources", scope.path("deploy"))
    path = scope.path("deploy", "resources")
    limits, reservations = (mapping(given, key, path) for key in ("limits", "reservations"))
    result = {}
    wanted = _limits(scope, limits or {}, (*path, "limits"))
    if wanted or limits is not None:
        result["Limits"] = wanted
    wanted = _reservations(scope, reservations or {}, (*path, "reservations"))
    if wanted or reservations is not None:
        result["Reservations"] = wanted
    return result


def _limits(scope: Scope, limits: Mapping[str, Any], path: Path) -> dict[str, Any]:
    service, top = scope.service, scope.path()
    cpus = parsed(limits, "cpus", path, units.nano_cpus)
    memory = parsed(limits, "memory", path, units.byte_size)
    pids = integer(limits, "pids", path)
    return filled(
        NanoCPUs=_older_cpus(scope) if cpus is None else cpus,
        MemoryBytes=parsed(service, "mem_limit", top, units.byte_size) if memory is None else memory,
        Pids=integer(service, "pids_limit", top) if pids is None else pids,
    )


def _reservations(scope: Scope, reservations: Mapping[str, Any], path: Path) -> dict[str, Any]:
    memory = parsed(reservations, "memory", path, units.byte_size)
    return filled(
        NanoCPUs=parsed(reservations, "cpus", path, units.nano_cpus),
        MemoryBytes=parsed(scope.service, "mem_reservation", scope.path(), units.byte_size)
        if memory is None
        else memory,
        GenericResources=generic_resources(scope, reservations, path),
    )


def _older_cpus(scope: Scope) -> int | None:
    """``cpus``, or what ``cpu_quota`` is of ``cpu_period``: both are microseconds."""
    cpus = parsed(scope.service, "cpus", scope.path(), units.nano_cpus)
    if cpus is not None:
        return cpus
    quota = integer(scope.service, "cpu_quota", scope.path())
    period = integer(scope.service, "cpu_period", scope.path()) or _DEFAULT_CPU_PERIOD
    return quota * 10**9 // period if quota and quota > 0 and period > 0 else None
