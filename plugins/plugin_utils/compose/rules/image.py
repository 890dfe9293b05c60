# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each service needs an image with a valid reference (the grammar of distribution/reference)."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.image_name import is_id, parse
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.rules.inspection import Review, is_text
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.report import UNSET
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Path


def check_images(review: Review) -> None:
    for name, service in review.services.items():
        image: Any = service.get("image")
        if "provider" in service:
            continue  # the table of keys refuses the whole service
        if not is_text(image) or not image.strip():
            _missing(review, name, service)
        else:
            check_image(review, ("services", name, "image"), image)


def check_image(review: Review, path: Path, image: str) -> None:
    """Checks the image reference at ``path``."""
    fault = image_fault(image)
    if fault:
        review.problem(path, f"invalid image reference: {fault}", _hint(image), "image")


def _missing(review: Review, name: str, service: Mapping[str, object]) -> None:
    if "build" in service:
        hint = "build and push the image first and set it with image:"
        review.problem(
            ("services", name, "build"), f"Swarm does not build; service '{name}' needs image:", hint, "no_image"
        )
    elif "image" in service:
        review.problem(("services", name, "image"), f"the image of service '{name}' is empty", UNSET, "no_image")
    else:
        review.problem(("services", name), f"service '{name}' has no image", "set one with image:", "no_image")


def _hint(image: str) -> str:
    if image.startswith((":", "/")) or image.endswith((":", "/", "@")):
        return f"it {'begins' if image[0] in ':/' else 'ends'} with a separator: {UNSET}"
    return "use the form name:tag, with the registry host in front"


def image_fault(image: str) -> str:
    """Returns the fault of an image reference; "" if it is valid."""
    if is_id(image):
        return ""
    try:
        parse(image)
    except ValueError as fault:
        return str(fault)
    return ""
