# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The container's process: command, user, environment, and the plain fields that are copied."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.canonical import readers as read
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.context import Scope, makes
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source import units


@makes("TaskTemplate.ContainerSpec.Env", "environment")
def environment(scope: Scope) -> list[str] | None:
    """Returns the sorted ``K=V`` list without keys that have no value; docker's CLI sends these as well."""
    variables = read.section(scope.service, "environment", scope.path())
    return sorted(
        f"{name}={read.as_text(value, scope.path('environment', name))}"
        for name, value in variables.items()
        if value is not None
    )


_ALL, _RESET = "ALL", "RESET"


@makes("TaskTemplate.ContainerSpec.CapabilityAdd", "cap_add")
def capability_add(scope: Scope) -> list[str] | None:
    return sorted(_given(scope, "cap_add") - {_RESET}) or None


@makes("TaskTemplate.ContainerSpec.CapabilityDrop", "cap_drop")
def capability_drop(scope: Scope) -> list[str] | None:
    """Returns the dropped capabilities; one that is both added and dropped is added."""
    return sorted(_given(scope, "cap_drop") - _given(scope, "cap_add") - {_RESET}) or None


def _given(scope: Scope, key: str) -> set[str]:
    names = {_normal(name) for name in read.texts(scope.service, key, scope.path()) or []}
    return {_ALL} if _ALL in names else names


def _normal(name: str) -> str:
    name = name.strip().upper()
    return name if name in (_ALL, _RESET) or name.startswith("CAP_") else "CAP_" + name


_SPANS = {
    "Interval": "interval",
    "Timeout": "timeout",
    "StartPeriod": "start_period",
    "StartInterval": "start_interval",
}


@makes("TaskTemplate.ContainerSpec.Healthcheck", "healthcheck")
def healthcheck(scope: Scope) -> dict[str, Any] | None:
    """Returns the Healthcheck, with times in nanoseconds. ``disable: true`` wins over a test, as in Compose."""
    check = read.mapping(scope.service, "healthcheck", scope.path())
    if check is None:
        return None
    path = scope.path("healthcheck")
    if read.boolean(check, "disable", path):
        return {"Test": ["NONE"]}
    spans = {field: read.parsed(check, key, path, units.duration) for field, key in _SPANS.items()}
    return read.filled(Test=read.texts(check, "test", path), Retries=read.count(check, "retries", path), **spans)


@makes("TaskTemplate.ContainerSpec.Hosts", "extra_hosts")
def hosts(scope: Scope) -> list[str] | None:
    """Returns ``extra_hosts`` in the Engine's form, ``IP HOST``, in the file's order."""
    found = []
    for entry in read.texts(scope.service, "extra_hosts", scope.path()) or []:
        separator = "=" if "=" in entry else ":"
        host, given, address = entry.partition(separator)
        if given:
            if address.startswith("[") and address.endswith("]"):
                address = address[1:-1]
            found.append(f"{address} {host}")
    return found or None


@makes("TaskTemplate.ContainerSpec.DNSConfig", "dns", "dns_search", "dns_opt")
def dns_config(scope: Scope) -> dict[str, Any] | None:
    """Returns the DNSConfig; an empty list in the file becomes an empty DNSConfig, as in docker's CLI."""
    servers, search, options = (
        read.texts(scope.service, key, scope.path()) for key in ("dns", "dns_search", "dns_opt")
    )
    if servers is None and search is None and not options:
        return None
    return read.filled(Nameservers=servers, Search=search, Options=options)


@makes("TaskTemplate.ContainerSpec.Ulimits", "ulimits")
def ulimits(scope: Scope) -> list[dict[str, Any]] | None:
    given = read.section(scope.service, "ulimits", scope.path())
    return [_ulimit(scope, name, given) for name in sorted(given)] or None


def _ulimit(scope: Scope, name: str, given: Mapping[str, object]) -> dict[str, Any]:
    value = given[name]
    if not isinstance(value, Mapping):
        soft = hard = read.integer(given, name, scope.path("ulimits"))
    else:
        path = scope.path("ulimits", name)
        single = read.integer(value, "single", path)
        soft = read.integer(value, "soft", path) if single is None else single
        hard = read.integer(value, "hard", path) if single is None else single
    if soft is None or hard is None:
        raise scope.invalid("needs both 'soft' and 'hard', or one number", "ulimits", name, code="required")
    return {"Name": name, "Soft": soft, "Hard": hard}


@makes("TaskTemplate.LogDriver", "logging")
def log_driver(scope: Scope) -> dict[str, Any] | None:
    """Returns the LogDriver; an empty ``logging`` becomes an empty one, which means the node's default driver."""
    logging = read.mapping(scope.service, "logging", scope.path())
    if logging is None:
        return None
    path = scope.path("logging")
    return read.filled(Name=read.text(logging, "driver", path), Options=read.labels(logging, "options", path))
