# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's part of a cleanup: the volumes and images that only its own Engine knows.

Objects that a new deployment would use again are only removed if ``may()`` confirms just before that the stack's lock
is still held. Why: docs/decisions/0016-no-removal-outside-the-lock.md.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import Clock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError, StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.core.retry import patiently
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.store.host_facts import HostFacts
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.image_name import names_of
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import BASE, NAMESPACE
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.owner import owner_of, recorded
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.volume_names import could_be
from ansible_collections.stackwright.swarm.plugins.module_utils.transitions.cleanup import Entry, entry, is_chosen
from ansible_collections.stackwright.swarm.plugins.module_utils.values.store import StoreConflict

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.request.option_types import CleanupOptions
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Container, Volume

Result = Dict[str, Any]
Facts = Mapping[str, Any]
#: Returns why nothing may be removed now; empty text if a removal is allowed.
May = Callable[[], str]
FIRST_PAUSE, LONGEST_PAUSE, TELL_EVERY = 0.05, 0.3, 10.0  # seconds
RELEASE = 10.0  # seconds in which the Engine releases the volume of a removed container
CALL = 10.0  # seconds for the answer to a removal; a lease ends that much later than ``may`` reports
SERVICE = "com.docker.swarm.service.id"
ENDED = ("created", "exited", "dead")


def containers_of(client: EngineClient, clock: Clock, stack: str) -> List[Tuple[str, Container]]:
    """Returns the containers of the stack's tasks on this node, each with its service's id. Raises EngineError."""
    query = {"all": True, "filters": {"label": [f"{NAMESPACE}={stack}"]}}
    found = patiently(clock, lambda: client.list("/containers/json", query))
    labelled = [(c.get("Labels") or {}, c) for c in found]
    return [(str(la.get(SERVICE) or ""), c) for la, c in labelled if la.get(NAMESPACE) == stack and la.get(SERVICE)]


def clean_node(
    client: EngineClient, clock: Clock, stack: str, options: CleanupOptions, facts: Facts, may: May
) -> Result:
    """Removes the stack's objects on this node; ``facts`` are those of the cluster-wide part.

    ``options["seen"]`` are services whose containers the node had before ``facts["services"]`` was read.

    The result: changed, removed, residue, late (why some objects were left for now, or empty), notices, node, clock,
    calls. Raises EngineError.
    """
    info = client.get("/info") or {}
    cleaning = _Node(client, clock, stack, options, facts, str(info.get("Name") or ""), may)
    cleaning.run()
    return {
        "changed": bool(cleaning.removed),
        "removed": cleaning.removed,
        "residue": cleaning.residue,
        "late": cleaning.late,
        "notices": cleaning.notices,
        "node": cleaning.node,
        "clock": [clock.now(), clock.wall()],
        "calls": client.calls,
    }


