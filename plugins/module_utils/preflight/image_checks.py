# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The images to look up in registries, and the findings from the answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Dict, Iterator, List, Mapping

from ansible_collections.stackwright.swarm.plugins.module_utils.planning.image_pins import look_ups
from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.facts import Seen
from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.findings import (
    ERROR,
    WARNING,
    Finding,
    of_service,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.image_name import is_id

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Platform, Service
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import Answer, ServiceEntry, State


def image_of(service: ServiceEntry) -> str:
    """Returns the image of a service."""
    return str(service["spec"]["TaskTemplate"]["ContainerSpec"].get("Image") or "")


def asked(desired: State, own: Mapping[str, Service], mode: str) -> List[str]:
    """Returns the images to look up: those of a deployment, and images with a digest of new services.

    ``own`` are the running services by name; ``mode`` is always, changed or never.
    """
    if mode == "never":
        return []
    pinned = {
        image_of(service)
        for service in desired["services"]
        if "@" in image_of(service) and (mode == "always" or service["name"] not in own)
    }
    return sorted({*look_ups(desired, own, mode), *pinned})


def platforms(desired: State, answers: Mapping[str, Answer]) -> Dict[str, List[Platform]]:
    """Returns the platforms of images by service name, if a registry has returned them."""
    found = {}
    for service in desired["services"]:
        answer = answers.get(image_of(service)) or {}
        if answer.get("platforms"):
            found[service["name"]] = list(answer["platforms"])
    return found


def image_findings(
    seen: Seen, looked_up: List[str], answers: Mapping[str, Answer], registry_of: Callable[[str], str]
) -> Iterator[Finding]:
    """Finds images that can't be pulled, or without an answer. ``registry_of`` returns the registry of an image."""
    for service in seen.desired["services"]:
        image = image_of(service)
        if image not in looked_up:
            if is_id(image):
                yield of_service(
                    service,
                    WARNING,
                    "image_id",
                    f"{image} is an image ID, which registries do not know.",
                    "Use the image's repository name, so that every node can pull it.",
                )
            continue
        answer = answers.get(image)
        registry = registry_of(image)
        if answer is None or answer.get("refused") == "registry_unreachable":
            message = (
                f"the registry {registry} did not answer for {image}, so it is unknown whether the image can be pulled."
            )
            yield of_service(
                service, WARNING, "registry_unreachable", message, "Check the manager's connection to the registry."
            )
        elif answer.get("refused") == "image_not_found":
            message = f"the registry {registry} has no image {image}."
            yield of_service(service, ERROR, "image_not_found", message, "Push it, or correct its name or tag.")
        elif answer.get("refused"):
            message = f"the registry {registry} requires other credentials for {image}, or has no such image."
            hint = "Set registry_auth, or log in on the manager and set with_registry_auth."
            yield of_service(service, ERROR, "registry_auth", message, hint)
