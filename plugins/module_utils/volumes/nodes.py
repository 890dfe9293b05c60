# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes on the nodes of a Swarm: on this one through its Engine, on others through the controller.

A follower sends the module to the host of the node. There ``carry_out`` checks that it is that node, and does the step.
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
    """``here`` is the id of the node whose Engine ``client`` speaks to. Each other node is asked once for the same."""

    def __init__(self, client: EngineClient, observed: Observed) -> None:
        info = observed["info"]
        self.client = client
        self.here = str((info.get("Swarm") or {}).get("NodeID") or "")
        self.name = str(info.get("Name") or "")
        self._nodes: Optional[Dict[str, Node]] = None

    def look(self, node: str, volumes: Sequence[str], shots: Sequence[Shot]) -> Looked:
        """What a node has of ``volumes`` and snapshots.

        Raises PlanError (``volume_elsewhere``) if nobody reaches the node, and StackwrightError of local.find.
        """
        if node == self.here:
            return look_here(self.client, volumes, shots)
        names = [*volumes, *(shot["volume"] for shot in shots)]
        asked: Step = {"do": LOOK, "volumes": list(volumes), "shots": [dict(shot) for shot in shots], "names": names}
        found: Looked = ask(self.client, self.place(node), asked)  # type: ignore[assignment]
        return found

    def place(self, node: str) -> Optional[Place]:
        """What is needed to reach a node; None for the one that is here. Raises EngineError."""
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
    """The answer of another node; ``keep`` is called while it works.

    Raises PlanError (``volume_elsewhere``) if nobody reaches it, StackwrightError with the code of what failed there,
    and ``host_unreachable`` if nobody says how it has ended.
    """
    where: Place = place or {"id": "", "name": "", "names": [], "others": []}
    volumes, node = ", ".join(dict.fromkeys(asked["names"])), where["name"]
    told: Dict[str, Any] = {}
    if client.run_on_node is not None:
        told = client.run_on_node({"node": where, "volume": asked}, keep)
    if told.get("failed"):
        raise StackwrightError(str(told.get("msg")), str(told.get("error_code") or "unexpected"))
    if asked["do"] == LOOK and not told.get("found"):
        why = told.get("why") or "which is not a host of the play or the inventory"
        raise PlanError(
            f"The volume {volumes} is on {node}, {why}. Nothing was changed.",
            "volume_elsewhere",
            f"Add {node} to the inventory, with its name or address. Or take the snapshot there with volume_snapshot.",
        )
    if not told:
        raise StackwrightError(
            f"No host answers for {node}, which has the volume {volumes}: the controller ended, or lost its "
            "connection.",
            "host_unreachable",
            "Run the task again.",
        )
    return told


def look_here(client: EngineClient, volumes: Sequence[str], shots: Sequence[Shot]) -> Looked:
    """What this node has: the volumes, the snapshots that are whole, and the restores that have not ended."""
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
    """The answer of this node, if it is the one that is asked; ``do`` does all but looks. Raises what that raises."""
    info = client.get("/info") or {}
    node = str((info.get("Swarm") or {}).get("NodeID") or "")
    if node != asked["node"]["id"]:
        return {"changed": False, "found": False}
    step = asked["volume"]
    if step["do"] == LOOK:
        return {"changed": False, "found": True, **look_here(client, step["volumes"], step["shots"])}
    return {"changed": True, "found": True, **do(client, clock, step)}
