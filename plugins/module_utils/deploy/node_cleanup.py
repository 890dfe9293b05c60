# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's part of a clean-up: the volumes and images that only its own Engine knows."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Sequence

from ansible_collections.stackwright.swarm.plugins.module_utils.core.retry import patiently
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.errors import EngineError, StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.cleanup import Entry, entry, wanted_volume
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.image_name import parse
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import NAMESPACE

Result = Dict[str, Any]
Options = Mapping[str, Any]
Facts = Mapping[str, Any]
FIRST_PAUSE, LONGEST_PAUSE, TELL_EVERY = 0.05, 0.3, 10.0  # seconds
RELEASE = 10.0  # seconds in which the Engine lets go of what a container has used


def clean_node(client: EngineClient, clock: Any, stack: str, options: Options, facts: Facts) -> Result:
    """Removes what this node has of the stack; ``facts`` are those of the cluster's part.

    The result: changed, removed, residue, notices, node, calls. Raises EngineError.
    """
    info = client.get("/info") or {}
    cleaning = _Node(client, clock, stack, options, facts, str(info.get("Name") or ""))
    cleaning.run()
    return {
        "changed": bool(cleaning.removed),
        "removed": cleaning.removed,
        "residue": cleaning.residue,
        "notices": cleaning.notices,
        "node": cleaning.node,
        "calls": client.calls,
    }


