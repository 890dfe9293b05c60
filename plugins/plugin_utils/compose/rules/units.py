# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Durations, sizes and CPUs that can be parsed, and that the Engine accepts."""

from __future__ import annotations

from typing import Any, Callable, Mapping, Tuple

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.rules.inspection import Look, deep, items_of
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.report import UNSET
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.units import (
    byte_size,
    duration,
    nano_cpus,
)

MILLISECOND = 10**6
#: The least memory that swarmkit takes for a limit or a reservation, and the least CPU.
LEAST_MEMORY = 4 * 2**20
LEAST_NANO_CPUS = 10**6


def _any_size(_value: int) -> str:
    return ""


def _duration(value: int) -> str:
    return "must not be negative" if value < 0 else ""


def _health(value: int) -> str:
    return "must be at least 1ms" if value != 0 and value < MILLISECOND else ""


def _memory(value: int) -> str:
    return "must be at least 4M" if value != 0 and value < LEAST_MEMORY else ""


def _cpus(value: int) -> str:
    return "must be at least 0.001" if value != 0 and value < LEAST_NANO_CPUS else ""


Rule = Tuple[Callable[[Any], int], Callable[[int], str], str]
DURATION: Rule = (duration, _duration, "a duration such as 30s or 1m30s")
HEALTH: Rule = (duration, _health, "a duration such as 30s or 1m30s")
MEMORY: Rule = (byte_size, _memory, "a size such as 512M or 2gb")
SIZE: Rule = (byte_size, _any_size, "a size such as 512M or 2gb")
CPUS: Rule = (nano_cpus, _cpus, "a number of CPUs such as 0.5")

UNITS_OF: Mapping[Callable[[Any], int], str] = {
    duration: "units are us, ms, s, m and h",
    byte_size: "units are b, k, m and g",
    nano_cpus: "use only digits and a decimal point",
}

UNITS: Mapping[Tuple[str, ...], Rule] = {
    ("cpus",): CPUS,
    ("mem_limit",): MEMORY,
    ("mem_reservation",): MEMORY,
    ("shm_size",): SIZE,
    ("stop_grace_period",): DURATION,
    ("healthcheck", "interval"): HEALTH,
    ("healthcheck", "start_interval"): HEALTH,
    ("healthcheck", "start_period"): HEALTH,
    ("healthcheck", "timeout"): HEALTH,
    ("deploy", "resources", "limits", "cpus"): CPUS,
    ("deploy", "resources", "limits", "memory"): MEMORY,
    ("deploy", "resources", "reservations", "cpus"): CPUS,
    ("deploy", "resources", "reservations", "memory"): MEMORY,
    ("deploy", "restart_policy", "delay"): DURATION,
    ("deploy", "restart_policy", "window"): DURATION,
    ("deploy", "rollback_config", "delay"): DURATION,
    ("deploy", "rollback_config", "monitor"): DURATION,
    ("deploy", "update_config", "delay"): DURATION,
    ("deploy", "update_config", "monitor"): DURATION,
}


def check_units(look: Look) -> None:
    for name, service in look.services.items():
        for keys, rule in UNITS.items():
            value = deep(service, *keys) if keys[0] in service else None
            if value is not None:
                _check(look, ("services", name, *keys), value, rule)
        for index, mount in items_of(service, "volumes"):
            _check(look, ("services", name, "volumes", index, "tmpfs", "size"), deep(mount, "tmpfs", "size"), SIZE)


def _check(look: Look, path: Tuple[Any, ...], value: Any, rule: Rule) -> None:
    parse, refuse, expected = rule
    if value is None:
        return
    try:
        fault = refuse(parse(value))
    except (TypeError, ValueError, OverflowError):
        found = "empty text" if value == "" else "another text"
        look.problem(path, f"expected {expected}, found {found}", UNSET if value == "" else UNITS_OF[parse], "units")
        return
    if fault:
        look.problem(path, fault, "", "range")
