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

#: Kind of object in the Swarm -> the URL of one.
KINDS = {kind: f"/{kind}/{{}}" for kind in ("services", "secrets", "configs", "networks")}


#: The label of the configs that a deployment keeps for itself.
STACK = "stackwright.stack"


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
        # Without a filter: by a part of its name, a network that no task of this node uses is not found.
        found = self.node.api("GET", f"/{kind}")
        mine = [entry for entry in found if _name(entry).startswith(self.name)]
        return sorted(mine, key=_name)

    def bookkeeping(self) -> list[dict]:
        """The locks and revisions of this test's stacks, sorted by name."""
        found = self.node.api("GET", "/configs")
        mine = [entry for entry in found if (entry["Spec"]["Labels"] or {}).get(STACK, "").startswith(self.name)]
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

    def remove(self, seconds: float = 120) -> None:
        """Remove every object of this test, with its containers and volumes, and wait until they have gone."""
        wait_for(f"the objects of {self.name} to go", self._remove_once, seconds)

    def _running(self, count: int) -> list[dict]:
        tasks = self.tasks()
        good = len(tasks) == count and all(task["Status"]["State"] == "running" for task in tasks)
        return tasks if good else []

    def _remove_once(self) -> bool:
        """Try to remove all that is left; whether nothing was."""
        left = [(self.node, one.format(_id(entry))) for kind, one in KINDS.items() for entry in self.objects(kind)]
        left += [(self.node, f"/configs/{_id(entry)}") for entry in self.bookkeeping()]
        for node in self.bed.nodes.values():
            if node.is_up:
                left += [(node, url) for url in self._local(node)]
        for node, url in left:
            # In use until its tasks have gone, or gone just now: the next look decides.
            with contextlib.suppress(BedError):
                node.api("DELETE", url)
        return not left

    def _local(self, node: Node) -> list[str]:
        """URLs of the containers and volumes on a node.

        Containers are removed by force: most commands in tests do not heed SIGTERM, and Swarm would wait ten seconds.
        """
        query = urllib.parse.quote(json.dumps({"name": [self.name]}))
        containers = node.api("GET", f"/containers/json?all=1&filters={query}")
        volumes = node.api("GET", f"/volumes?filters={query}")["Volumes"] or []
        mine = [entry["Id"] for entry in containers if entry["Names"][0].lstrip("/").startswith(self.name)]
        named = [entry["Name"] for entry in volumes if entry["Name"].startswith(self.name)]
        return [f"/containers/{one}?force=1&v=1" for one in mine] + [f"/volumes/{one}" for one in named]


def _name(entry: dict) -> str:
    return entry["Name"] if "Name" in entry else entry["Spec"]["Name"]


def _id(entry: dict) -> str:
    return entry.get("ID") or entry["Id"]
