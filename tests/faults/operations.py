"""What else than a deployment is disturbed: how each operation is run, where it begins, and how its end is known."""

from __future__ import annotations

import json
from secrets import SystemRandom
from typing import Any

from stage import Ended, Stage, finish, start
from stage import work as run_here

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.option_specs import CLEANUP
from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import SystemClock
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.connection import Connection
from ansible_collections.stackwright.swarm.plugins.module_utils.request.options import with_defaults
from ansible_collections.stackwright.swarm.plugins.module_utils.store.choose import open_store
from ansible_collections.stackwright.swarm.plugins.module_utils.store.edit import Edit
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.cleanup import clean_cluster
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.drift import stack_drift
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.rollback import roll_back
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.service import change_service
from ansible_collections.stackwright.swarm.plugins.module_utils.values.kept import GENERATED


def _rollback(client: Any, clock: Any, job: dict[str, Any], options: dict[str, Any]) -> Any:
    return roll_back(client, clock, job["name"], options)


def _heal(client: Any, clock: Any, job: dict[str, Any], options: dict[str, Any]) -> Any:
    return stack_drift(
        client, clock, job["name"], {"heal": True, "images": False, "rules": (), "fail_on_drift": True, **options}
    )


def _service(client: Any, clock: Any, job: dict[str, Any], options: dict[str, Any]) -> Any:
    return change_service(client, clock, job["name"], options)


def _values(client: Any, clock: Any, job: dict[str, Any], options: dict[str, Any]) -> Any:
    store = open_store(client, clock, job["name"], 3, {"store": "swarm"}, "vault")
    return Edit(store, SystemRandom(), clock.wall(), False).run(options, store)


def _cleanup(client: Any, clock: Any, job: dict[str, Any], options: dict[str, Any]) -> Any:
    return clean_cluster(client, clock, job["name"], with_defaults({**CLEANED, **options}))


WORK = {"rollback": _rollback, "heal": _heal, "service": _service, "values": _values, "cleanup": _cleanup}
CLEANED = {**{name: option.get("default") for name, option in CLEANUP.items()}, "seen": (), "others": False}


class Operation:
    """``name`` in WORK, on a stage: from where ``prepare`` has left the stack to where ``reached`` is true."""

    name = ""
    #: How often the operation may have been done by a disturbed run and the next one together.
    most = 1
    #: Whether it leaves a stack that is as its history says.
    stays = True

    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    def options(self) -> dict[str, Any]:
        return {}

    def prepare(self) -> None:
        """Undisturbed."""

    def reached(self) -> bool:
        raise NotImplementedError

    def run(self, docker_host: str = "", child: bool = False, **more: Any) -> Ended:
        job = {"docker_host": docker_host or self.stage.node.docker_host, "timeout": 60, "patience": 20.0, **more}
        job.update(operation=self.name, name=self.stage.name, options=self.options())
        return finish(*start(job)) if child else run_here(job)

    def deploy(self, generation: int) -> None:
        ended = self.stage.deploy(generation, options={"wait": False, "keep_revisions": 20})
        assert ended.error is None, ended.error

    def service(self, key: str) -> dict[str, Any]:
        (found,) = (s for s in self.stage._list("services") if s["Spec"]["Name"] == f"{self.stage.name}_{key}")
        return found

    def leftovers(self) -> list[str]:
        """What no run may leave behind it."""
        return self.stage.orphans()


class Rollback(Operation):
    """Goes back and forth between two deployments."""

    name = "rollback"

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self.states = []
        for generation in (1, 2):
            self.deploy(generation)
            self.states.append(stage.state())
        self.number, self.wanted = 1, {}
        self.made_by = {1: 0, 2: 1}  # revision → which of the deployments it has brought back

    def prepare(self) -> None:
        now = self.stage.state()
        self.wanted = self.states[0] if now == self.states[1] else self.states[1]
        good = [revision for revision in self.stage.revisions() if revision.good]
        for revision in reversed(good):
            self.made_by.setdefault(revision.number, self.made_by.get(revision.back_to or 0, 0))
        self.number = next(r.number for r in good if self.made_by[r.number] == self.states.index(self.wanted))

    def options(self) -> dict[str, Any]:
        return {"to": self.number, "wait": False, "keep_revisions": 5}

    def reached(self) -> bool:
        return bool(self.stage.state() == self.wanted)


