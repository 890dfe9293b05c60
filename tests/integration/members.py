"""swarm_cluster without ansible-playbook: the same run, with the module's parts called in this process."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / ".cache" / "collections"))

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.option_specs import COMPILED
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.connection import Connection
from ansible_collections.stackwright.swarm.plugins.module_utils.membership.steps import Goal
from ansible_collections.stackwright.swarm.plugins.module_utils.parts.cluster_options import SWARM_CLUSTER
from ansible_collections.stackwright.swarm.plugins.module_utils.parts.swarm_cluster import (
    change_membership,
    check_cluster,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.enrolment.known import Asked, HostOptions
from ansible_collections.stackwright.swarm.plugins.plugin_utils.enrolment.results import results
from ansible_collections.stackwright.swarm.plugins.plugin_utils.enrolment.run import Enrolment


def defaults() -> dict[str, Any]:
    return {name: option.get("default") for name, option in SWARM_CLUSTER.items()}


class Members:
    """The nodes of a bed whose engines are in no Swarm yet."""

    def __init__(self, bed: Any) -> None:
        self.bed = bed
        self.lines: list[str] = []
        self.asked: list[tuple[str, str]] = []
        self.before: Any = lambda host, part: None  # may raise, as a killed controller
        self.keys: Any = None
        self.answers: dict[str, Any] = {}  # host -> the answer of a host that can't be asked
        self.now, self.sleep = time.monotonic, time.sleep

    def run(
        self, check: bool = False, helpers: tuple[str, ...] = (), absent: Any = (), options: Any = None, **wanted: str
    ) -> Any:
        """Runs the task; ``wanted`` has each host's role. Raises StackwrightError as the task fails."""
        given = {**defaults(), "dispatcher_heartbeat": "1s", **(options or {})}
        each = {host: {**given, "advertise_addr": self.bed.node(host).address} for host in (*wanted, *helpers)}
        goal = Goal(
            settings=check_cluster(given),
            remove=tuple(given["remove"]),
            prune_down_after=given["prune_down_after"],
            dissolve=given["dissolve"],
            can_unlock=bool(given["unlock_key"] or self.keys),
            elsewhere=bool(given["join_addrs"]),
        )
        self.lines.clear()
        self.asked.clear()

        def ask(host: str, part: dict[str, Any]) -> Any:
            self.before(host, part)
            self.asked.append((host, part["part"]))
            return self._part(host, each[host], part)

        def look(hosts: Any) -> Any:
            return {host: ask(host, {"part": "look"}) for host in hosts}

        def show(host: str, line: str) -> None:
            self.lines.append(f"[{host}] {line}")

        world = Asked(ask, look, show, self.now, self.sleep, "tester@here")
        own = {host: HostOptions.of(each[host]) for host in wanted}
        run = Enrolment(world, wanted, own, helpers, dict(absent), goal, self.keys)
        run.go(check)
        return Done(run)

    def _part(self, host: str, options: dict[str, Any], part: dict[str, Any]) -> Any:
        if host in self.answers:
            return self.answers[host]
        node = self.bed.node(host)
        client = self.client_of(host)
        try:
            done = change_membership(client, {**options, COMPILED: json.loads(json.dumps(part))}, False)
        except StackwrightError as error:
            return {**error.details, "failed": True, "msg": str(error), "error_code": error.error_code}
        finally:
            client.close()
        if "facts" in done:
            done["facts"]["addresses"] = [node.address]  # this process is in none of the nodes' namespaces
        done["received"] = self.now()
        return json.loads(json.dumps(done))

    def client_of(self, host: str) -> Any:
        return EngineClient(Connection(docker_host=self.bed.node(host).docker_host, timeout=60))

    def api(self, host: str, method: str, path: str, body: Any = None) -> Any:
        return self.bed.node(host).api(method, path, body)

    def nodes(self, by: str) -> dict[str, str]:
        """The role of each node that is not down, by its name; a node twice is a failure."""
        found = self.api(by, "GET", "/nodes") or []
        names = [node["Description"]["Hostname"] for node in found]
        assert len(names) == len(set(names)), f"phantoms among {names}"
        assert all(node["Status"]["State"] == "ready" for node in found), found
        return {node["Description"]["Hostname"]: node["Spec"]["Role"] for node in found}

    def reset(self) -> None:
        """No engine is in a Swarm."""
        self.before, self.answers, self.keys = (lambda host, part: None), {}, None
        for name in self.bed.nodes:
            state = self.api(name, "GET", "/info")["Swarm"]["LocalNodeState"]
            if state != "inactive":
                self.leave(name)

    def leave(self, name: str) -> None:
        """A manager whose Swarm has no leader may hang as it leaves, until its engine is started again."""
        leave = ["docker", "swarm", "leave", "--force"]
        try:
            self.bed.node(name).cli(leave, check=False, timeout=60)
        except subprocess.TimeoutExpired:
            self.bed.kill(name)
            self.bed.start(name)
            self.bed.node(name).cli(leave, check=False, timeout=60)


class Done:
    """What a run did, or would do."""

    def __init__(self, run: Enrolment) -> None:
        self.run = run
        self.steps = [step.text.partition(":")[0] for step in run.steps]
        self.warnings = run.warnings
        self.calls = run.calls
        self.results = results(run, None)
