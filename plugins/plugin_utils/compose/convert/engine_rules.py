# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the Engine would refuse of a finished desired state, found before anything is touched."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.names import MAX_NAME
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.context import Context
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.paths import Invalid, Path

#: swarmkit's controlapi: services and networks are DNS labels, configs and secrets may hold dots.
_DNS_NAME = re.compile(r"[a-zA-Z0-9](?:[-_]*[A-Za-z0-9]+)*\Z")
_OBJECT_NAME = re.compile(r"[a-zA-Z0-9]+(?:[a-zA-Z0-9-_.]*[a-zA-Z0-9])?\Z")
_MAX_OBJECT_NAME = 64


def check(context: Context, desired: dict[str, Any]) -> None:
    """Add a problem to ``context`` for everything that the Engine would refuse."""
    for entry in desired["services"]:
        path: Path = ("services", entry["key"])
        for problem in (*_name(entry["name"], path, MAX_NAME, _DNS_NAME), *_service(entry["spec"], path)):
            context.problems.append(context.at(problem.message, problem.path, problem.hint, problem.code))
    for kind, longest, pattern in (
        ("networks", MAX_NAME, _DNS_NAME),
        ("configs", _MAX_OBJECT_NAME, _OBJECT_NAME),
        ("secrets", _MAX_OBJECT_NAME, _OBJECT_NAME),
    ):
        for entry in desired[kind]:
            if entry["external"]:
                continue
            for problem in _name(entry["name"], (kind, entry["key"]), longest, pattern):
                context.problems.append(context.at(problem.message, problem.path, problem.hint, problem.code))


def _name(name: str, path: Path, longest: int, pattern: re.Pattern[str]) -> Iterator[Invalid]:
    if len(name) > longest:
        yield Invalid(
            f"its name in the Swarm, {name!r}, has {len(name)} characters, but {longest} is the most",
            path,
            hint="Shorten the key or the stack's name.",
            code="name_too_long",
        )
    elif not pattern.match(name):
        letters = "letters, digits, '-' and '_'" + (" and '.'" if pattern is _OBJECT_NAME else "")
        yield Invalid(
            f"its name in the Swarm, {name!r}, is refused by the Engine",
            path,
            hint=f"Use only {letters}, beginning and ending with a letter or digit.",
            code="name_invalid",
        )


def _service(spec: dict[str, Any], path: Path) -> Iterator[Invalid]:
    yield from _mounts(spec["TaskTemplate"]["ContainerSpec"], path)
    yield from _ports(spec.get("EndpointSpec") or {}, path)
    mode = spec.get("Mode") or {}
    if "ReplicatedJob" in mode or "GlobalJob" in mode:
        for field, key in (("UpdateConfig", "update_config"), ("RollbackConfig", "rollback_config")):
            if field in spec:
                yield Invalid("a job has none", (*path, "deploy", key), hint="Remove it.", code="conflict")


def _mounts(container: dict[str, Any], path: Path) -> Iterator[Invalid]:
    targets = set()
    for mount in container.get("Mounts", ()):
        if mount["Target"] in targets:
            yield Invalid(
                f"two mounts have the target {mount['Target']!r}",
                (*path, "volumes"),
                hint="Remove one.",
                code="duplicate",
            )
        targets.add(mount["Target"])


def _ports(endpoint: dict[str, Any], path: Path) -> Iterator[Invalid]:
    seen = set()
    for port in endpoint.get("Ports", ()):
        host_mode = port.get("PublishMode") == "host"
        published = port.get("PublishedPort", 0)
        taken = (published, port.get("Protocol") or "tcp", host_mode)
        if published and taken in seen:
            yield Invalid(
                f"port {published}/{taken[1]} is published twice",
                (*path, "ports"),
                hint="Remove one.",
                code="duplicate",
            )
        seen.add(taken)
        if endpoint.get("Mode") == "dnsrr" and not host_mode:
            yield Invalid(
                "a service with endpoint_mode dnsrr has no virtual address, so it can't publish ports in mode ingress",
                (*path, "ports"),
                hint="Use 'mode: host' for its ports, or endpoint_mode vip.",
                code="conflict",
            )
            return
