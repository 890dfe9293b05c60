# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Normalizes image references like the API client (distribution/reference: TagNameOnly, FamiliarString)."""

from __future__ import annotations

from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.image_name import is_id, parse
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.canonical.readers import text
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.context import Scope, makes


@makes("TaskTemplate.ContainerSpec.Image")
def image(scope: Scope) -> str:
    """Returns the image for the ContainerSpec."""
    written = text(scope.service, "image", scope.path())
    if not written or not written.strip():
        if scope.service.get("build") is not None:
            hint = "Build and push it first, then name it with 'image'; Swarm nodes pull images; they don't build them."
        else:
            hint = "Add 'image'."
        raise scope.invalid("the service has no image", hint=hint, code="image_missing")
    normal = normalise(written)
    if normal is None:
        raise scope.invalid(
            f"{written!r} is not a valid image reference",
            "image",
            hint="Write [REGISTRY/]NAME[:TAG][@DIGEST], the name in lower case.",
            code="image_invalid",
        )
    return normal


def normalise(reference: str) -> str | None:
    """Returns the familiar form with a tag (``nginx`` becomes ``nginx:latest``), or None if it is not a reference.

    An image's id (64 hex digits) stays as it is.
    """
    if is_id(reference):
        return reference
    try:
        return parse(reference).familiar
    except ValueError:
        return None
