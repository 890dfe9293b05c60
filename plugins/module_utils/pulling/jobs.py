# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pure. The images that each node needs for a plan, the job that pulls one there, and the outcome of its task."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.health.nodes import eligible, hostname
from ansible_collections.stackwright.swarm.plugins.module_utils.health.tasks import ENDED_BADLY, error_of, state_of
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import IMAGE, Operation
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.image_name import is_id
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import PULL, id_of

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Node, Task

#: A program that no image has, so nothing of an image ever runs.
NOWHERE = "/stackwright-only-pulls-this-image"
#: Changes of a service after which a node may need an image that it does not have.
NEW_IMAGE = (IMAGE, "TaskTemplate.Placement")
LONGEST = 63  # characters of a service's name


class Pull(NamedTuple):
    """One image for one node: the node's id and host name, and the names of the services that need it there."""

    image: str
    node: str
    host: str
    services: Tuple[str, ...]


def pulls_of(operations: Sequence[Operation], nodes: Sequence[Node]) -> List[Pull]:
    """Returns the pulls for new services and those with another image or placement, on the nodes that may run them.

    Each image appears once per node, in the order of the operations. An image that is an id can't be pulled.
    """
    found: Dict[Tuple[str, str], Pull] = {}
    for operation in operations:
        if operation.kind != "service" or operation.extra or not _needs_image(operation):
            continue
        template = operation.payload["spec"]["TaskTemplate"]
        image = str((template.get("ContainerSpec") or {}).get("Image") or "")
        if not image or is_id(image):
            continue
        for node in eligible(nodes, template):
            place = image, id_of(node)
            services = found[place].services if place in found else ()
            found[place] = Pull(*place, hostname(node), (*services, operation.name))
    return list(found.values())


def _needs_image(operation: Operation) -> bool:
    if operation.action == "create":
        return True
    return operation.action == "update" and any(change.path.startswith(NEW_IMAGE) for change in operation.changes)


def job_of(stack: str, pull: Pull) -> Dict[str, Any]:
    """Returns the ServiceSpec of a job that makes a node pull an image and then fails to start.

    It has nothing from the service: no environment, secrets, configs, mounts, networks or user.
    """
    digest = hashlib.sha256("\n".join((stack, pull.image, pull.node)).encode()).hexdigest()[:12]
    end = f"-pull-{digest}"
    container = {
        "Image": pull.image,
        "Command": [NOWHERE],
        "Dir": "/",
        "User": "0:0",
        "Init": False,  # an init process would start, and then fail in the container
        "Healthcheck": {"Test": ["NONE"]},
        "CapabilityDrop": ["ALL"],
    }
    return {
        "Name": stack[: LONGEST - len(end)] + end,
        "Labels": {PULL: stack},
        "TaskTemplate": {
            "ContainerSpec": container,
            "LogDriver": {"Name": "none"},
            "RestartPolicy": {"Condition": "none"},
            "Placement": {"Constraints": [f"node.id=={pull.node}"]},
        },
        "Mode": {"ReplicatedJob": {"MaxConcurrent": 1, "TotalCompletions": 1}},
    }


def outcome_of(task: Optional[Task]) -> Optional[str]:
    """Returns the outcome of a pull: None while it runs, empty text if the node has the image, otherwise its error.

    A node creates a container only from an image that it has, so a task with a container has pulled its image.
    """
    if task is None:
        return None
    if ((task.get("Status") or {}).get("ContainerStatus") or {}).get("ContainerID"):
        return ""
    return (error_of(task) or state_of(task)) if state_of(task) in ENDED_BADLY else None


def reason_of(answer: Mapping[str, object]) -> str:
    """Returns the error code of a failed pull, from the registry's answer to the manager (``ask_registry``)."""
    return str(answer.get("refused") or ("image_not_pulled" if answer else "image_not_found"))
