# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes snapshots of volumes, keeps equal ones once, and removes the oldest."""

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
    opened,
    unfinished,
)

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Volume
    from ansible_collections.stackwright.swarm.plugins.module_utils.volumes.volume_types import Kept, Meta, Options

Result = Dict[str, Any]


def take(client: EngineClient, clock: Clock, params: Options, check: bool, scale: Scale) -> Result:
    """Takes a snapshot of each volume; the module's result. ``params`` are the options of volume_snapshot.

    Raises StackwrightError (``invalid_options``, ``no_volume``, ``volume_not_local``,
    ``restore_unfinished``, ``snapshot_busy``, ``snapshot_unwritable``, ``disk_full``, those of Users.quiet),
    EngineError.
    """
    if (params["quiesce"] == COMMAND) != bool(params["command"]):
        raise StackwrightError("command and quiesce: command need each other.", "invalid_options")
    client.get("/info")
    volumes = chosen(client, params["name"], params["volumes"])
    names = [str(volume["Name"]) for volume in volumes]
    users = Users(client, clock, names, params["dest"], scale, params["wait_timeout"])
    if check:
        shots = [_compared(users, Shelf(params["dest"], name), params) for name in names]
        return _result(client, shots, [], [])
    removed: List[str] = []
    shots = []
    with opened(params["dest"], names) as shelves:
        for shelf in shelves:
            refuse_unfinished(shelf)
            local.clear(client, shelf.volume)
        wanted = [(shelf, volume) for shelf, volume in zip(shelves, volumes) if not _named(shelf, params["snapshot"])]
        with users.resuming():
            if wanted:
                users.quiet(params["quiesce"], params["command"])
            for shelf, volume in zip(shelves, volumes):
                shots.append(_named(shelf, params["snapshot"]) or _taken(users, shelf, volume, params))
        for shelf in shelves:
            removed += [f"{shelf.volume}/{name}" for name in shelf.retain(params["keep"])]
    return _result(client, shots, removed, users.stopped)


def chosen(client: EngineClient, stack: Optional[str], names: Sequence[str]) -> List[Volume]:
    """The volumes on this node, by their names in Docker or in the file of ``stack``; all of it if none is named.

    Raises StackwrightError (``no_volume``, ``volume_not_local``).
    """
    if not stack and not names:
        raise StackwrightError("name or volumes is required.", "invalid_options")
    if not names:
        every = (client.get("/volumes") or {}).get("Volumes") or []
        mine = sorted(str(one["Name"]) for one in every if stack_of(one) == stack)
        found = [local.find(client, name) for name in mine]
        if not mine:
            raise _none(f"volume of the stack {stack}", client)
        return [one for one in found if one is not None]
    volumes = []
    for name in names:
        full = [f"{stack}_{name}", name] if stack else [name]
        volume = next(filter(None, (local.find(client, check_name("volume", one)) for one in full)), None)
        if volume is None:
            raise _none(f"volume {full[0]}", client)
        volumes.append(volume)
    return volumes


def store(client: EngineClient, clock: Clock, shelf: Shelf, volume: Volume, said: Meta) -> Meta:
    """Copies a volume to the shelf; its description, not yet on the disk. ``said`` is what it has besides."""
    now = clock.wall()
    taken = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
    name = said.get("id") or f"{taken.replace('-', '').replace(':', '')}Z-{os.urandom(3).hex()}"
    content = local.read(client, shelf.volume, lambda blocks: shelf.write(name, blocks))
    return {
        "format": FORMAT,
        "kind": said.get("kind", SNAPSHOT),
        "id": name,
        "volume": shelf.volume,
        "node": client.node,
        "taken": f"{taken}.{int(now * 1000) % 1000:03d}Z",
        "stack": stack_of(volume),
        "consistency": said["consistency"],
        "labels": said["labels"],
        "volume_labels": volume.get("Labels") or {},
        "content": kept(content),
    }


def kept(content: Content) -> Kept:
    """As it is in a description."""
    found: Kept = content._asdict()  # type: ignore[assignment]
    return found


def refuse_unfinished(shelf: Shelf) -> None:
    """Raises StackwrightError (``restore_unfinished``) if a volume of the same folder is not whole: its services have
    to stay stopped."""
    for volume in unfinished(os.path.dirname(shelf.folder)):
        raise StackwrightError(
            f"A restore of the volume {volume} is unfinished, so its content is not complete.",
            "restore_unfinished",
            "Run volume_restore again first.",
        )


def _taken(users: Users, shelf: Shelf, volume: Volume, params: Options) -> Meta:
    said = _said(users, params)
    meta = store(users.client, users.clock, shelf, volume, said)
    if _said(users, params)["consistency"] != said["consistency"]:  # a task has started or ended meanwhile
        meta["consistency"] = CONSISTENCY[params["quiesce"]]
    same = None if params["snapshot"] else _same(shelf, meta)
    if same is not None:
        shelf.remove(meta["id"])
        return same
    shelf.describe(meta)
    return {**meta, "new": True}


def _compared(users: Users, shelf: Shelf, params: Options) -> Meta:
    """What would become of a volume, by its content now."""
    named = _named(shelf, params["snapshot"])
    if named is not None:
        return named
    content = kept(local.read(users.client, shelf.volume))
    meta: Meta = {**_said(users, params), "volume": shelf.volume, "content": content, "new": True}
    return (None if params["snapshot"] else _same(shelf, meta)) or meta


def _said(users: Users, params: Options) -> Meta:
    how = params["quiesce"]
    still = how == NONE and not users.running() and not users.services()
    said: Meta = {"consistency": CONSISTENCY[STOP if still else how], "labels": params["labels"]}
    if params["snapshot"]:
        said["id"] = params["snapshot"]
    return said


def _named(shelf: Shelf, name: Optional[str]) -> Optional[Meta]:
    """The snapshot of a given name, where there is one already."""
    return next((_old(one) for one in shelf.all() if one["id"] == name), None)


def _same(shelf: Shelf, meta: Meta) -> Optional[Meta]:
    """The newest snapshot, if this one would be the same again."""
    for one in shelf.all()[-1:]:
        said = one["consistency"] == meta["consistency"] and one["labels"] == meta["labels"]
        if said and one["content"]["digest"] == meta["content"]["digest"]:
            return _old(one)
    return None


def _old(meta: Meta) -> Meta:
    return {**meta, "new": False}


def shown(meta: Meta) -> Dict[str, Any]:
    """A snapshot for a result."""
    content = meta["content"]
    told: Result = {key: meta.get(key) for key in ("volume", "id", "taken", "consistency", "labels", "new")}
    return {**told, "entries": content["entries"], "bytes": content["length"], "sha256": content["sha256"]}


def _result(client: EngineClient, shots: Sequence[Meta], removed: List[str], stopped: List[str]) -> Result:
    return {
        "changed": any(one["new"] for one in shots),
        "node": client.node,
        "snapshots": [shown(one) for one in shots],
        "removed": removed,
        "stopped": stopped,
        "calls": client.calls,
    }


def _none(what: str, client: EngineClient) -> StackwrightError:
    return StackwrightError(
        f"The node {client.node} has no {what}.",
        "no_volume",
        "Run the task on the node that has it (docker volume ls).",
    )
