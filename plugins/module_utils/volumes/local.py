# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads and replaces volumes of this node, through a container that is created and never started."""

from __future__ import annotations

import contextlib
from typing import IO, TYPE_CHECKING, Callable, Iterable, Iterator, List, Optional

from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import Clock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError, StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.core.retry import Backoff
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.archive import read_archive, write_archive
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.volumes.content import ROOT, Content, scan

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Container, Volume

HELPER = "stackwright.helper"  # label of these containers; its value is the volume
TASK, SERVICE = "com.docker.swarm.task.id", "com.docker.swarm.service.name"
ENDED = ("created", "exited", "dead")
#: An empty image, for nodes without images. Its containers can't start.
EMPTY = "stackwright.helper:latest"
Reader = Callable[[Iterable[bytes]], Content]


def find(client: EngineClient, name: str) -> Optional[Volume]:
    """Returns the volume, or None. Raises StackwrightError (``volume_not_local``)."""
    try:
        volume: Volume = client.get(f"/volumes/{name}")
    except EngineError as error:
        if error.error_code != "not_found":
            raise
        return None
    reason = ""
    if volume.get("Driver") != "local":
        reason = f"its driver is {volume.get('Driver')}"
    elif volume.get("Options"):
        kind = volume["Options"].get("type") or "none"
        reason = f"its driver options (type {kind}) place its data elsewhere"
    if reason:
        raise StackwrightError(
            f"The volume {name} on {client.node or client.where} can't be copied: {reason}.",
            "volume_not_local",
            "Only local volumes without driver options are supported. Use the storage's own tools.",
        )
    return volume


def users(client: EngineClient, volume: str) -> List[Container]:
    """Returns the containers of this node that mount the volume, running or not, except our own."""
    found = client.list("/containers/json", {"all": True, "filters": {"volume": [volume]}})
    return [one for one in found if HELPER not in (one.get("Labels") or {}) and _mounts(one, volume)]


def running(client: EngineClient, volume: str) -> List[Container]:
    """Returns the users that run, or are paused or restarting."""
    return [one for one in users(client, volume) if one.get("State") not in ENDED]


def name_of(container: Container) -> str:
    """Returns the name of a container's service, else the container's name."""
    labels = container.get("Labels") or {}
    return str(labels.get(SERVICE) or (container.get("Names") or [container["Id"][:12]])[0]).lstrip("/")


def clear(client: EngineClient, volume: str) -> None:
    """Removes containers that earlier runs have left."""
    filters = {"label": [f"{HELPER}={volume}"], "status": list(ENDED)}
    for one in client.list("/containers/json", {"all": True, "filters": filters}):
        client.delete(f"/containers/{one['Id']}", {"v": True})


def read(client: EngineClient, volume: str, reader: Reader = scan) -> Content:
    """Passes a volume's tar stream to ``reader`` and returns its result. Raises StackwrightError."""
    with _helper(client, volume, read_only=True) as container:
        return reader(read_archive(client, container, f"/{ROOT}"))


def fill(client: EngineClient, clock: Clock, volume: Volume, file: IO[bytes], size: int) -> None:
    """Replaces a volume with a new one with the content of a tar ``file`` of ``size`` bytes. Raises EngineError.

    It does not do so in place because the Engine's API can't remove files.
    """
    name = str(volume["Name"])
    _remove(client, clock, name)
    client.post("/volumes/create", body={"Name": name, "Driver": "local", "Labels": volume.get("Labels") or {}})
    with _helper(client, name, read_only=False) as container:
        write_archive(client, container, "/", file, size)


def _remove(client: EngineClient, clock: Clock, volume: str) -> None:
    # Swarm may remove the same ended tasks. Until it has, the Engine rejects our removal of them and of the volume.
    backoff = Backoff(clock, also=("conflict",))
    while True:
        try:
            for one in users(client, volume):
                # Swarm no longer needs the container of an ended task, which keeps the volume from being removed.
                if one.get("State") in ENDED and TASK in (one.get("Labels") or {}):
                    client.delete(f"/containers/{one['Id']}", {"v": True})
            client.delete(f"/volumes/{volume}")
            return
        except EngineError as error:
            backoff.bear(error)


@contextlib.contextmanager
def _helper(client: EngineClient, volume: str, read_only: bool) -> Iterator[str]:
    mount = {"Type": "volume", "Source": volume, "Target": f"/{ROOT}", "ReadOnly": read_only}
    used = image(client, volume)
    body = {
        "Image": used,
        "Cmd": ["never-started"],
        "Labels": {HELPER: volume},
        "NetworkDisabled": True,
        "HostConfig": {"NetworkMode": "none", "Mounts": [{**mount, "VolumeOptions": {"NoCopy": True}}]},
    }
    container = client.create("/containers/create", body)
    try:
        yield container
    finally:
        with contextlib.suppress(EngineError):  # the next run removes it
            client.delete(f"/containers/{container}", {"v": True, "force": True})
            if used == EMPTY:
                client.delete(f"/images/{EMPTY}")


def image(client: EngineClient, volume: str) -> str:
    """Returns the id of any image on this node: that of a user of the volume, else the smallest.

    On a node without images, creates an empty one, which ``_helper`` removes.
    """
    images = {str(one["Id"]): one for one in client.list("/images/json") if EMPTY not in (one.get("RepoTags") or [])}
    for one in users(client, volume):
        if one.get("ImageID") in images:
            return str(one["ImageID"])
    if not images:
        client.request("POST", "/images/create", {"fromSrc": "-", "repo": EMPTY.partition(":")[0]}, stream=True)
        return EMPTY
    return min(images, key=lambda one: (int(images[one].get("Size") or 0), one))


def _mounts(container: Container, volume: str) -> bool:
    return any(mount.get("Name") == volume for mount in container.get("Mounts") or [])
