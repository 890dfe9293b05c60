# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Converts a canonical project to the desired state of a stack. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ComposeError
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.names import Stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.context import (
    IGNORED_BY_DOCKER,
    Context,
    ConvertOptions,
    Scope,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.objects import networks, objects
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.service_spec import service_spec
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.project.project import Project
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.project.waves import dependencies, waves

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.project.desired_state import Desired


def convert(project: Project, stack: Stack, *, options: ConvertOptions | None = None) -> Desired:
    """Returns the DesiredState (docs/architecture.md) of ``project``, with names from ``stack``.

    Specs are those of ``docker stack deploy`` 28.2.2, except for the list in docs/differences.md.
    The rules find what the Engine would refuse; here a problem is only a value that can't become part of a spec.
    Raises ComposeError with all problems.
    """
    context = Context(project, stack, options or ConvertOptions())
    services = []
    for key in sorted(context.entries("services"), key=str):
        service = context.guard(_service, context, str(key), context.entries("services")[key])
        if service:
            services.append(service)
    desired: Desired = {
        "format": 1,
        "stack": {**stack.data, "hash": stack.hash, "prefix": stack.prefix},
        "networks": networks(context),
        "configs": objects(context, "configs"),
        "secrets": objects(context, "secrets"),
        "services": sorted(services, key=lambda service: service["name"]),
        "waves": context.guard(lambda: waves({service["key"]: service["depends_on"] for service in services})) or [],
        "routes": [],
        "values": list(project.values),
        "notices": [],
    }
    if context.problems:
        raise ComposeError(list(dict.fromkeys(context.problems)))
    notices = dict.fromkeys([*project.notices, *context.notices])
    desired["notices"] = [asdict(notice) for notice in notices]
    return desired


def _service(context: Context, key: str, service: object) -> dict[str, Any]:
    scope = Scope(context, key, service if isinstance(service, Mapping) else {})
    mark = context.project.where(scope.path())
    depends_on = dependencies(scope.service, scope.path())
    for other in depends_on.keys() - context.project.services.keys():
        depends_on[other]["required"] = False  # the rules have accepted it
    step = context.project.steps.get(key)
    return {
        **({"step_of": step[0]} if step else {}),
        "key": key,
        "name": context.stack.scoped(key),
        "image": scope.service.get("image"),
        "spec": service_spec(scope),
        "depends_on": depends_on,
        "where": f"{mark.file}:{mark.line}",
    }


#: Keys of one service that change the aliases of another one.
ELSEWHERE = ("container_name", "links")


def remember_docker(desired: Desired, project: Project, stack: Stack, options: ConvertOptions) -> None:
    """Adds ``as_docker`` to each service that differs from docker's: its ``spec``, and the ``keys`` that differ."""
    found = {key: sorted(ignored_keys(service)) for key, service in project.services.items()}
    if not any(found.values()):
        return
    docker = convert(project, stack, options=replace(options, apply_ignored=frozenset()))
    specs = {service["key"]: service["spec"] for service in docker["services"]}
    others = [key for key in ELSEWHERE if any(key in keys for keys in found.values())]
    for service in desired["services"]:
        spec = specs[service["key"]]
        if spec != service["spec"]:
            # If the service has no such keys, those of another one have changed its aliases.
            service["as_docker"] = {"spec": spec, "keys": found[service["key"]] or others}


def ignored_keys(service: Mapping[str, object]) -> Iterator[str]:
    """Yields the keys of a canonical service that docker's CLI ignores, as in IGNORED_BY_DOCKER."""
    yield from (key for key in service if key in IGNORED_BY_DOCKER)
    volumes = service.get("volumes")
    for mount in volumes if isinstance(volumes, list) else ():
        for name in ("tmpfs.mode", "volume.labels"):
            part, _dot, key = name.partition(".")
            if isinstance(mount.get(part), dict) and key in mount[part]:
                yield name
