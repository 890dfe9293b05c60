# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps of ``pre_start``: those that Swarm can't run, or runs differently than Compose."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.project.steps import LONGEST, mode_of, step_key
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.rules.image import check_image
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.rules.inspection import (
    Review,
    is_text,
    items_of,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.schema.places import shown_key
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Path

_EACH = {
    "replicated": (
        "the step runs once for each replica, before the first replica starts, but on nodes that Swarm chooses, not "
        "next to each replica, and not for replicas added later"
    ),
    "global": "the step runs once on each node, before the service; not on nodes that join later",
}


def check_steps(review: Review) -> None:
    """Checks that steps only use settings that tasks can have, and that each job has a unique name."""
    for name, service in review.services.items():
        for index, step in items_of(service, "pre_start"):
            path = ("services", name, "pre_start", index)
            if step.get("privileged") is True:
                hint = "do it on the node before the deployment, or in a step that needs no special privileges"
                review.problem((*path, "privileged"), "Swarm does not support privileged tasks", hint, "unsupported")
            if is_text(step.get("image")):
                check_image(review, (*path, "image"), step["image"])
            if step.get("per_replica") is True:
                kind = "global" if mode_of(service).startswith("global") else "replicated"
                hint = "move the work that each replica needs into the entrypoint"
                review.notice((*path, "per_replica"), _EACH[kind], hint, "approximated")
            _check_name(review, path, name, index)


def _check_name(review: Review, path: Path, service: str, index: int) -> None:
    scope = f"{review.stack_name}_"
    key = step_key(service, index + 1, scope)
    if key in review.services:
        message = (
            f"the job of this step would get the name of the service '{shown_key(key)}', which is also in the file"
        )
        review.problem(path, message, "rename that service", "duplicate_name")
    elif len(scope + key) > LONGEST:
        message = f"the name of the step's job has {len(scope + key)} characters, the Engine accepts {LONGEST}"
        review.problem(path, message, "choose a shorter stack name", "name_too_long")


def environments(service: Mapping[str, object]) -> Any:
    """Yields the environments of a service and of its steps, each with its path below the service."""
    yield ("environment",), service.get("environment")
    for index, step in items_of(service, "pre_start"):
        yield ("pre_start", index, "environment"), step.get("environment")
