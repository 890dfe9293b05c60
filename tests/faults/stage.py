"""A stack whose runs are disturbed: its files, the runs (here, or in a process that can be killed), its state."""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import sys
import urllib.parse
from dataclasses import dataclass, field
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[1] / "integration")]

import core  # noqa: F401  # makes the collection importable

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.process_identity import is_gone, this_run
from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import SystemClock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.core.retry import through_an_election
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy import transaction
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.connection import Connection
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import LOCK, NAMESPACE, RECORD, STACK
from ansible_collections.stackwright.swarm.plugins.module_utils.transitions import hand_over
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.compile import CompileRequest, compile_stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.load import Source
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.local_files import LocalFiles

# A port of another stack is refused before anything is changed. Here it is the Engine that refuses it, in the middle of
# a run, as where the other stack takes it just then.
hand_over._refuse_foreign = lambda body, others: None
SECRET = "hunter2"  # how every secret's content begins: to be found in no error and no line
KEEP = 3  # revisions
#: Runs in a fork of a process that has all this imported, and no threads.
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["stage"])


@dataclass
class Ended:
    """How a run ended: with a result, with an error, or killed."""

    result: dict | None = None
    error: dict | None = None
    lines: list[str] = field(default_factory=list)

    @property
    def was_killed(self) -> bool:
        return self.result is None and self.error is None

    @property
    def told(self) -> str:
        """Everything that a user sees of it."""
        return json.dumps([self.result, self.error, self.lines])


def patience_modules() -> list[Any]:
    """The modules that bear with an engine that is away: tests have less patience than users."""
    ours = transaction.__name__.rpartition(".")[0].rpartition(".")[0]
    prefixes = (f"{ours}.deploy", f"{ours}.core")
    return [module for name, module in list(sys.modules.items()) if name.startswith(prefixes) and module is not None]


def work(job: dict[str, Any]) -> Ended:
    """One deployment as the module does it, or what else ``operation`` names (operations.py)."""
    ended = Ended()
    connection = Connection(docker_host=job["docker_host"], timeout=job["timeout"])
    client = EngineClient(connection)
    # What a run with changes imports while it goes on: here, so that its patience can be set.
    for module in ("changing", "evidence", "history", "patience", "settle"):
        try:
            __import__(f"{transaction.__name__.rpartition('.')[0]}.{module}")
        except ModuleNotFoundError:
            continue
    patience, timeout = job["patience"], job["timeout"]
    values = {"BEAR_WITH": patience, "ELECTION": patience, "CALL": timeout, "READ": timeout}
    if patience < 1:
        values["RENEW"] = patience / 30  # of the lock's ttl: also how long it is tried to give it back
    known = [(module, name) for module in patience_modules() for name in values]
    old = [(module, name, getattr(module, name)) for module, name in known if hasattr(module, name)]
    for module, name, _value in old:
        setattr(module, name, values[name])
    options = {
        "resolve_image": "never",
        "timeout": 30,
        "stable_for": 0,
        "lock_timeout": 60,
        "keep_revisions": KEEP,
        "this_run": this_run,
        "is_gone": is_gone,
        "progress": ended.lines.append,
        **job["options"],
    }
    try:
        # As the modules do: a run that begins in an election waits for it.
        story = _operation(job)
        ended.result = through_an_election(SystemClock, lambda: story(client, SystemClock, job, options))
    except StackwrightError as error:
        ended.error = {"code": error.error_code, "text": str(error), "details": error.details}
    finally:
        for module, name, value in old:
            setattr(module, name, value)
        client.close()
    return ended


def _operation(job: dict[str, Any]) -> Any:
    if "operation" not in job:
        return lambda client, clock, job, options: transaction.deploy_stack(client, clock, job["desired"], options)
    import operations

    return operations.WORK[job["operation"]]


def _child(job: dict[str, Any], pipe: Any) -> None:
    pipe.send(work(job))
    pipe.close()


def _ready_to_fork() -> None:
    """Starts the process that forks; without a search path it could not import what it is to have imported."""
    old = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    try:
        forkserver.ensure_running()
    finally:
        if old is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = old


