# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks that images have a health check if their services use it (type ``docker``)."""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.findings import Findings
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.model import Registry
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.texts import settled


def images_to_ask(registry: Registry) -> dict[str, list[str]]:
    """Returns the images whose own health check is used, each with its services."""
    found: dict[str, list[str]] = {}
    for service in registry.services.values():
        check = service.keys.get("health_check")
        own = service.keys.get("compose")
        overridden = isinstance(own, dict) and isinstance(own.get("healthcheck"), dict) and "test" in own["healthcheck"]
        image = settled(service.image)
        if isinstance(check, dict) and check.get("type") == "docker" and image and not overridden:
            found.setdefault(image, []).append(service.name)
    return found


def check_image_health(
    registry: Registry, images: Mapping[str, list[str]], answers: Mapping[str, bool], findings: Findings
) -> None:
    """Warns about each service whose image has no health check. ``answers``: whether each image has one."""
    for image, services in images.items():
        for name in services if answers.get(image) is False else ():
            path = registry.services[name].path("health_check", "type")
            message = f"the image {image} has no HEALTHCHECK, so type 'docker' checks nothing"
            hint = "use type http, tcp or exec, or an image with HEALTHCHECK"
            findings.warning(path, message, hint, "image_healthcheck")