class _Node:
    def __init__(self, client: EngineClient, clock: Any, stack: str, options: Options, facts: Facts, node: str) -> None:
        self.client, self.clock, self.stack, self.options, self.facts = client, clock, stack, options, facts
        self.node = node
        self.progress: Callable[[str], None] = options["progress"] or (lambda line: None)
        self.removed: List[Entry] = []
        self.residue: List[Entry] = []
        self.notices: List[str] = []

    def run(self) -> None:
        self.deadline = self.clock.now() + self.options["timeout"]
        volumes = self._volumes()
        if self.options["services"] and not (self.options["check"] or self.options["dangling"]):
            self._wait_for_containers()
        for volume in volumes:
            self._remove_volume(volume)
        if self.facts["images"]:
            self._images()
        if self.options["values"] and not self.options["dangling"]:
            self._values()

    def _list(self, path: str, **filters: Sequence[str]) -> List[Any]:
        return patiently(self.clock, lambda: self.client.list(path, {"all": True, "filters": filters}))

    # -- containers

    def _own_containers(self) -> List[Any]:
        found = self._list("/containers/json", label=[f"{NAMESPACE}={self.stack}"])
        return [c for c in found if (c.get("Labels") or {}).get(NAMESPACE) == self.stack]

    def _wait_for_containers(self) -> None:
        """Until the tasks' containers are gone, which Swarm removes a little after the tasks, or it is too late."""
        pause, told = FIRST_PAUSE, self.clock.now()
        while True:
            left = self._own_containers()
            if not left:
                return
            if self.clock.now() >= self.deadline:
                self.residue += [entry("container", _name(c), self.node, "it does not end") for c in left]
                return
            if self.options["detach"]:
                self.options["detach"]()
                self.options = {**self.options, "detach": None}
            if self.clock.now() - told >= TELL_EVERY:
                told = self.clock.now()
                self.progress(f"waiting for {len(left)} containers of {self.stack} to end")
            self.clock.sleep(pause)
            pause = min(pause * 1.5, LONGEST_PAUSE)

    # -- volumes

    def _volumes(self) -> List[str]:
        """The names of those to remove; a chosen one that is not the stack's is residue."""
        options = self.options
        if not options["volumes"] and not options["volume_names"]:
            return []
        answer = patiently(self.clock, lambda: self.client.get("/volumes")) or {}
        found: List[str] = []
        for volume in sorted(answer.get("Volumes") or [], key=lambda v: str(v.get("Name"))):
            name, its_stack = str(volume.get("Name")), (volume.get("Labels") or {}).get(NAMESPACE)
            chosen = wanted_volume(self.stack, name, options["volume_names"])
            if its_stack != self.stack:
                if chosen and not options["volumes"]:
                    whose = f"belongs to the stack {its_stack}" if its_stack else f"has no label of {self.stack}"
                    self.residue.append(entry("volume", name, self.node, f"it {whose}"))
                continue
            if not options["volumes"] and not chosen:
                continue
            if options["dangling"]:
                if name in self.facts["needed"] or self._users(name):
                    continue
            elif name in self.facts["used"]:
                users = ", ".join(f"service {user}" for user in self.facts["used"][name])
                self.residue.append(entry("volume", name, self.node, f"in use by {users}"))
                continue
            found.append(name)
        return found

    def _users(self, volume: str) -> List[Any]:
        """The containers with this very volume; the Engine's filter would take a part of the name as well."""
        return [
            container
            for container in self._list("/containers/json", volume=[volume])
            if any(mount.get("Name") == volume for mount in container.get("Mounts") or [])
        ]

    def _remove_volume(self, name: str) -> None:
        users = self._users(name)
        if self.options["check"]:
            ending = self.options["services"] and not self.options["dangling"]
            staying = [c for c in users if not (ending and (c.get("Labels") or {}).get(NAMESPACE) == self.stack)]
            if staying:
                self.residue.append(entry("volume", name, self.node, _used(staying)))
            else:
                self.removed.append(entry("volume", name, self.node))
            return
        pause, release = FIRST_PAUSE, self.clock.now() + RELEASE
        while True:
            reason = _used(users) if users else self._try_to_remove(f"/volumes/{name}")
            if not reason:
                self.progress(f"remove volume {name} on {self.node}")
                self.removed.append(entry("volume", name, self.node))
                return
            if users or self.clock.now() >= release:
                self.residue.append(entry("volume", name, self.node, reason))
                return
            self.clock.sleep(pause)
            pause = min(pause * 1.5, LONGEST_PAUSE)
            users = self._users(name)

    def _try_to_remove(self, path: str) -> str:
        """Why it can't be removed; empty where it is gone."""
        try:
            patiently(self.clock, lambda: self.client.delete(path))
        except EngineError as error:
            if error.error_code == "not_found":
                return ""
            if error.status in (409, 500):
                return error.message.partition(": ")[2] or error.message
            raise
        return ""

    # -- images

    def _images(self) -> None:
        wanted = {name for image in self.facts["images"] for name in names_of(image)}
        containers = self._list("/containers/json")
        for image in self._list("/images/json"):
            names = sorted(wanted & {*(image.get("RepoTags") or []), *(image.get("RepoDigests") or [])})
            if not names:
                continue
            users = [container for container in containers if container.get("ImageID") == image["Id"]]
            if self.options["check"]:
                users = [c for c in users if (c.get("Labels") or {}).get(NAMESPACE) != self.stack]
            if users:
                self.notices.append(f"The image {names[0]} stays on {self.node}: {_used(users)}.")
                continue
            for name in names:
                self._remove_image(name)

    def _remove_image(self, name: str) -> None:
        reason = "" if self.options["check"] else self._try_to_remove(f"/images/{name}")
        if reason:
            self.notices.append(f"The image {name} stays on {self.node}: {reason}.")
            return
        if not self.options["check"]:
            self.progress(f"remove image {name} on {self.node}")
        self.removed.append(entry("image", name, self.node))

    # -- kept values

    def _values(self) -> None:
        from ansible_collections.stackwright.swarm.plugins.module_utils.store.host_facts import HostFacts
        from ansible_collections.stackwright.swarm.plugins.module_utils.values.kept import Kept
        from ansible_collections.stackwright.swarm.plugins.module_utils.values.store import update

        store = HostFacts(self.stack, self.clock, self.options.get("values_path") or "")
        try:
            if store.read()[0].empty:
                return
            if not self.options["check"]:
                update(store, lambda kept: Kept(kept.stack, {}, kept.counter))
        except StackwrightError as error:
            self.residue.append(entry("values", store.where, self.node, error.message))
            return
        self.removed.append(entry("values", store.where, self.node))


def names_of(image: str) -> List[str]:
    """How a node's Engine lists an image that a service names: by its tag, by its digest, or by both."""
    try:
        name = parse(image)
    except ValueError:
        return [image]
    tagged = f"{name.repository}:{name.tag or 'latest'}"
    if not name.digest:
        return [tagged]
    return [f"{name.repository}@{name.digest}"] + ([tagged] if name.tag else [])


def _used(containers: Sequence[Mapping[str, Any]]) -> str:
    return "in use by container " + ", ".join(sorted(_name(container) for container in containers))


def _name(container: Mapping[str, Any]) -> str:
    return str((container.get("Names") or [str(container.get("Id"))[:12]])[0]).lstrip("/")
