# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exports several stacks of one snapshot, or a whole Swarm with the services that belong to no stack."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import (
    IMAGE,
    NAMESPACE,
    name_of,
    stack_of,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.names import MAX_NAME
from ansible_collections.stackwright.swarm.plugins.plugin_utils.exporting.stack import Exported, export_stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.exporting.surroundings import Snapshot

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import (
        Attachment,
        Network,
        Service,
        ServiceSpec,
    )

_ALONE = "it is on no network; as a service of a stack, it joins the stack's network"
_NOT_A_NAME = re.compile(r"[^A-Za-z0-9_-]+")


def export_stacks(names: Iterable[str], observed: Snapshot, prefix: str) -> list[Exported]:
    """Returns the stacks with these names, sorted.

    Raises StackwrightError: ``not_found``, and as ``export_stack``.
    """
    missing = sorted(set(names) - set(stacks_in(observed)))
    if missing:
        raise StackwrightError(
            f"There is no stack {', '.join(missing)} in the Swarm.",
            "not_found",
            "Give full names of stacks with services, as `docker stack ls` shows them. Nothing was written.",
        )
    return [export_stack(name, _of_stack(observed, name), prefix) for name in sorted(set(names))]


def export_swarm(observed: Snapshot, prefix: str) -> tuple[list[Exported], list[Exported], list[str]]:
    """Returns all stacks, each loose service as a stack, and sentences about objects that can't be exported."""
    stacks, loose, refused, taken = [], [], [], set(stacks_in(observed))
    for name in stacks_in(observed):
        try:
            stacks += export_stacks([name], observed, prefix)
        except StackwrightError as error:
            refused.append(f"stack {name}: {error.message}")
    for service in sorted(observed["services"], key=name_of):
        if stack_of(service):
            continue
        if "ContainerSpec" not in service["Spec"]["TaskTemplate"]:
            refused.append(f"service {name_of(service)}: it runs no containers")
            continue
        name = _free_name(name_of(service), taken)
        try:
            made = export_stack(name, _as_stack(service, name, observed), prefix)
        except StackwrightError as error:
            refused.append(f"service {name_of(service)}: {error.message}")
            continue
        alone = [] if service["Spec"]["TaskTemplate"].get("Networks") else [f"service {name_of(service)}: {_ALONE}"]
        loose.append(replace(made, loose=name_of(service), lost=[*made.lost, *alone]))
    return stacks, loose, refused


def stacks_in(observed: Snapshot) -> list[str]:
    """Returns the names of the stacks that have services, sorted."""
    return sorted({stack_of(service) for service in observed["services"]} - {""})


def _of_stack(observed: Snapshot, name: str) -> Snapshot:
    return {**observed, "services": [service for service in observed["services"] if stack_of(service) == name]}


def _free_name(wanted: str, taken: set[str]) -> str:
    base = _NOT_A_NAME.sub("-", wanted).strip("-_") or "service"
    name, number = base, 1
    while name in taken:
        number += 1
        name = f"{base}-{number}"
    taken.add(name)
    return name


def _as_stack(service: Service, stack: str, observed: Snapshot) -> Snapshot:
    """Returns the snapshot as if a stack had deployed the service, so that the proof only reports other differences."""
    spec = service["Spec"]
    template = spec["TaskTemplate"]
    container = template["ContainerSpec"]
    name = {NAMESPACE: stack}
    # The service's full name, STACK_KEY, may have at most 63 characters.
    key = stack if 2 * len(stack) < MAX_NAME else "service"
    networks = [_joined(attachment, key) for attachment in template.get("Networks") or []]
    image = str(container.get("Image") or "").partition("@")[0]
    container = {**container, "Labels": {**(container.get("Labels") or {}), **name}}
    made: ServiceSpec = {
        **spec,
        "Name": f"{stack}_{key}",
        "Labels": {**(spec.get("Labels") or {}), **name, IMAGE: image},
        "TaskTemplate": {**template, "ContainerSpec": container, "Networks": networks},
    }
    if networks:
        return {**observed, "services": [{**service, "Spec": made}]}
    # A stack's service joins a network. The sentence _ALONE reports this difference.
    own: Network = {"Id": stack, "Name": f"{stack}_default", "Scope": "swarm", "Labels": name}
    made["TaskTemplate"]["Networks"] = [{"Target": stack, "Aliases": [key]}]
    return {**observed, "networks": [*observed["networks"], own], "services": [{**service, "Spec": made}]}


def _joined(attachment: Attachment, key: str) -> Attachment:
    aliases = list(attachment.get("Aliases") or [])
    return {**attachment, "Aliases": aliases if key in aliases else [*aliases, key]}
