# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies a volume of this node to a new one: takes a snapshot and restores it under another name.

Labels of the copy name its source and the folder that has a note while the copy is incomplete. So an empty or
incomplete volume never counts as a copy, and a copy is never overwritten.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from typing import TYPE_CHECKING, Any, Dict, List, Optional

from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import Clock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.volumes import local
from ansible_collections.stackwright.swarm.plugins.module_utils.volumes.quiesce import NONE, STOP, Scale, Users
from ansible_collections.stackwright.swarm.plugins.module_utils.volumes.restore import LATEST, restore
from ansible_collections.stackwright.swarm.plugins.module_utils.volumes.shelf import (
    RESTORING,
    Shelf,
    check_name,
    folder_errors,
    load,
    opened,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.volumes.snapshot import chosen, take

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Labels, Volume
    from ansible_collections.stackwright.swarm.plugins.module_utils.volumes.volume_types import Copying, Options

Result = Dict[str, Any]
#: Labels of a copy: its source, and the folder with its note.
COPY_OF, FOLDER = "stackwright.copy-of", "stackwright.copy-folder"
IN_USE = "Stop its services first, with stack_service and replicas: 0. The playbook environment does so to refresh it."


def copy(client: EngineClient, clock: Clock, params: Copying, check: bool, scale: Scale) -> Result:
    """Makes the volume ``to`` a copy of ``volume``, unless it is one already. Returns the module's result.

    Raises StackwrightError (``no_volume``, ``volume_in_use``, ``volume_not_empty``, and the codes of ``take`` and
    ``restore``), EngineError.
    """
    where = _where(client)
    source, name = check_name("volume", params["volume"]), check_name("volume", params["to"])
    dest = os.path.join(params["dest"], name)
    shelf = Shelf(dest, name)
    target = local.find(client, name)
    if source == name:
        raise StackwrightError(f"The volume {name} can't be a copy of itself.", "invalid_options")
    if _is_copy(target, source) and not params["refresh"]:
        if not check:
            _remove(dest)
        return _result(client, where, False, [])
    with folder_errors(dest):
        begun = load(shelf.path(RESTORING)) is not None
    if params["refresh"] and not begun:
        chosen(client, None, [source])
    try:
        Users(client, clock, [name], dest, scale, params["wait_timeout"]).refuse(IN_USE)
    except StackwrightError as error:
        # The playbook that stops the services needs the node.
        error.details.update(where)
        raise
    if not begun:
        chosen(client, None, [source])
    if target is not None and not begun and not params["refresh"] and local.read(client, name).entries > 1:
        raise StackwrightError(
            f"The volume {name} on {client.node} has data that is not a copy of {source}. Nothing was changed.",
            "volume_not_empty",
            "Remove the volume, or set refresh: true to replace its data.",
        )
    users = Users(client, clock, [source], dest, scale, params["wait_timeout"])
    if params["quiesce"] == STOP and not begun:
        users.check_stop()
    if check:
        return _result(client, where, True, [])
    stopped = [] if begun else _take(client, clock, params, dest, scale)
    labels: Labels = {**_labels(target), **params["labels"], COPY_OF: source, FOLDER: dest}
    options: Options = {
        "name": None,
        "volume": name,
        "src": dest,
        "snapshot": LATEST,
        "quiesce": NONE,
        "wait_timeout": params["wait_timeout"],
    }
    restore(client, clock, options, False, scale, source, labels)
    _remove(dest)
    return _result(client, where, True, stopped)


def forget(client: EngineClient, clock: Clock, params: Copying, check: bool, scale: Scale) -> Result:
    """Removes the remains of an interrupted copy, and starts what it had stopped. Returns the module's result.

    Raises StackwrightError (``snapshot_busy``, ``snapshot_unwritable``), EngineError.
    """
    where = _where(client)
    name = check_name("volume", params["to"])
    dest = os.path.join(params["dest"], name)
    left = os.path.isdir(dest)
    if left and not check:
        with opened(dest, [name]) as (shelf,):
            if os.path.exists(shelf.path(RESTORING)):
                local.clear(client, name)
                client.delete(f"/volumes/{name}")  # first: without its note, it would count as a copy
                os.unlink(shelf.path(RESTORING))
            Users(client, clock, [name], dest, scale, params["wait_timeout"]).resume()
        _remove(dest)
    return _result(client, where, left, [])


def _take(client: EngineClient, clock: Clock, params: Copying, dest: str, scale: Scale) -> List[str]:
    """Takes the snapshot. Returns the services that were stopped for it."""
    options: Options = {
        "name": None,
        "volumes": [params["volume"]],
        "dest": dest,
        "snapshot": None,
        "quiesce": params["quiesce"],
        "command": params["command"],
        "keep": 1,
        "labels": {},
        "wait_timeout": params["wait_timeout"],
    }
    stopped: List[str] = take(client, clock, options, False, scale)["stopped"]
    return stopped


def _labels(volume: Optional[Volume]) -> Labels:
    return (volume.get("Labels") if volume is not None else None) or {}


def _is_copy(volume: Optional[Volume], source: str) -> bool:
    labels = _labels(volume)
    if volume is None or labels.get(COPY_OF) != source:
        return False
    return not os.path.exists(Shelf(labels.get(FOLDER, ""), str(volume["Name"])).path(RESTORING))


def _remove(dest: str) -> None:
    with folder_errors(dest), contextlib.suppress(FileNotFoundError):
        shutil.rmtree(dest)


def _result(client: EngineClient, where: Dict[str, str], changed: bool, stopped: List[str]) -> Result:
    return {"changed": changed, **where, "stopped": stopped, "calls": client.calls}


def _where(client: EngineClient) -> Dict[str, str]:
    swarm = (client.get("/info") or {}).get("Swarm") or {}
    return {"node": client.node, "node_id": str(swarm.get("NodeID") or "")}
