# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Failed pulls: their error code and hint, and the services that failed because of them.

A node reports "No such image" for every reason; the registry's answer is more precise.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Iterator, List, Mapping, Sequence, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import DeployError
from ansible_collections.stackwright.swarm.plugins.module_utils.health.judge import tasks_by_service
from ansible_collections.stackwright.swarm.plugins.module_utils.health.tasks import (
    ENDED_BADLY,
    error_of,
    is_current,
    state_of,
)

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Service, Task

FLAGS = re.IGNORECASE
NOT_PULLED = re.compile(
    r"no such image|manifest .*(unknown|not found)|pull access denied|repository .* not found", FLAGS
)
AUTH = re.compile(r"pull access denied|no basic auth credentials|unauthorized|authentication required", FLAGS)
NAMED = re.compile(r"No such image: (\S+)", FLAGS)

HINTS = {
    "registry_unreachable": "The registry does not answer: check that it runs, and that this manager and the node can "
    "reach it.",
    "registry_auth": "The registry requires credentials: set registry_auth, or run docker login on this manager and "
    "set with_registry_auth; check that they are valid.",
    "image_not_found": "Check the image's name and tag, and push it. For a private registry, set registry_auth or "
    "with_registry_auth.",
}


def cause(error: DeployError, images: Mapping[str, Mapping[str, object]]) -> Tuple[str, str]:
    """Returns the code and the hint of a failed wait. ``images`` are the registries' answers, see ``ask_registry``."""
    errors = [failure["error"] or failure["reason"] for failure in error.details.get("failures") or ()]
    if error.error_code not in ("health_gate_failed", "timeout") or not any(map(NOT_PULLED.search, errors)):
        return error.error_code, error.hint
    refused = {answer.get("refused") for image, answer in images.items() if any(image in text for text in errors)}
    if "registry_auth" in refused or any(map(AUTH.search, errors)):
        code = "registry_auth"
    else:
        code = "registry_unreachable" if "registry_unreachable" in refused else "image_not_found"
    return code, HINTS[code]


def wanted_in(error: DeployError, images: Mapping[str, Mapping[str, object]]) -> List[str]:
    """Returns the images that nodes could not pull, without those that ``images`` has an answer for."""
    errors = [failure["error"] or failure["reason"] for failure in error.details.get("failures") or ()]
    named = {name for text in errors for name in NAMED.findall(text)}
    return sorted(name for name in named if name.partition("@")[0] not in images)


def not_pulled(services: Sequence[Service], tasks: Sequence[Task]) -> Iterator[Tuple[str, str]]:
    """Yields (service, image) for each service with a current task that failed because its image is missing."""
    grouped = tasks_by_service(tasks)
    for service in services:
        if any(
            state_of(task) in ENDED_BADLY and NOT_PULLED.search(error_of(task)) and is_current(task, service)
            for task in grouped.get(service["ID"], [])
        ):
            image = str(service["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"])
            yield service["Spec"]["Name"], image
