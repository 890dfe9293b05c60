# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes on the nodes of a Swarm: on this node through its Engine, on others through the controller.

The action plugin runs the module on the node's host. There ``carry_out`` checks the node's id, then does the step.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Sequence

from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import Clock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import PlanError, StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.health.nodes import names_of
from ansible_collections.stackwright.swarm.plugins.module_utils.volumes import local
from ansible_collections.stackwright.swarm.plugins.module_utils.volumes.shelf import RESTORING, Shelf, load

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.core.node_types import Place, Question, Step
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Node
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import Observed
    from ansible_collections.stackwright.swarm.plugins.module_utils.volumes.volume_types import Looked, Shot

LOOK = "look"


class Nodes:
    """Reads volumes on any node. ``here`` is the id of the node of ``client``."""

    def __init__(self, client: EngineClient, observed: Observed) -> None:
        info = observed["info"]
        self.client = client
        self.here = str((info.get("Swarm") or {}).get("NodeID") or "")
        self.name = str(info.get("Name") or "")
        self._nodes: Optional[Dict[str, Node]] = None

    def inspect(self, node: str, volumes: Sequence[str], shots: Sequence[Shot]) -> Looked:
        """Returns which of ``volumes`` and of the snapshots ``shots`` a node has.

        Raises PlanError (``volume_elsewhere``) if the node can't be reached, StackwrightError as local.find.
        """
        if node == self.here:
            return inspect_here(self.client, volumes, shots)
        names = [*volumes, *(shot["volume"] for shot in shots)]
        asked: Step = {"do": LOOK, "volumes": list(volumes), "shots": [dict(shot) for shot in shots], "names": names}
        found: Looked = ask(self.client, self.place(node), asked)  # type: ignore[assignment]
        return found

    def place(self, node: str) -> Optional[Place]:
        """Returns the names and addresses of a node; None for this node. Raises EngineError."""
        if node == self.here:
            return None
        if self._nodes is None:
            self._nodes = {str(one["ID"]): one for one in self.client.list("/nodes")}
        others = [name for key, one in self._nodes.items() if key != node for name in names_of(one)]
        names = names_of(self._nodes.get(node, {}))
        return {"id": node, "name": (names or [node])[0], "names": names, "others": others}


def ask(
    client: EngineClient, place: Optional[Place], asked: Step, keep: Callable[[], None] = lambda: None
) -> Dict[str, Any]:
    """Has another node do a step, and returns its answer. Calls ``keep`` while it waits.

    Raises PlanError (``volume_elsewhere``) if the node can't be reached, StackwrightError with the code of a failure
    there, or ``host_unreachable`` if there is no answer.
    """
    where: Place = place or {"id": "", "name": "", "names": [], "others": []}
    volumes, node = ", ".join(dict.fromkeys(asked["names"])), where["name"]
    answer: Dict[str, Any] = {}
    if client.run_on_node is not None:
        answer = client.run_on_node({"node": where, "volume": asked}, keep)
    if answer.get("failed"):
        raise StackwrightError(str(answer.get("msg")), str(answer.get("error_code") or "unexpected"))
    if asked["do"] == LOOK and not answer.get("found"):
        why = answer.get("why") or "which is not a host of the play or the inventory"
        raise PlanError(
            f"The volume {volumes} is on {node}, {why}. Nothing was changed.",
            "volume_elsewhere",
            f"Add {node} to the inventory, with its name or address. Or take the snapshot there with volume_snapshot.",
        )
    if not answer:
        raise StackwrightError(
            f"No host answers for {node}, which has the volume {volumes}: the controller ended, or lost its "
            "connection.",
            "host_unreachable",
            "Run the task again.",
        )
    return answer


def inspect_here(client: EngineClient, volumes: Sequence[str], shots: Sequence[Shot]) -> Looked:
    """Returns the volumes, complete snapshots and unfinished restores of this node."""
    whole: List[List[str]] = []
    restoring: Dict[str, Dict[str, str]] = {}
    for shot in shots:
        shelf = Shelf(shot["dest"], shot["volume"])
        if os.path.exists(shelf.path(shot["snapshot"], ".json")):
            whole.append([shot["volume"], shot["snapshot"]])
        note = load(shelf.path(RESTORING))
        if note:
            restoring.setdefault(shot["volume"], {"snapshot": str(note["snapshot"]), "dest": shot["dest"]})
    exist = [volume for volume in volumes if local.find(client, volume) is not None]
    return {"volumes": exist, "whole": whole, "restoring": restoring}


def carry_out(
    client: EngineClient,
    clock: Clock,
    asked: Question,
    do: Callable[[EngineClient, Clock, Step], Dict[str, object]],
) -> Dict[str, Any]:
    """Does a step if this is the node that it is for, and returns the answer. ``do`` does every step except LOOK."""
    info = client.get("/info") or {}
    node = str((info.get("Swarm") or {}).get("NodeID") or "")
    if node != asked["node"]["id"]:
        return {"changed": False, "found": False}
    step = asked["volume"]
    if step["do"] == LOOK:
        return {"changed": False, "found": True, **inspect_here(client, step["volumes"], step["shots"])}
    return {"changed": True, "found": True, **do(client, clock, step)}
