"""What tests do with a Swarm: ask for a stack's objects, wait for states, remove a stack."""

from __future__ import annotations

import contextlib
import json
import urllib.parse
from collections.abc import Callable
from pathlib import Path

from .bed import Bed
from .commands import wait_for
from .node import Node
from .paths import BedError

#: Kind -> the URL of its list, the URL of one, and where its name stands.
KINDS = {
    "services": ("/services", "/services/{}"),
    "secrets": ("/secrets", "/secrets/{}"),
    "configs": ("/configs", "/configs/{}"),
    "networks": ("/networks", "/networks/{}"),
}


class StackScope:
    """One test's part of a Swarm: all objects whose names begin with ``name``."""

    def __init__(self, bed: Bed, name: str) -> None:
        self.bed = bed
        self.name = name
        self.node = bed.node("m1")

    @property
    def docker_host(self) -> str:
        return self.node.docker_host

    def objects(self, kind: str) -> list[dict]:
        """The objects of this test, as the Engine lists them, sorted by name. ``kind`` is a key of KINDS."""
        query = urllib.parse.quote(json.dumps({"name": [self.name]}))
        found = self.node.api("GET", f"{KINDS[kind][0]}?filters={query}")
        mine = [entry for entry in found if _name(entry).startswith(self.name)]
        return sorted(mine, key=_name)

    def tasks(self, desired: str = "running") -> list[dict]:
        """The tasks of this test's services with this desired state ("" for all)."""
        services = [service["ID"] for service in self.objects("services")]
        if not services:
            return []
        filters = {"service": services, **({"desired-state": [desired]} if desired else {})}
        return self.node.api("GET", f"/tasks?filters={urllib.parse.quote(json.dumps(filters))}")

    def deploy(self, compose: Path | str, *options: str) -> None:
        """``docker stack deploy`` of a Compose file (a path, or its text) as this test's stack."""
        if not isinstance(compose, Path):
            text = compose
            compose = self.node.folder / f"{self.name}.yml"
            compose.write_text(text)
        self.node.cli(["docker", "stack", "deploy", "--compose-file", str(compose), *options, self.name])

    def wait_running(self, count: int, seconds: float = 60) -> list[dict]:
        """Wait until exactly ``count`` tasks are meant to run, and do; gives them back."""
        return self.wait(f"{count} running tasks of {self.name}", lambda: self._running(count), seconds)

    def wait(self, what: str, ready: Callable[[], object], seconds: float = 60) -> object:
        """Poll until ``ready`` answers something true; raises BedError with the tasks' states in vain."""
        try:
            return wait_for(what, ready, seconds)
        except BedError as error:
            states = [f"{task['Status']['State']}: {task['Status'].get('Err', '')}" for task in self.tasks("")]
            raise BedError(f"{error}; tasks: {states}") from error

    def remove(self, seconds: float = 60) -> None:
        """Remove every object of this test and wait until they, their tasks and containers have gone."""
        if not any(self.objects(kind) for kind in KINDS):
            return
        wait_for(f"the objects of {self.name} to go", self._remove_once, seconds)

    def _running(self, count: int) -> list[dict]:
        tasks = self.tasks()
        good = len(tasks) == count and all(task["Status"]["State"] == "running" for task in tasks)
        return tasks if good else []

    def _remove_once(self) -> bool:
        for kind, (_, one) in KINDS.items():
            for entry in self.objects(kind):
                try:
                    self.node.api("DELETE", one.format(entry.get("ID") or entry["Id"]))
                except BedError:
                    # In use until its tasks have gone, or gone just now: the next look decides.
                    continue
        for node in self.bed.nodes.values():
            if node.is_up:
                self._kill_containers(node)
        return not any(self.objects(kind) for kind in KINDS) and not any(
            self._containers(node) for node in self.bed.nodes.values() if node.is_up
        )

    def _kill_containers(self, node: Node) -> None:
        """Most commands in tests do not heed SIGTERM: the grace of ten seconds would be waited for each."""
        for container in self._containers(node):
            with contextlib.suppress(BedError):
                node.api("POST", f"/containers/{container['Id']}/kill")

    def _containers(self, node: Node) -> list[dict]:
        query = urllib.parse.quote(json.dumps({"label": ["com.docker.swarm.service.name"], "name": [self.name]}))
        found = node.api("GET", f"/containers/json?all=1&filters={query}")
        return [entry for entry in found if entry["Names"][0].lstrip("/").startswith(self.name)]


def _name(entry: dict) -> str:
    return entry["Name"] if "Name" in entry else entry["Spec"]["Name"]
