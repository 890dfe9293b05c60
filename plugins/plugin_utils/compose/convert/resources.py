# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits and reservations, from ``deploy.resources`` and from the older keys beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.canonical import readers as read
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.context import Scope, makes
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source import units
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Invalid, Path

_DEFAULT_CPU_PERIOD = 100_000


@makes("TaskTemplate.Resources")
def resources(scope: Scope) -> dict[str, Any]:
    """Returns the ResourceRequirements, with each block of the file, even if it is empty."""
    deploy = read.section(scope.service, "deploy", scope.path())
    given = read.section(deploy, "resources", scope.path("deploy"))
    path = scope.path("deploy", "resources")
    limits, reservations = (read.mapping(given, key, path) for key in ("limits", "reservations"))
    result = {}
    wanted = _limits(scope, limits or {}, (*path, "limits"))
    if wanted or limits is not None:
        result["Limits"] = wanted
    wanted = _reservations(scope, reservations or {}, (*path, "reservations"))
    if wanted or reservations is not None:
        result["Reservations"] = wanted
    return result


def _limits(scope: Scope, limits: Mapping[str, object], path: Path) -> dict[str, Any]:
    service, top = scope.service, scope.path()
    cpus = read.parsed(limits, "cpus", path, units.nano_cpus)
    memory = read.parsed(limits, "memory", path, units.byte_size)
    pids = read.integer(limits, "pids", path)
    return read.filled(
        NanoCPUs=_older_cpus(scope) if cpus is None else cpus,
        MemoryBytes=read.parsed(service, "mem_limit", top, units.byte_size) if memory is None else memory,
        Pids=read.integer(service, "pids_limit", top) if pids is None else pids,
    )


def _reservations(scope: Scope, reservations: Mapping[str, object], path: Path) -> dict[str, Any]:
    memory = read.parsed(reservations, "memory", path, units.byte_size)
    return read.filled(
        NanoCPUs=read.parsed(reservations, "cpus", path, units.nano_cpus),
        MemoryBytes=read.parsed(scope.service, "mem_reservation", scope.path(), units.byte_size)
        if memory is None
        else memory,
        GenericResources=generic_resources(scope, reservations, path),
    )


def _older_cpus(scope: Scope) -> int | None:
    """Returns ``cpus``, or ``cpu_quota`` divided by ``cpu_period``, both in microseconds."""
    cpus = read.parsed(scope.service, "cpus", scope.path(), units.nano_cpus)
    if cpus is not None:
        return cpus
    quota = read.integer(scope.service, "cpu_quota", scope.path())
    period = read.integer(scope.service, "cpu_period", scope.path()) or _DEFAULT_CPU_PERIOD
    cpus = quota * 10**9 // period if quota and quota > 0 and period > 0 else None
    if cpus and cpus >= 2**63:
        raise scope.invalid("is too large", "cpu_quota", code="range")
    return cpus


_HINT = (
    "Swarm schedules devices as generic resources: start dockerd on the nodes with node-generic-resources, and reserve "
    "them under deploy.resources.reservations.generic_resources."
)


def generic_resources(scope: Scope, reservations: Mapping[str, object], path: Path) -> list[dict[str, Any]]:
    """Returns the GenericResources of ``reservations.generic_resources``, ``reservations.devices`` and ``gpus``."""
    found = []
    for index, item in enumerate(read.items(reservations, "generic_resources", path) or []):
        at = (*path, "generic_resources", index)
        spec = read.section(item, "discrete_resource_spec", at)
        at = (*at, "discrete_resource_spec")
        found.append(_discrete(read.text(spec, "kind", at) or "", read.count(spec, "value", at) or 0))
    for index, device in enumerate(read.items(reservations, "devices", path) or []):
        found += _device(scope, device, (*path, "devices", index))
    return found + _gpus(scope)


def _gpus(scope: Scope) -> list[dict[str, Any]]:
    gpus = scope.service.get("gpus")
    if gpus is None:
        return []
    if isinstance(gpus, str):
        return _device(scope, {"count": gpus}, scope.path("gpus"))
    found = []
    for index, gpu in enumerate(read.items(scope.service, "gpus", scope.path()) or []):
        found += _device(scope, gpu, scope.path("gpus", index))
    return found


def _device(scope: Scope, device: Mapping[str, object], path: Path) -> list[dict[str, Any]]:
    kinds = scope.context.options.generic_resources
    names = [read.text(device, "driver", path), *(read.texts(device, "capabilities", path) or [])]
    if "gpus" in path:
        names.append("gpu")
    kind = next((kinds[name] for name in names if name and name in kinds), None)
    if kind is None:
        wanted = " or ".join(repr(name) for name in names if name) or "this device"
        raise Invalid(f"no generic resource is configured for {wanted}", path, hint=_HINT, code="unsupported")
    ids = read.texts(device, "device_ids", path)
    if ids:
        return [{"NamedResourceSpec": {"Kind": kind, "Value": name}} for name in ids]
    if device.get("count") == "all":
        raise Invalid("Swarm can't reserve all devices of a node", path, hint="Set a number.", code="unsupported")
    number = read.count(device, "count", path)
    return [_discrete(kind, 1 if number is None else number)]


def _discrete(kind: str, value: int) -> dict[str, Any]:
    spec: dict[str, Any] = {"Kind": kind} if kind else {}
    if value:
        spec["Value"] = value
    return {"DiscreteResourceSpec": spec}
