"""A test's access to a Swarm: reads a stack's objects, waits for states, removes a stack."""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .bed import Bed
from .commands import wait_for
from .node import Node
from .paths import BedError

#: Kind of object in the Swarm -> the URL of one.
KINDS = {kind: f"/{kind}/{{}}" for kind in ("services", "secrets", "configs", "networks")}


#: The label of locks and revisions.
STACK = "stackwright.stack"


@dataclass(frozen=True)
class Left:
    """A remaining object of a test: its node, its URL for removal, and its description."""

    node: Node
    url: str
    text: str

    def remove(self) -> str:
        """Requests its removal. Returns the Engine's error, or an empty text."""
        try:
            self.node.api("DELETE", self.url)
        except BedError as error:
            return str(error)
        return ""


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
        """Returns the objects of this test from the Engine's list, sorted by name. ``kind`` is a key of KINDS."""
        # No filter: a filter by a part of the name does not find networks without a task on this node.
        found = self.node.api("GET", f"/{kind}")
        mine = [entry for entry in found if _name(entry).startswith(self.name)]
        return sorted(mine, key=_name)

    def bookkeeping(self) -> list[dict]:
        """Returns the locks and revisions of this test's stacks, sorted by name."""
        found = self.node.api("GET", "/configs")
        mine = [entry for entry in found if (entry["Spec"]["Labels"] or {}).get(STACK, "").startswith(self.name)]
        return sorted(mine, key=_name)

    def tasks(self, desired: str = "running") -> list[dict]:
        """Returns the tasks of this test's services with this desired state ("" for all)."""
        services = [service["ID"] for service in self.objects("services")]
        if not services:
            return []
        filters = {"service": services, **({"desired-state": [desired]} if desired else {})}
        return self.node.api("GET", f"/tasks?filters={urllib.parse.quote(json.dumps(filters))}")

    def deploy(self, compose: Path | str, *options: str) -> None:
        """Runs ``docker stack deploy`` of a Compose file (a path, or its text) as this test's stack."""
        if not isinstance(compose, Path):
            text = compose
            compose = self.node.folder / f"{self.name}.yml"
            compose.write_text(text)
        self.node.cli(["docker", "stack", "deploy", "--compose-file", str(compose), *options, self.name])

    def wait_running(self, count: int, seconds: float = 180) -> list[dict]:
        """Waits until exactly ``count`` tasks should run and do run. Returns them."""
        return self.wait(f"{count} running tasks of {self.name}", lambda: self._running(count), seconds)

    def wait(self, what: str, ready: Callable[[], object], seconds: float = 180) -> object:
        """Polls until ``ready`` returns a true value. Raises BedError with the tasks' states if it never does."""
        try:
            return wait_for(what, ready, seconds)
        except BedError as error:
            states = [f"{task['Status']['State']}: {task['Status'].get('Err', '')}" for task in self.tasks("")]
            raise BedError(f"{error}; tasks: {states}") from error

    def remove(self, seconds: float = 120) -> None:
        """Removes every object of this test with its containers and volumes, and waits until they are gone.

        Raises BedError with the remaining objects and the reasons after ``seconds``.
        """
        stays: list[str] = []

        def try_once() -> bool:
            # An object is in use until its tasks are gone. The next try shows it.
            stays[:] = [f"{left.text} ({left.remove() or 'its removal was accepted'})" for left in self.leftovers()]
            return not stays

        try:
            wait_for(f"the objects of {self.name} to go", try_once, seconds)
        except BedError as error:
            tasks = [_task(task) for task in self.node.api("GET", "/tasks") if self._is_recent(task)]
            raise BedError("; ".join([f"{error}; left: {', '.join(stays)}", *tasks])) from error

    def leftovers(self) -> list[Left]:
        """Returns the remaining objects of this test on all running nodes, except ``ghosts``."""
        left = []
        for kind, one in KINDS.items():
            for entry in self.objects(kind):
                if not _is_ghost(entry):
                    left.append(Left(self.node, one.format(_id(entry)), f"{kind[:-1]} {_name(entry)} {_id(entry)}"))
        for entry in self.bookkeeping():
            left.append(Left(self.node, f"/configs/{_id(entry)}", f"config {_name(entry)} {_id(entry)}"))
        for node in self.bed.nodes.values():
            if node.is_up:
                left += self._local(node)
        return left

    def ghosts(self) -> list[str]:
        """Returns networks that a node's Engine still shows, although the Swarm has removed them.

        20.10 keeps such a network forever if a job's task fails while its service is removed: the entry for the
        network's load balancer stays. Nothing can be attached to it, nothing can remove it, and its name is not needed.
        """
        return [
            f"network {_name(one)} {_id(one)} on {self.node.name}" for one in self.objects("networks") if _is_ghost(one)
        ]

    def _running(self, count: int) -> list[dict]:
        tasks = self.tasks()
        good = len(tasks) == count and all(task["Status"]["State"] == "running" for task in tasks)
        return tasks if good else []

    def _local(self, node: Node) -> list[Left]:
        """Returns the containers and volumes on a node.

        Containers are removed by force: most commands in tests ignore SIGTERM, and Swarm would wait ten seconds.
        """
        query = urllib.parse.quote(json.dumps({"name": [self.name]}))
        containers = node.api("GET", f"/containers/json?all=1&filters={query}")
        volumes = node.api("GET", f"/volumes?filters={query}")["Volumes"] or []
        left = []
        for entry in containers:
            name = entry["Names"][0].lstrip("/") if entry["Names"] else ""
            if name.startswith(self.name):
                text = f"container {name} {entry['Id'][:12]}, {entry['State']} ({entry['Status']}), on {node.name}"
                left.append(Left(node, f"/containers/{entry['Id']}?force=1&v=1", text))
        for entry in volumes:
            if entry["Name"].startswith(self.name):
                left.append(Left(node, f"/volumes/{entry['Name']}", f"volume {entry['Name']} on {node.name}"))
        return left

    def _is_recent(self, task: dict) -> bool:
        """Whether this may be a task that keeps an object in use: of a service that exists, or did just now."""
        labels = task["Spec"].get("ContainerSpec", {}).get("Labels") or {}
        return labels.get("com.docker.stack.namespace", "").startswith(self.name)


def _is_ghost(network: dict) -> bool:
    """Whether only the Engine has the network: it lists its own entry, with peers, if the Swarm has none."""
    return network.get("Scope") == "swarm" and "Peers" in network


def _task(task: dict) -> str:
    status = task["Status"]
    line = f"task {task['ID']}, {status['State']} (desired: {task['DesiredState']}), on node {task.get('NodeID', '')}"
    return f"{line}: {status['Err']}" if status.get("Err") else line


def _name(entry: dict) -> str:
    return entry["Name"] if "Name" in entry else entry["Spec"]["Name"]


def _id(entry: dict) -> str:
    return entry.get("ID") or entry["Id"]
