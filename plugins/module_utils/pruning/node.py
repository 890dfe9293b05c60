# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cleans up one node: removes objects of its own Engine one by one, and checks each again just before.

Why it does not use the Engine's prune calls: docs/decisions/0057-nodes-are-pruned-one-by-one.md.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Optional

from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import SystemClock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError, StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.health.tasks import seconds
from ansible_collections.stackwright.swarm.plugins.module_utils.pruning import choose
from ansible_collections.stackwright.swarm.plugins.module_utils.pruning.choose import HOUR, Item
from ansible_collections.stackwright.swarm.plugins.module_utils.pruning.needs import needed_on, read_needs
from ansible_collections.stackwright.swarm.plugins.module_utils.pruning.options import check as check_options

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.request.module_types import Needs, PruneOptions
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Info

Result = Dict[str, Any]
LONG = 300.0  # seconds for an answer: the Engine adds up sizes, or removes caches


def prune_node(client: EngineClient, params: PruneOptions, check: bool) -> Result:
    """Does the module's work; ``params`` are its options.

    :raises StackwrightError: ``invalid_options``, ``wrong_swarm``, ``no_disk``; EngineError; ``revision_damaged``.
    """
    check_options(params)
    return _Pruning(client, params, check, _percent).run()


class _Pruning:
    def __init__(
        self,
        client: EngineClient,
        params: PruneOptions,
        check: bool,
        percent: Callable[[str], Optional[int]],
    ) -> None:
        self.client, self.params, self.check, self._percent = client, params, check, percent
        self.notices: List[str] = []
        self.removed: List[Item] = []
        self.left: List[Dict[str, str]] = []

    def run(self) -> Result:
        info: Any = self.client.get("/info") or {}
        self.node = str(info.get("Name") or "")
        self.now = seconds(info.get("SystemTime")) or SystemClock.wall()
        self.age = self.params["older_than"] * HOUR
        root = str(info.get("DockerRootDir") or "")
        used = self._percent(root)
        needs = self._needs(info)
        due = self._is_due(root, used)
        if due:
            self._prune(needs, str((info.get("Swarm") or {}).get("NodeID") or ""))
        size = sum(item.size for item in self.removed)
        listed = [item.shown(self.node) for item in self.removed]
        return {
            "changed": bool(self.removed),
            "node": self.node,
            "removed": listed,
            "bytes": size,
            "left": self.left,
            "due": due,
            "disk_percent": {"before": used, "after": used if self.check else self._percent(root)},
            "needed": needs,
            "notices": self.notices,
            "calls": self.client.calls,
            "diff": {"before": "".join(map(_line, listed)), "after": ""} if listed else {},
        }

    def _is_due(self, root: str, used: Optional[int]) -> bool:
        threshold = self.params["disk_threshold"]
        if threshold and used is None:
            raise StackwrightError(
                f"disk_threshold needs the file system of {root or 'the Engine'}, and it can't be read on this target.",
                "no_disk",
                "Run the module on the node itself, as a user who can read it; or leave out disk_threshold.",
            )
        return not threshold or (used or 0) >= threshold

    def _needs(self, info: Info) -> Optional[Needs]:
        """Returns the needs of the Swarm; None without a Swarm, and on a worker without the option ``needed``."""
        swarm = info.get("Swarm") or {}
        if swarm.get("ControlAvailable"):
            return read_needs(self.client)
        given = self.params["needed"]
        if swarm.get("LocalNodeState") in (None, "", "inactive"):
            return None
        if given and str(swarm.get("NodeID")) not in given["nodes"]:
            raise StackwrightError(
                f"{self.node} is not a node of the Swarm in `needed`.",
                "wrong_swarm",
                "Pass `needed` from a manager of this node's Swarm.",
            )
        return given

    def _prune(self, needs: Optional[Needs], node_id: str) -> None:
        params = self.params
        if params["containers"]:
            for item in choose.containers(self._containers(size=True), self.now, self.age):
                self._remove(item, self._container_is_free, f"/containers/{item.id}", {"v": False})
        if params["networks"]:
            found = choose.networks(self.client.list("/networks"), self._rest(), self.now, self.age)
            for item in found:
                self._remove(item, self._network_is_free, f"/networks/{item.id}")
        if params["volumes"]:
            for item in choose.volumes(self._sizes("volume").get("Volumes") or [], self._rest(), self.now, self.age):
                self._remove(item, self._volume_is_free, f"/volumes/{item.id}")
        if params["images"] != "none":
            self._images(needs, node_id)
        if params["build_cache"]:
            self._build_cache()

    # -- existing objects, without those that check mode would have removed

    def _containers(self, size: bool = False) -> List[Dict[str, Any]]:
        return self.client.list("/containers/json", {"all": True, "size": size}, timeout=LONG)

    def _sizes(self, kind: str) -> Dict[str, Any]:
        found = self.client.get("/system/df", {"type": kind}, timeout=LONG)
        return found if isinstance(found, dict) else {}

    def _rest(self) -> List[Dict[str, Any]]:
        gone = {item.id for item in self.removed if item.kind == "container"}
        return [container for container in self._containers() if container["Id"] not in gone]

    # -- images

    def _images(self, needs: Optional[Needs], node_id: str) -> None:
        if needs is None and node_id:
            self.notices.append(
                f"No image was removed on {self.node}: a worker does not know which ones the Swarm needs. Give it "
                "`needed` of a manager, as the playbook prune does."
            )
            return
        used = {str(container.get("ImageID")) for container in self._rest()}
        needed = needed_on(needs, node_id) if needs else []
        dangling = self.params["images"] == "dangling"
        found = self._sizes("image").get("Images") or []
        for item in choose.images(found, used, needed, self.params["keep_images"], dangling):
            self._remove_image(item)

    def _remove_image(self, item: Item) -> None:
        users = [c for c in self._rest() if c.get("ImageID") == item.id]
        if users:
            self._leave(item, "a container uses it now")
            return
        for name in item.names or [item.id]:
            reason = "" if self.check else self._try(f"/images/{name}")
            if reason:
                self._leave(item, reason)
                return
        self.removed.append(item)

    def _build_cache(self) -> None:
        item = choose.build_cache(self._sizes("build-cache").get("BuildCache") or [], self.now, self.age)
        if not item.size:
            return
        if not self.check:
            until = {"filters": {"until": [f"{self.params['older_than']}h"]}} if self.age else {}
            done = self.client.post("/build/prune", {"all": True, **until}, timeout=LONG) or {}
            item = item._replace(size=int(done.get("SpaceReclaimed") or 0))
        if item.size:
            self.removed.append(item)

    # -- single objects

    def _remove(
        self, item: Item, is_free: Callable[[Item], str], path: str, query: Optional[Mapping[str, object]] = None
    ) -> None:
        reason = is_free(item)
        if not reason and not self.check:
            reason = self._try(path, query)
        if reason:
            self._leave(item, reason)
        else:
            self.removed.append(item)

    def _leave(self, item: Item, reason: str) -> None:
        self.left.append({"kind": item.kind, "name": item.name, "node": self.node, "reason": reason})

    def _try(self, path: str, query: Optional[Mapping[str, object]] = None) -> str:
        """Returns why an object could not be removed; empty if it was."""
        try:
            self.client.delete(path, query)
        except EngineError as error:
            if error.status in (403, 409, 500):
                return error.message.partition(": ")[2] or error.message
            raise
        return ""

    def _container_is_free(self, item: Item) -> str:
        found = [c for c in self._containers() if c["Id"] == item.id]
        return "it was started in the meantime" if found and found[0].get("State") not in choose.ENDED else ""

    def _network_is_free(self, item: Item) -> str:
        try:
            found = self.client.get(f"/networks/{item.id}") or {}
        except EngineError as error:
            if error.error_code == "not_found":
                return ""
            raise
        if found.get("Scope") != "local":
            return "it belongs to the Swarm"
        return "a container was attached in the meantime" if found.get("Containers") else ""

    def _volume_is_free(self, item: Item) -> str:
        users = [c for c in self._rest() if any(m.get("Name") == item.id for m in c.get("Mounts") or [])]
        return "a container uses it now" if users else ""


def _percent(path: str) -> Optional[int]:
    """Returns the usage of a path's file system in percent, as ``df`` does; None if it can't be read."""
    try:
        stat = os.statvfs(path)
    except (OSError, ValueError):
        return None
    used = stat.f_blocks - stat.f_bfree
    whole = used + stat.f_bavail
    return -(-used * 100 // whole) if path and whole else None


def _line(item: Mapping[str, object]) -> str:
    return f"{item['kind']} {item['name']} on {item['node']} ({item['bytes']} bytes)\n"