def start(job: dict[str, Any]) -> tuple[Any, Any]:
    """A run in a process of its own: the process, and where its end is heard of (``finish``)."""
    _ready_to_fork()
    mine, theirs = FORKS.Pipe(duplex=False)
    process = FORKS.Process(target=_child, args=(job, theirs), daemon=True)
    process.start()
    theirs.close()
    return process, mine


def finish(process: Any, pipe: Any, seconds: float = 180) -> Ended:
    """How a started run ended; one that hangs is an error."""
    try:
        if not pipe.poll(seconds):
            process.kill()
            raise AssertionError(f"a run did not end within {seconds:g} s")
        ended = pipe.recv()
    except EOFError:
        ended = Ended()
    process.join(30)
    pipe.close()
    return ended


class Stage:
    """The stack ``name`` on the engine of ``node``. Generation after generation of it is deployed.

    ``write`` gives the Compose text of a generation.
    """

    def __init__(self, node: Any, name: str, folder: Path, write: Any) -> None:
        self.node, self.name, self.folder, self.write = node, name, folder, write
        folder.mkdir(parents=True, exist_ok=True)

    def job(self, generation: int, docker_host: str = "", **more: Any) -> dict[str, Any]:
        """What ``work`` needs to deploy a generation. ``broken``: one that can't succeed."""
        text = self.write(generation, broken=more.pop("broken", False))
        (self.folder / "secret").write_text(f"{SECRET}-{generation}")
        request = CompileRequest(
            sources=[Source("compose.yml", text)], name=self.name, project_directory=str(self.folder)
        )
        job = {"docker_host": docker_host or self.node.docker_host, "timeout": 60, "patience": 20.0, "options": {}}
        return {**job, "desired": compile_stack(request, LocalFiles()), **more}

    def deploy(self, generation: int, docker_host: str = "", child: bool = False, **more: Any) -> Ended:
        job = self.job(generation, docker_host, **more)
        return finish(*start(job)) if child else work(job)

    def heal(self, **options: Any) -> Ended:
        """stack_drift with ``heal``, which has nothing to do where only we have been at work."""
        job = {"docker_host": self.node.docker_host, "timeout": 60, "patience": 20.0, "operation": "heal"}
        return work({**job, "name": self.name, "options": {"wait": False, **options}})

    def is_calm(self, what: str) -> None:
        """After a run that the user was told is fine: no drift, nothing to heal, and a good revision."""
        before, healed = self.state(), self.heal()
        assert healed.error is None, f"{what}: there is drift: {healed.told}"
        undone = f"{what}: healing has undone something: {healed.told}"
        assert not healed.result["changed"], undone
        assert self.state() == before, undone
        worked = [revision for revision in self.revisions() if revision.started]
        assert worked[0].good, (what, [revision.shown() for revision in worked])

    # -- what is there

    def _list(self, kind: str, label: str = NAMESPACE) -> list[dict]:
        query = urllib.parse.quote(json.dumps({"label": [f"{label}={self.name}"]}))
        return self.node.api("GET", f"/{kind}?filters={query}")

    def state(self) -> dict[str, str]:
        """Every service of the stack with all of its specification, and what they refer to, as text."""
        names = {network["Id"]: network["Name"] for network in self.node.api("GET", "/networks")}
        found = {}
        for service in self._list("services"):
            text = json.dumps(service["Spec"], sort_keys=True)
            text = re.sub(r'"(ConfigID|SecretID)": "\w+"', r'"\1": ""', text)
            for identity, name in names.items():
                text = text.replace(identity, name)
            found[f"service {service['Spec']['Name']}"] = text
        for network in self._list("networks"):
            if not any(f'"Target": "{network["Name"]}"' in text for text in found.values()):
                continue
            # Its options are the number that the Engine chose: another one where it was made again.
            kept = {key: network[key] for key in ("Driver", "Labels", "Attachable", "Internal")}
            found[f"network {network['Name']}"] = json.dumps(kept, sort_keys=True)
        for kind in ("configs", "secrets"):
            for obj in self._used(kind):
                # Which revisions it is kept for is bookkeeping.
                labels = {key: value for key, value in obj["Spec"]["Labels"].items() if key != "stackwright.kept"}
                found[f"{kind[:-1]} {obj['Spec']['Name']}"] = json.dumps(
                    {**obj["Spec"], "Labels": labels}, sort_keys=True
                )
        return found

    def alike(self, generation: int) -> list[str]:
        """The state without what differs from generation to generation, for a comparison with another one."""
        text = json.dumps(sorted(self.state().items()))
        text = re.sub(rf"\bgeneration-{generation}\b", "generation-N", text)
        text = re.sub(rf"({self.name}_(?:shared|password|odd|even))_[0-9a-f]{{8}}\b", r"\1", text)
        text = re.sub(r'\\"Data\\": \\"[^"]*\\"', "DATA", text)
        text = re.sub(r'\\"stackwright.content\\": \\"[^"]*\\"', "DIGEST", text)
        return sorted(json.loads(text))

    def _used(self, kind: str) -> list[dict]:
        used = _references([service["Spec"] for service in self._list("services")], kind)
        return [obj for obj in self._list(kind) if obj["Spec"]["Name"] in used]

    def locks(self) -> list[str]:
        return [obj["Spec"]["Labels"][LOCK] for obj in self._list("configs", STACK) if LOCK in obj["Spec"]["Labels"]]

    def revisions(self) -> list[Any]:
        """The history, newest first, as the product reads it."""
        try:
            from ansible_collections.stackwright.swarm.plugins.module_utils.revisions.history import History
        except ModuleNotFoundError:
            return []

        client = EngineClient(Connection(docker_host=self.node.docker_host, timeout=30))
        try:
            return History(client, SystemClock, self.name).read()
        finally:
            client.close()

    def orphans(self) -> list[str]:
        """What no service, no PreviousSpec and no kept revision refers to, and parts of no revision."""
        services = self._list("services")
        specs = [service["Spec"] for service in services]
        specs += [service["PreviousSpec"] for service in services if service.get("PreviousSpec")]
        kept = self._kept()
        found = []
        for kind in ("configs", "secrets"):
            used = _references(specs, kind) | kept[kind]
            mine = [o for o in self._list(kind) if LOCK not in o["Spec"]["Labels"]]
            found += [f"{kind[:-1]} {o['Spec']['Name']}" for o in mine if o["Spec"]["Name"] not in used]
        text = json.dumps(specs)
        found += [f"network {n['Name']}" for n in self._list("networks") if n["Id"] not in text]
        numbers = {number for number, _revision in self._numbers()}
        ours = [o for o in self._list("configs", STACK) if LOCK not in o["Spec"]["Labels"]]
        strays = [o["Spec"]["Name"] for o in ours if RECORD not in o["Spec"]["Labels"]]
        found += [name for name in strays if not any(f".{number}." in name for number in numbers)]
        return sorted(found)

    def _kept(self) -> dict[str, set[str]]:
        kept: dict[str, set[str]] = {"configs": set(), "secrets": set()}
        for _number, revision in self._numbers():
            if revision.good:
                for kind, name in revision.references:
                    kept[f"{kind}s"].add(name)
        return kept

    def _numbers(self) -> list[tuple[int, Any]]:
        return [(revision.number, revision) for revision in self.revisions()]

    def asleep_or_running(self) -> list[str]:
        """What runs otherwise than the specifications say."""
        tasks = [t for t in self._list("tasks") if t["DesiredState"] == "running"]
        wrong = []
        for service in self._list("services"):
            mode = service["Spec"]["Mode"].get("Replicated")
            if mode is None:
                continue
            mine = [task for task in tasks if task["ServiceID"] == service["ID"]]
            states = [task["Status"]["State"] for task in mine]
            if states != ["running"] * mode["Replicas"]:
                wrong.append(f"{service['Spec']['Name']}: {states}, not {mode['Replicas']} running")
        return wrong


def _references(specs: list[dict], kind: str) -> set[str]:
    list_key, name_key = ("Configs", "ConfigName") if kind == "configs" else ("Secrets", "SecretName")
    containers = [spec["TaskTemplate"]["ContainerSpec"] for spec in specs]
    return {ref[name_key] for container in containers for ref in container.get(list_key) or []}
