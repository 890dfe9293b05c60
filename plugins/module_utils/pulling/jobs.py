# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pure. Which images a plan brings to which nodes, the job that pulls one there, and what its task says."""

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

#: No image has this program, so nothing of an image ever runs.
NOWHERE = "/stackwright-only-pulls-this-image"
#: Changes of a service after which a node may need an image that it does not have.
NEW_IMAGE = (IMAGE, "TaskTemplate.Placement")
LONGEST = 63  # characters of a service's name


class Pull(NamedTuple):
    """One image on one node: the node's id and host name, and the names of the services that need it there."""

    image: str
    node: str
    host: str
    services: Tuple[str, ...]


def pulls_of(operations: Sequence[Operation], nodes: Sequence[Node]) -> List[Pull]:
    """The images of new services, and of those with another image or placement, on each node that may run them.

    Each image once per node, in the order of the operations. An image that is named by its id can't be pulled.
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
    """The ServiceSpec of a job that makes a node pull an image and then fails to start.

    It gets nothing of the service: no environment, secrets, configs, mounts, networks or user of the image.
    """
    digest = hashlib.sha256("\n".join((stack, pull.image, pull.node)).encode()).hexdigest()[:12]
    end = f"-pull-{digest}"
    container = {
        "Image": pull.image,
        "Command": [NOWHERE],
        "Dir": "/",
        "User": "0:0",
        "Init": False,  # it would start, and then fail in the container
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
    """What became of a pull: None while it goes on, empty text if the node has the image, otherwise its error.

    A node creates a container only from an image that it has, so a task with a container has pulled it.
    """
    if task is None:
        return None
    if ((task.get("Status") or {}).get("ContainerStatus") or {}).get("ContainerID"):
        return ""
    return (error_of(task) or state_of(task)) if state_of(task) in ENDED_BADLY else None


def reason_of(answer: Mapping[str, object]) -> str:
    """The error code of a failed pull, by what the registry said of the image to the manager (``ask_registry``)."""
    return str(answer.get("refused") or ("image_not_pulled" if answer else "image_not_found"))
