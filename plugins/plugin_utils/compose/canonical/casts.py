# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Converts text to a number or boolean where one is expected, since variables only give text.

Rules of compose-go's loader, and the same for the keys of Swarm that it leaves alone.
"""

from __future__ import annotations

from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.pattern_table import Rules
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.report import Place

_BOOLEANS = {
    **dict.fromkeys(("true", "y", "yes", "on"), True),
    **dict.fromkeys(("false", "n", "no", "off"), False),
}


def to_bool(value: Any, place: Place) -> Any:
    if not isinstance(value, str):
        return value
    if value.lower() in _BOOLEANS:
        return _BOOLEANS[value.lower()]
    place.problem("must be a boolean; this text is not one", hint="use true or false", code="type")
    return value


def to_int(value: Any, place: Place) -> Any:
    if not isinstance(value, str):
        return value
    digits = value[1:] if value[:1] in ("+", "-") else value
    if digits.isascii() and digits.isdigit() and len(digits) < 20:
        return int(value)
    place.problem("must be a whole number; this text is not one", hint="use decimal digits only", code="type")
    return value


def to_float(value: Any, place: Place) -> Any:
    if not isinstance(value, str):
        return value
    try:
        number = float(value) if "_" not in value and value == value.strip() else float("nan")
    except ValueError:
        number = float("nan")
    if number - number == 0:
        return number
    place.problem("must be a number; this text is not one", hint="use the form 0.5", code="type")
    return value


_SERVICE = {
    "cpu_count": to_int,
    "cpu_percent": to_float,
    "cpu_period": to_int,
    "cpu_quota": to_int,
    "cpu_rt_period": to_int,
    "cpu_rt_runtime": to_int,
    "cpu_shares": to_int,
    "depends_on.*.required": to_bool,
    "depends_on.*.restart": to_bool,
    "deploy.placement.max_replicas_per_node": to_int,
    "deploy.replicas": to_int,
    "deploy.resources.limits.pids": to_int,
    "deploy.resources.reservations.generic_resources[].discrete_resource_spec.value": to_int,
    "deploy.restart_policy.max_attempts": to_int,
    "deploy.rollback_config.max_failure_ratio": to_float,
    "deploy.rollback_config.parallelism": to_int,
    "deploy.update_config.max_failure_ratio": to_float,
    "deploy.update_config.parallelism": to_int,
    "env_file[].required": to_bool,
    "healthcheck.disable": to_bool,
    "healthcheck.retries": to_int,
    "init": to_bool,
    "mem_swappiness": to_int,
    "oom_kill_disable": to_bool,
    "oom_score_adj": to_int,
    "pids_limit": to_int,
    "ports[].target": to_int,
    "pre_start[].per_replica": to_bool,
    "pre_start[].privileged": to_bool,
    "privileged": to_bool,
    "read_only": to_bool,
    "scale": to_int,
    "stdin_open": to_bool,
    "tty": to_bool,
    "ulimits.*": lambda value, place: value if isinstance(value, dict) else to_int(value, place),
    "ulimits.*.hard": to_int,
    "ulimits.*.soft": to_int,
    "use_api_socket": to_bool,
    "volumes[].bind.create_host_path": to_bool,
    "volumes[].read_only": to_bool,
    "volumes[].volume.nocopy": to_bool,
}
_TOP = {
    "configs.*.external": to_bool,
    "networks.*.attachable": to_bool,
    "networks.*.enable_ipv4": to_bool,
    "networks.*.enable_ipv6": to_bool,
    "networks.*.external": to_bool,
    "networks.*.internal": to_bool,
    "secrets.*.external": to_bool,
    "volumes.*.external": to_bool,
}


def _unless_map(cast: Any) -> Any:
    # The old form `external: {name: x}` is a mapping.
    return lambda value, place: value if isinstance(value, dict) else cast(value, place)


CASTS = Rules(
    {
        **{f"services.*.{path}": cast for path, cast in _SERVICE.items()},
        **{path: _unless_map(cast) for path, cast in _TOP.items()},
    }
)
