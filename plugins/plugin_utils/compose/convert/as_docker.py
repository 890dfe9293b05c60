# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``docker stack deploy`` would have made of a service whose file has keys that it ignores.

A stack that docker's CLI has deployed runs without these keys. Taking it over must restart nothing, so the manager
keeps a service that is exactly as docker made it; the keys take effect with the next change of the service.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.names import Stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.desired import convert
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.options import (
    IGNORED_BY_DOCKER,
    ConvertOptions,
)

#: Keys of one service that change what another one answers to.
ELSEWHERE = ("container_name", "links")


def remember_docker(desired: dict[str, Any], project: Any, stack: Stack, options: ConvertOptions) -> None:
    """Gives each service that differs from docker's an entry ``as_docker``: docker's ``spec`` and the ``keys``."""
    found = {key: sorted(ignored_keys(service)) for key, service in project.services.items()}
    if not any(found.values()):
        return
    docker = convert(project, stack, options=replace(options, apply_ignored=frozenset()))
    specs = {service["key"]: service["spec"] for service in docker["services"]}
    others = [key for key in ELSEWHERE if any(key in keys for keys in found.values())]
    for service in desired["services"]:
        spec = specs[service["key"]]
        if spec != service["spec"]:
            # Without keys of its own, it is another service's that has changed this one's aliases.
            service["as_docker"] = {"spec": spec, "keys": found[service["key"]] or others}


def ignored_keys(service: Mapping[str, Any]) -> Iterator[str]:
    """The keys of a canonical service that docker's CLI takes and ignores, as IGNORED_BY_DOCKER names them."""
    yield from (key for key in service if key in IGNORED_BY_DOCKER)
    for mount in service.get("volumes") or ():
        for name in ("tmpfs.mode", "volume.labels"):
            part, _dot, key = name.partition(".")
            if isinstance(mount.get(part), dict) and key in mount[part]:
                yield name
