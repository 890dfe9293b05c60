# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes snapshots of volumes, without a second copy of the same content, and removes the oldest."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Sequence

from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import Clock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import stack_of
from ansible_collections.stackwright.swarm.plugins.module_utils.volumes import local
from ansible_collections.stackwright.swarm.plugins.module_utils.volumes.content import Content
from ansible_collections.stackwright.swarm.plugins.module_utils.volumes.quiesce import (
    COMMAND,
    CONSISTENCY,
    NONE,
    STOP,
    Scale,
    Users,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.volumes.shelf import (
    FORMAT,
    SNAPSHOT,
    Shelf,
    check_name,
    folder_errors,
    opened,
    unfinished,
)

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Volume
    from ansible_collections.stackwright.swarm.plugins.module_utils.volumes.volume_types import Kept, Meta, Options

Result = Dict[str, Any]


def take(client: EngineClient, clock: Clock, params: Options, check: bool, scale: Scale) -> Result:
    """Takes a snapshot of each volume. Returns the module's result. ``params`` are the options of volume_snapshot.

    Raises StackwrightError (``invalid_options``, ``no_volume``, ``volume_not_local``, ``restore_unfinished``,
    ``snapshot_busy``, ``snapshot_unwritable``, ``disk_full``, and the codes of Users.quiesce), EngineError.
    """
    if (params["quiesce"] == COMMAND) != bool(params["command"]):
        raise StackwrightError("command and quiesce: command need each other.", "invalid_options")
    client.get("/info")
    volumes = chosen(client, params["name"], params["volumes"])
    names = [str(volume["Name"]) for volume in volumes]
    users = Users(client, clock, names, params["dest"], scale, params["wait_timeout"])
    if check:
        with folder_errors(params["dest"]):
            refuse_unfinished(params["dest"])
            shelves = [Shelf(params["dest"], name) for name in names]
            if params["quiesce"] == STOP and not _all_exist(shelves, params):
                users.check_stop()
            shots = [_preview(users, shelf, params) for shelf in shelves]
        return _result(client, shots, [], [])
    removed: List[str] = []
    shots = []
    with opened(params["dest"], names) as shelves:
        refuse_unfinished(params["dest"])
        for shelf in shelves:
            local.clear(client, shelf.volume)
        with users.resuming():
            if not _all_exist(shelves, params):
                users.quiesce(params["quiesce"], params["command"])
            for shelf, volume in zip(shelves, volumes):
                shots.append(_existing(shelf, params["snapshot"]) or _take_one(users, shelf, volume, params))
        for shelf in shelves:
            removed += [f"{shelf.volume}/{name}" for name in shelf.retain(params["keep"])]
    return _result(client, shots, removed, users.stopped)


def chosen(client: EngineClient, stack: Optional[str], names: Sequence[str]) -> List[Volume]:
    """Returns volumes of this node by their names in Docker or in the files of ``stack``; without names, all of it.

    Raises StackwrightError (``no_volume``, ``volume_not_local``).
    """
    if not stack and not names:
        raise StackwrightError("name or volumes is required.", "invalid_options")
    if not names:
        every = (client.get("/volumes") or {}).get("Volumes") or []
        mine = sorted(str(one["Name"]) for one in every if stack_of(one) == stack)
        found = [local.find(client, name) for name in mine]
        if not mine:
            raise _no_volume(f"volume of the stack {stack}", client)
        return [one for one in found if one is not None]
    volumes = []
    for name in names:
        full = [f"{stack}_{name}", name] if stack else [name]
        volume = next(filter(None, (local.find(client, check_name("volume", one)) for one in full)), None)
        if volume is None:
            raise _no_volume(f"volume {full[0]}", client)
        volumes.append(volume)
    return volumes


def store(client: EngineClient, clock: Clock, shelf: Shelf, volume: Volume, fields: Meta) -> Meta:
    """Copies a volume to the shelf. Returns the description, which is not written yet. ``fields`` are parts of it."""
    now = clock.wall()
    taken = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
    name = fields.get("id") or f"{taken.replace('-', '').replace(':', '')}Z-{os.urandom(3).hex()}"
    content = local.read(client, shelf.volume, lambda blocks: shelf.write(name, blocks))
    return {
        "format": FORMAT,
        "kind": fields.get("kind", SNAPSHOT),
        "id": name,
        "volume": shelf.volume,
        "node": client.node,
        "taken": f"{taken}.{int(now * 1000) % 1000:03d}Z",
        "stack": stack_of(volume),
        "consistency": fields["consistency"],
        "labels": fields["labels"],
        "volume_labels": volume.get("Labels") or {},
        "content": kept(content),
    }


def kept(content: Content) -> Kept:
    """Returns ``content`` in the form of a description."""
    found: Kept = content._asdict()  # type: ignore[assignment]
    return found


def refuse_unfinished(dest: str) -> None:
    """Raises StackwrightError (``restore_unfinished``) if a restore in ``dest`` is unfinished.

    A snapshot would start the services that must stay stopped until then.
    """
    for volume in unfinished(dest):
        raise StackwrightError(
            f"A restore of the volume {volume} is unfinished, so its content is not complete.",
            "restore_unfinished",
            "Run volume_restore again first.",
        )


def _take_one(users: Users, shelf: Shelf, volume: Volume, params: Options) -> Meta:
    fields = _fields(users, params)
    meta = store(users.client, users.clock, shelf, volume, fields)
    if _fields(users, params)["consistency"] != fields["consistency"]:  # a task started or ended during the copy
        meta["consistency"] = CONSISTENCY[params["quiesce"]]
    equal = None if params["snapshot"] else _equal(shelf, meta)
    if equal is not None:
        shelf.remove(meta["id"])
        return equal
    shelf.describe(meta)
    return {**meta, "new": True}


def _preview(users: Users, shelf: Shelf, params: Options) -> Meta:
    """Returns the snapshot that a run would return, from the current content of the volume."""
    existing = _existing(shelf, params["snapshot"])
    if existing is not None:
        return existing
    content = kept(local.read(users.client, shelf.volume))
    meta: Meta = {**_fields(users, params), "volume": shelf.volume, "content": content, "new": True}
    return (None if params["snapshot"] else _equal(shelf, meta)) or meta


def _fields(users: Users, params: Options) -> Meta:
    how = params["quiesce"]
    unused = how == NONE and not users.running() and not users.services()
    fields: Meta = {"consistency": CONSISTENCY[STOP if unused else how], "labels": params["labels"]}
    if params["snapshot"]:
        fields["id"] = params["snapshot"]
    return fields


def _existing(shelf: Shelf, name: Optional[str]) -> Optional[Meta]:
    """Returns the snapshot with this name, if there is one."""
    for one in shelf.all():
        if one["id"] == name:
            return {**one, "new": False}
    return None


def _all_exist(shelves: Sequence[Shelf], params: Options) -> bool:
    return all(_existing(shelf, params["snapshot"]) for shelf in shelves)


def _equal(shelf: Shelf, meta: Meta) -> Optional[Meta]:
    """Returns the newest snapshot if ``meta`` has the same content, consistency and labels."""
    for one in shelf.all()[-1:]:
        same = one["consistency"] == meta["consistency"] and one["labels"] == meta["labels"]
        if same and one["content"]["digest"] == meta["content"]["digest"]:
            return {**one, "new": False}
    return None


def shown(meta: Meta) -> Dict[str, Any]:
    """Returns a snapshot in the form of a result."""
    content = meta["content"]
    plain: Result = {key: meta.get(key) for key in ("volume", "id", "taken", "consistency", "labels", "new")}
    return {**plain, "entries": content["entries"], "bytes": content["length"], "sha256": content["sha256"]}


def _result(client: EngineClient, shots: Sequence[Meta], removed: List[str], stopped: List[str]) -> Result:
    return {
        "changed": any(one["new"] for one in shots),
        "node": client.node,
        "snapshots": [shown(one) for one in shots],
        "removed": removed,
        "stopped": stopped,
        "calls": client.calls,
    }


def _no_volume(what: str, client: EngineClient) -> StackwrightError:
    return StackwrightError(
        f"The node {client.node} has no {what}.",
        "no_volume",
        "Run the task on the node that has it (docker volume ls).",
    )
