# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Published ports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.canonical import readers as read
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.attachments import network_mode
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.context import Scope, makes
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Path


@makes("EndpointSpec")
def endpoint_spec(scope: Scope) -> dict[str, Any]:
    """Returns the EndpointSpec, with ports sorted by published port, then in the file's order."""
    deploy = read.section(scope.service, "deploy", scope.path())
    mode = (read.text(deploy, "endpoint_mode", scope.path("deploy")) or "").lower()
    given = read.items(scope.service, "ports", scope.path()) or []
    ports = [_port(scope, port, scope.path("ports", index)) for index, port in enumerate(given)]
    if ports and network_mode(scope) == "host":
        scope.notice("on the host's own network a container listens on the node directly", "ports", code="no_effect")
        ports = []
    return read.filled(Mode=mode, Ports=sorted(ports, key=lambda port: port.get("PublishedPort", 0)))


def _port(scope: Scope, port: Mapping[str, object], path: Path) -> dict[str, Any]:
    target = _number(scope, port, "target", path)
    published = _number(scope, port, "published", path) if port.get("published") != "" else 0
    return read.filled(
        Name=read.text(port, "name", path),
        Protocol=read.text(port, "protocol", path),
        TargetPort=target,
        PublishedPort=published,
        PublishMode=read.text(port, "mode", path),
    )


def _number(scope: Scope, port: Mapping[str, object], key: str, path: Path) -> int:
    value = read.integer(port, key, path) or 0
    if not 0 <= value <= 65535:
        raise scope.invalid(f"{value} is not a valid port", *path[2:], key, hint="Ports are 1 to 65535.", code="range")
    return value