class _Node:
    def __init__(
        self, client: EngineClient, clock: Clock, stack: str, options: CleanupOptions, facts: Facts, node: str, may: May
    ) -> None:
        self.client, self.clock, self.stack, self.options, self.facts = client, clock, stack, options, facts
        self.node, self.may = node, may
        self.progress: Callable[[str], None] = options["progress"] or (lambda line: None)
        self.removed: List[Entry] = []
        self.residue: List[Entry] = []
        self.notices: List[str] = []
        self.late = ""
        # The id of a service is never used again, so containers of removed services need no lock.
        self.gone = set(facts["gone"])
        self.left_over = set(options["seen"]) - set(facts["services"]) - self.gone

    def run(self) -> None:
        self.deadline = self.clock.now() + self.options["timeout"]
        if self.options["services"] and not self.options["dangling"]:
            self._containers()
        for volume in self._volumes():
            self._remove_volume(volume)
        if self.facts["images"]:
            self._images()
        if self.options["values"] and not self.options["dangling"]:
            self._values()

    def _list(self, path: str, **filters: Sequence[str]) -> List[Any]:
        return patiently(self.clock, lambda: self.client.list(path, {"all": True, "filters": filters}))

    def _permitted(self, kind: str, name: str) -> bool:
        """Whether an object may be removed now; records it as residue otherwise."""
        why = "" if self.options["check"] else self.may()
        if why:
            self.late = why
            self.residue.append(entry(kind, name, self.node, why))
        return not why

    # -- containers

    def _containers(self) -> None:
        """Waits until the containers of removed services are gone: Swarm removes them a little after the tasks. Some
        Engines keep containers of jobs, so these are removed here."""
        found = containers_of(self.client, self.clock, self.stack)
        for service, container in found:
            if service in self.left_over and container.get("State") in ENDED:
                self.removed.append(entry("container", _name(container), self.node))
        if not self.options["check"]:
            self._wait_for_containers()

    def _wait_for_containers(self) -> None:
        pause, told_at = FIRST_PAUSE, self.clock.now()
        while True:
            found = containers_of(self.client, self.clock, self.stack)
            left = [container for service, container in found if service in self.gone | self.left_over]
            for container in left:
                if container.get("State") in ENDED:
                    self._try_to_remove(f"/containers/{container['Id']}", {"v": True})
            left = [container for container in left if container.get("State") not in ENDED]
            if not left:
                return
            if self.clock.now() >= self.deadline:
                self.residue += [entry("container", _name(c), self.node, "it did not stop") for c in left]
                return
            if self.options["detach"]:
                self.options["detach"]()
                self.options = {**self.options, "detach": None}
            if self.clock.now() - told_at >= TELL_EVERY:
                told_at = self.clock.now()
                self.progress(f"waiting for {len(left)} container{'s' * (len(left) > 1)} of {self.stack} to end")
            self.clock.sleep(pause)
            pause = min(pause * 1.5, LONGEST_PAUSE)

    # -- volumes

    def _volumes(self) -> List[str]:
        """Returns the names of the volumes to remove. A chosen one that is not the stack's becomes residue."""
        options = self.options
        if not options["volumes"] and not options["volume_names"]:
            return []
        answer = patiently(self.clock, lambda: self.client.get("/volumes")) or {}
        found: List[str] = []
        for volume in sorted(answer.get("Volumes") or [], key=lambda v: str(v.get("Name"))):
            name, labels = str(volume.get("Name")), volume.get("Labels") or {}
            its_stack, base = labels.get(NAMESPACE), labels.get(BASE, "")
            chosen = is_chosen(self.stack, name, options["volume_names"], self.node, base)
            other = self._other(volume)
            if its_stack != self.stack or other:
                if other:
                    self.residue.append(entry("volume", name, self.node, f"it belongs to another stack: {other}"))
                elif chosen and not options["volumes"]:
                    whose = f"belongs to the stack {its_stack}" if its_stack else f"has no label of {self.stack}"
                    self.residue.append(entry("volume", name, self.node, f"it {whose}"))
                continue
            if not options["volumes"] and not chosen:
                continue
            services = _mounting(name, self.facts["used"])
            if options["dangling"]:
                if services or any(could_be(kept, name) for kept in self.facts["needed"]) or self._users(name):
                    continue
            elif services:
                users = ", ".join(f"service {user}" for user in services)
                self.residue.append(entry("volume", name, self.node, f"in use by {users}"))
                continue
            found.append(name)
        return found

    def _other(self, volume: Volume) -> str:
        """Returns the other stack of the same name that created a volume; empty for ours, or without such a label."""
        labels, identity = volume.get("Labels") or {}, self.options["identity"]
        found = recorded(labels, self.stack) if labels.get(NAMESPACE) == self.stack else None
        return found.shown if found is not None and identity and not found.is_same(owner_of(identity)) else ""

    def _users(self, volume: str) -> List[Any]:
        """Returns the containers with exactly this volume: the Engine's filter also matches a part of the name."""
        return [
            container
            for container in self._list("/containers/json", volume=[volume])
            if any(mount.get("Name") == volume for mount in container.get("Mounts") or [])
        ]

    def _remove_volume(self, name: str) -> None:
        users = self._users(name)
        if self.options["check"]:
            staying = [c for c in users if not self._is_going(c)]
            if staying:
                self.residue.append(entry("volume", name, self.node, _used(staying)))
            else:
                self.removed.append(entry("volume", name, self.node))
            return
        pause, release = FIRST_PAUSE, self.clock.now() + RELEASE
        while True:
            if not users and not self._permitted("volume", name):
                return
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

    def _is_going(self, container: Container) -> bool:
        """Whether a container will be removed with its service: check mode must know that."""
        labels = container.get("Labels") or {}
        return labels.get(NAMESPACE) == self.stack and labels.get(SERVICE) in self.gone | self.left_over

    def _try_to_remove(self, path: str, query: Optional[Mapping[str, object]] = None) -> str:
        """Removes an object; returns why it can't be removed, or empty text."""
        tried = False

        def delete() -> None:
            nonlocal tried
            why = self.may() if tried else ""
            if why:
                raise EngineError(f"DELETE {path}: the Engine did not answer in time; {why}", status=409)
            tried = True
            self.client.delete(path, query, timeout=CALL)

        try:
            patiently(self.clock, delete)
        except EngineError as error:
            if error.status in (409, 500):
                return error.message.partition(": ")[2] or error.message
            raise
        return ""

    # -- images

    def _images(self) -> None:
        going = {name for image in self.facts["images"] for name in names_of(image)}
        wanted = {name for image in self.facts["wanted_images"] for name in names_of(image)}
        containers = self._list("/containers/json")
        for image in self._list("/images/json"):
            names = sorted(going & {*(image.get("RepoTags") or []), *(image.get("RepoDigests") or [])})
            if not names:
                continue
            users = [container for container in containers if container.get("ImageID") == image["Id"]]
            if self.options["check"]:
                users = [c for c in users if not self._is_going(c)]
            others = wanted & set(names)
            why = _used(users) if users else "a service needs it now" if others else ""
            if why:
                self.notices.append(f"The image {names[0]} stays on {self.node}: {why}.")
                continue
            for name in names:
                if not self._permitted("image", name):
                    return
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
        store = HostFacts(self.stack, self.clock, self.options.get("values_path") or "")
        store.owner = owner_of(self.options["identity"]).text if self.options["identity"] else ""
        try:
            kept, token = store.read()
            if kept.empty or not self._permitted("values", store.where):
                return
            if not self.options["check"]:
                store.write(replace(kept, entries={}), token)
        except (StackwrightError, StoreConflict) as error:
            reason = getattr(error, "message", "another process has just written them")
            self.residue.append(entry("values", store.where, self.node, reason))
            return
        self.removed.append(entry("values", store.where, self.node))


def _mounting(volume: str, used: Mapping[str, Sequence[str]]) -> List[str]:
    """Returns the services that mount a volume."""
    return sorted({service for name, services in used.items() if could_be(name, volume) for service in services})


def _used(containers: Sequence[Container]) -> str:
    return "in use by container " + ", ".join(sorted(_name(container) for container in containers))


def _name(container: Container) -> str:
    return str((container.get("Names") or [str(container.get("Id"))[:12]])[0]).lstrip("/")
