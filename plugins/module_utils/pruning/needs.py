# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The images that a Swarm needs on its nodes: a manager reads them, and all nodes use them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Mapping, Set, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.observe import manager_info
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import DeployError, StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.health.nodes import fitting
from ansible_collections.stackwright.swarm.plugins.module_utils.history.encoding import unpack
from ansible_collections.stackwright.swarm.plugins.module_utils.history.revision import OPEN, REMOVED, Revision
from ansible_collections.stackwright.swarm.plugins.module_utils.revisions.history import History
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import RECORD, STACK, labels_of

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.request.module_types import Needs
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import Snapshot


def read_needs(client: EngineClient) -> Needs:
    """Returns ``cluster_id``, ``nodes`` (ids) and ``images``: by name, the ids of the nodes that may run it.

    An image is needed by a service, by the specification to which Swarm would roll it back, by a task that should run,
    and by each revision that is being deployed or to which a rollback can return.

    :raises DeployError: ``revision_damaged`` if a revision can't be read.
    :raises EngineError: this is not a manager of a Swarm with a leader, or a call fails.
    """
    info = manager_info(client)
    nodes = client.list("/nodes")
    images: Dict[str, Set[str]] = {}
    for template in _templates(client):
        image = str((template.get("ContainerSpec") or {}).get("Image") or "")
        if image:
            images.setdefault(image, set()).update(str(node["ID"]) for node in fitting(nodes, template))
    return {
        "cluster_id": str(((info.get("Swarm") or {}).get("Cluster") or {}).get("ID") or ""),
        "nodes": sorted(str(node["ID"]) for node in nodes),
        "images": {image: sorted(where) for image, where in sorted(images.items())},
    }


def needed_on(needs: Needs, node_id: str) -> List[str]:
    """Returns the images that a node may have to run."""
    return [image for image, where in needs["images"].items() if node_id in where]


def _templates(client: EngineClient) -> Iterator[Any]:
    stacks = {labels_of(one).get(STACK, "") for one in client.list("/configs") if RECORD in labels_of(one)}
    for stack in sorted(stacks - {""}):
        yield from _of_history(client, stack)
    for service in client.list("/services"):
        for spec in (service["Spec"], service.get("PreviousSpec") or {}):
            yield spec.get("TaskTemplate") or {}
    for task in client.list("/tasks", {"filters": {"desired-state": ["running", "ready"]}}):
        yield task.get("Spec") or {}


def _of_history(client: EngineClient, stack: str) -> Iterator[Any]:
    revisions = History(client, None, stack).read()
    removed = max((revision.number for revision in revisions if revision.status == REMOVED), default=0)
    for revision in revisions:
        if revision.number <= removed or not (revision.good or revision.damaged or revision.status in OPEN):
            continue
        for service in _services(revision):
            yield service["spec"].get("TaskTemplate") or {}


def _services(revision: Revision) -> Tuple[Mapping[str, Any], ...]:
    if revision.status in OPEN and not revision.packed and not revision.damaged:
        return ()  # it waits for the lock
    try:
        if revision.damaged:
            raise StackwrightError(revision.damaged)
        snapshot: Snapshot = unpack(revision.packed)
    except StackwrightError:
        raise DeployError(
            f"Revision {revision.number} of the stack {revision.stack} is damaged: the images that it needs are "
            "unknown.",
            "revision_damaged",
            "Remove its record (the Docker config with this number at the end of its name). No image was removed.",
        ) from None
    return tuple(snapshot.get("services") or ())
