# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each service needs an image, and its reference must be one (the grammar of distribution/reference)."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.image_name import is_id, parse
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.rules.inspection import Look, is_text
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.report import UNSET
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Path


def check_images(look: Look) -> None:
    for name, service in look.services.items():
        image: Any = service.get("image")
        if "provider" in service:
            continue  # refused as a whole by the notices' table
        if not is_text(image) or not image.strip():
            _missing(look, name, service)
        else:
            check_image(look, ("services", name, "image"), image)


def check_image(look: Look, path: Path, image: str) -> None:
    """An image reference that stands at ``path``."""
    fault = image_fault(image)
    if fault:
        look.problem(path, f"invalid image reference: {fault}", _hint(image), "image")


def _missing(look: Look, name: str, service: Mapping[str, object]) -> None:
    if "build" in service:
        hint = "build and push the image first and set it with image:"
        look.problem(
            ("services", name, "build"), f"Swarm does not build; service '{name}' needs image:", hint, "no_image"
        )
    elif "image" in service:
        hint = UNSET
        look.problem(("services", name, "image"), f"the image of service '{name}' is empty", hint, "no_image")
    else:
        look.problem(("services", name), f"service '{name}' has no image", "set one with image:", "no_image")


def _hint(image: str) -> str:
    if image.startswith((":", "/")) or image.endswith((":", "/", "@")):
        return f"it {'begins' if image[0] in ':/' else 'ends'} with a separator: {UNSET}"
    return "use the form name:tag, with the registry host in front"


def image_fault(image: str) -> str:
    """What is wrong with an image reference, "" if nothing is."""
    if is_id(image):
        return ""
    try:
        parse(image)
    except ValueError as fault:
        return str(fault)
    return ""
