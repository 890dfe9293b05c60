# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps of ``pre_start``: what Swarm can't run, and what it runs otherwise than Compose."""

from __future__ import annotations

from typing import Any, Mapping, Tuple

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.project.steps import LONGEST, mode_of, step_key
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.rules.image import check_image
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.rules.inspection import Look, is_text, items_of
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.schema.places import shown_key

_EACH = {
    "replicated": (
        "the step runs as often as the service has replicas, before the first of them starts, but not beside each one: "
        "on nodes that Swarm chooses, and not for a replica that is added later"
    ),
    "global": "the step runs once on each node, before the service does; not on a node that joins later",
}


def check_steps(look: Look) -> None:
    """No step asks for what tasks can't have, and each job has a name that nobody else has."""
    for name, service in look.services.items():
        for index, step in items_of(service, "pre_start"):
            path = ("services", name, "pre_start", index)
            if step.get("privileged") is True:
                hint = "do it on the node before the deployment, or in a step that needs no more than its own user"
                look.problem((*path, "privileged"), "Swarm has no privileged tasks", hint, "unsupported")
            if is_text(step.get("image")):
                check_image(look, (*path, "image"), step["image"])
            if step.get("per_replica") is True:
                kind = "global" if mode_of(service).startswith("global") else "replicated"
                hint = "do in the entrypoint what each replica needs for itself"
                look.notice((*path, "per_replica"), _EACH[kind], hint, "approximated")
            _check_name(look, path, name, index)


def _check_name(look: Look, path: Tuple[Any, ...], service: str, index: int) -> None:
    scope = f"{look.stack_name}_"
    key = step_key(service, index + 1, scope)
    if key in look.services:
        message = f"the job of this step would be the service '{shown_key(key)}', which the file has as well"
        look.problem(path, message, "rename that service", "duplicate_name")
    elif len(scope + key) > LONGEST:
        message = f"the name of the step's job has {len(scope + key)} characters, the Engine takes {LONGEST}"
        look.problem(path, message, "choose a shorter name of the stack", "name_too_long")


def environments(service: Mapping[str, Any]) -> Any:
    """The environments of a service and of its steps, each with its path below the service."""
    yield ("environment",), service.get("environment")
    for index, step in items_of(service, "pre_start"):
        yield ("pre_start", index, "environment"), step.get("environment")