class Heal(Operation):
    """Somebody changes one service and removes another."""

    name = "heal"

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self.deploy(1)
        self.wanted = stage.state()

    def options(self) -> dict[str, Any]:
        return {"wait": False, "keep_revisions": 5}

    def prepare(self) -> None:
        web, node = self.service("web"), self.stage.node
        spec = json.loads(json.dumps(web["Spec"]))
        spec["TaskTemplate"]["ContainerSpec"]["Env"] = ["MARK=drift"]
        node.api("POST", f"/services/{web['ID']}/update?version={web['Version']['Index']}", spec)
        node.api("DELETE", f"/services/{self.service('worker')['ID']}")

    def reached(self) -> bool:
        return bool(self.stage.state() == self.wanted)


class Service(Operation):
    """One service is changed; none has a task that runs."""

    name = "service"

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self.generation = 1
        self.deploy(1)


class Scale(Service):
    def prepare(self) -> None:
        self.wanted = 1 + self._now() % 2

    def _now(self) -> int:
        return int(self.service("stuck")["Spec"]["Mode"]["Replicated"]["Replicas"])

    def options(self) -> dict[str, Any]:
        return {"service": "stuck", "state": "scaled", "replicas": self.wanted, "wait": False}

    def reached(self) -> bool:
        return self._now() == self.wanted


class Restart(Service):
    most = 2

    def prepare(self) -> None:
        self.before = self._now()

    def _now(self) -> int:
        return int(self.service("stuck")["Spec"]["TaskTemplate"].get("ForceUpdate") or 0)

    def options(self) -> dict[str, Any]:
        return {"service": "stuck", "state": "restarted", "wait": False}

    def reached(self) -> bool:
        return 1 <= self._now() - self.before <= self.most


class BackOne(Service):
    def prepare(self) -> None:
        self.generation += 1
        self.deploy(self.generation)
        self.wanted = json.dumps(self.service("web")["PreviousSpec"], sort_keys=True)

    def options(self) -> dict[str, Any]:
        return {"service": "web", "state": "rolled_back"}

    def reached(self) -> bool:
        return json.dumps(self.service("web")["Spec"], sort_keys=True) == self.wanted


class Values(Operation):
    name = "values"
    stays = False

    def kept(self) -> Any:
        client = EngineClient(Connection(docker_host=self.stage.node.docker_host, timeout=30))
        try:
            return open_store(client, SystemClock, self.stage.name, 3, {"store": "swarm"}, "vault").read()[0]
        finally:
            client.close()

    def write(self, edit: Any) -> None:
        from ansible_collections.stackwright.swarm.plugins.module_utils.values.store import update

        client = EngineClient(Connection(docker_host=self.stage.node.docker_host, timeout=30))
        try:
            update(open_store(client, SystemClock, self.stage.name, 3, {"store": "swarm"}, "vault"), edit)
        finally:
            client.close()

    def prepare(self) -> None:
        def edit(kept: Any) -> Any:
            if "stack/KEY" in kept.entries:
                return kept
            params = {"length": 20}
            return kept.added(
                "stack/KEY",
                "hunter2hunter2",
                GENERATED,
                "0000000a",
                "2026-01-01T00:00:00Z",
                "generate_secure_password",
                params,
            )

        self.write(edit)
        self.before = self.kept().entries["stack/KEY"].current

    def leftovers(self) -> list[str]:
        """Nothing but the newest writing stays for good; one before it may, as long as nobody writes."""
        names = [
            c["Spec"]["Name"]
            for c in self.stage.node.api("GET", "/configs")
            if f"values.{self.stage.name}" in c["Spec"]["Name"]
        ]
        return names if len(names) > 2 else []


class Regenerate(Values):
    most = 2

    def options(self) -> dict[str, Any]:
        return {"state": "regenerated", "names": ["KEY"], "values": None}

    def reached(self) -> bool:
        now = self.kept().entries["stack/KEY"].current
        return bool(now != self.before)


class Remove(Values):
    def options(self) -> dict[str, Any]:
        return {"state": "absent", "names": ["KEY"], "values": None}

    def reached(self) -> bool:
        return "stack/KEY" not in self.kept().entries


class Cleanup(Operation):
    name = "cleanup"
    stays = False

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self.generation = 0

    def options(self) -> dict[str, Any]:
        return {"timeout": 30.0, "values": True, "break_lock": False}

    def prepare(self) -> None:
        self.generation += 1
        self.deploy(self.generation)

    def reached(self) -> bool:
        left = [kind for kind in ("services", "networks", "secrets") if self.stage._list(kind)]
        configs = [c for c in self.stage.node.api("GET", "/configs") if self.stage.name in c["Spec"]["Name"]]
        return not left and not configs
