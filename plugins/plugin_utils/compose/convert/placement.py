# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""On which nodes a service's tasks may run."""

from __future__ import annotations

from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.scope import Scope
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.values import (
    count,
    filled,
    items,
    section,
    text,
    texts,
)

_SYSTEMS = ("linux", "windows", "darwin", "freebsd")
#: Nodes report these by names of the kernel, which swarmkit turns into Go's.
_ARCHITECTURES = {"x86_64": "amd64", "x86-64": "amd64", "aarch64": "arm64", "i386": "386"}


def placement(scope: Scope) -> dict[str, Any]:
    deploy = section(scope.service, "deploy", scope.path())
    given = section(deploy, "placement", scope.path("deploy"))
    path = scope.path("deploy", "placement")
    constraints = texts(given, "constraints", path) or []
    return filled(
        Constraints=constraints,
        Preferences=[
            {"Spread": {"SpreadDescriptor": text(item, "spread", (*path, "preferences", index)) or ""}}
            for index, item in enumerate(items(given, "preferences", path) or [])
        ],
        MaxReplicas=count(given, "max_replicas_per_node", path),
        Platforms=_platforms(scope),
    )


def _platforms(scope: Scope) -> list[dict[str, str]]:
    """Return the one platform of ``platform``: OS[/ARCHITECTURE[/VARIANT]] or ARCHITECTURE."""
    written = text(scope.service, "platform", scope.path())
    if not written:
        return []
    parts = written.lower().split("/")
    system, parts = (parts[0], parts[1:]) if parts[0] in _SYSTEMS else ("linux", parts)
    architecture = _ARCHITECTURES.get(parts[0], parts[0]) if parts else ""
    # Nodes tell 32-bit ARM by the kernel's name (armv7l), which no image's platform equals; the CLI leaves it out too.
    if architecture == "arm":
        architecture = ""
        scope.notice("32-bit ARM is not told apart by Swarm, so any Linux node may run this", "platform")
    return [filled(OS=system, Architecture=architecture)]
