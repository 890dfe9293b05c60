# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exports one stack of a snapshot: its Compose file, the files that it refers to, and the parts that are lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import STEP, labels_of, name_of
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.names import Stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.exporting import attached, mounted
from ansible_collections.stackwright.swarm.plugins.plugin_utils.exporting.expressions import Expressions
from ansible_collections.stackwright.swarm.plugins.plugin_utils.exporting.proof import what_differs
from ansible_collections.stackwright.swarm.plugins.plugin_utils.exporting.service import service_of
from ansible_collections.stackwright.swarm.plugins.plugin_utils.exporting.surroundings import (
    Snapshot,
    Surroundings,
    prefix_of,
    stack_named,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.writing.compose_file import compose_text

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Service

COMPOSE = "compose.yml"


@dataclass(frozen=True)
class Exported:
    """A stack as files by their paths, and the options of compose_stack with which they describe the running stack.

    ``lost``: the parts that the files can't express, one sentence each. ``secrets``: the names of secrets that must
    exist before a deployment. ``loose``: the service's name, if this is a service without a stack.
    """

    name: str
    files: Mapping[str, bytes]
    options: Mapping[str, Any]
    services: list[str]
    lost: list[str] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)
    loose: str = ""


def export_stack(full_name: str, observed: Snapshot, prefix: str) -> Exported:
    """Exports the stack with this name in the Swarm.

    :param observed: the stack's objects from ``cluster/observe.py``.
    :param prefix: the label prefix if no object of the stack has another one.
    :raises StackwrightError: ``invalid_name``; ``not_exportable`` for a text that YAML can't contain.
    """
    stack = stack_named(full_name, observed, prefix_of(full_name, observed, prefix))
    around = Surroundings(stack, observed)
    live = {around.short(name_of(s)): s for s in observed["services"] if around.is_own(s)}
    refused = {key: _why_refused(service, stack) for key, service in sorted(live.items())}
    lost = [f"service {name_of(live[key])}: {why}" for key, why in refused.items() if why]
    usable = {key: live[key]["Spec"] for key, why in refused.items() if not why}
    attached.find_shared(usable, around)
    # Without a top-level name, which `docker stack deploy` rejects.
    tree: dict[str, Any] = {"services": {key: service_of(spec, key, around) for key, spec in usable.items()}}
    mounted.unused(around)
    _drop_default(around.top.get("networks") or {})
    tree.update({section: dict(sorted(entries.items())) for section, entries in around.top.items() if entries})
    options = _options(around)
    values = Expressions(around.values["generators"])
    try:
        tree = values.marked(tree)
        text = values.expanded(compose_text(tree, interpolated=True))
        lost += what_differs(text, around) if usable else [f"stack {full_name}: it has no services to deploy"]
        header = [f"The stack {full_name}, exported from a running Swarm by stackwright.swarm.stack_export."]
        header += [line for one in lost for line in f"Not in this file: {one}".splitlines()]
        text = values.expanded(compose_text(tree, interpolated=True, header=header))
    except ValueError as error:
        raise StackwrightError(
            f"The stack {full_name} can't be exported: {error}.",
            "not_exportable",
            "Find the value in `docker service inspect`, and remove it from the service.",
        ) from None
    secrets = [
        name for (kind, name), key in around.keys.items() if kind == "secrets" and around.top[kind][key].get("external")
    ]
    return Exported(
        full_name, {COMPOSE: text.encode(), **around.contents}, options, list(usable), lost, sorted(set(secrets))
    )


def _why_refused(service: Service, stack: Stack) -> str:
    """Returns why a service can't be in a Compose file; empty if it can."""
    if not name_of(service).startswith(stack.full_name + "_"):
        return f"a service of the stack {stack.full_name} can't have this name"
    if STEP in labels_of(service):
        return "it is a step of pre_start, which the service that it belongs to does not name"
    if "ContainerSpec" not in service["Spec"]["TaskTemplate"]:
        return "it runs no containers"
    return ""


def _drop_default(networks: dict[str, object]) -> None:
    """Removes the network that all services join anyway if it has no settings."""
    if networks.get("default") == {}:
        del networks["default"]


def _options(around: Surroundings) -> dict[str, Any]:
    stack = around.stack
    found: dict[str, Any] = {"name": stack.name}
    if stack.project:
        found.update(project=stack.project, environment=stack.environment)
    if stack.prefix != Stack(stack.name).prefix:
        found["label_prefix"] = stack.prefix
    if around.shared:
        found["shared_networks"] = list(around.shared)
    return {**found, "platform": around.platform} if around.platform else found
