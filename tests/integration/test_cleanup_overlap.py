"""A clean-up and a deployment of one stack at the same time, at random moments, with deaths: no data is lost.

Each round deploys a stack whose tasks write into their volumes on three nodes, and cleans it up; meanwhile it is
deployed again. Whatever comes first, the stack that runs in the end has its data, also after it was stopped. The hosts
of the clean-up are processes as of Ansible, which die like the controller; their modules run in processes of their own,
which live on without them, or die like a node's.

STACKWRIGHT_LONG=1 makes 200 rounds, STACKWRIGHT_ROUNDS any number; STACKWRIGHT_SEED brings a run back.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import sys
import time
import traceback
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[1])]

import core  # noqa: F401  # makes the collection importable
from ansible import constants
from testbed import for_tests
from testbed.commands import wait_for
from testbed.swarm import StackScope

from ansible_collections.stackwright.swarm.plugins.action import stack_cleanup
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.cleanup import clean_up
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.option_specs import CLEANUP
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.process_identity import is_gone, this_run
from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import SystemClock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError, StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.transaction import deploy_stack, stop_stack
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.connection import Connection
from ansible_collections.stackwright.swarm.plugins.module_utils.locking import lock as locks
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.names import Stack
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks import node_cleanup
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.compile import CompileRequest, compile_stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.load import Source
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.local_files import LocalFiles
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts import leasing

LONG = os.environ.get("STACKWRIGHT_LONG") == "1"
ROUNDS = int(os.environ.get("STACKWRIGHT_ROUNDS") or (200 if LONG else 4))
SEED = int(os.environ.get("STACKWRIGHT_SEED") or 10)
LANES = 5 if ROUNDS >= 10 else 2
HANG = 180.0  # seconds: whatever takes longer, hangs
#: A third of the real times, so that a round in which somebody dies does not wait for half a minute.
TIMES = (
    (locks, {"TTL": 10.0}),
    (leasing, {"LEASE": 10.0, "RENEW": 2.5, "MARGIN": 4.0, "LAST_LEASE": 15.0}),
    (node_cleanup, {"CALL": 3.0}),
)
FORKS = multiprocessing.get_context("fork")
HOSTS = ("m1", "w1", "w2")
CALM, CONTROLLER, MODULE, MANAGER = "calm", "the controller dies", "a node's module dies", "the manager's module dies"
FILE = """
services:
  web:
    image: {image}
    command: [sh, -c, "echo $$MARK >> /data/marks; echo $$MARK >> /kept/marks; trap exit TERM; sleep 1d & wait"]
    stop_grace_period: 1s
    environment: {{MARK: "{mark}"}}
    volumes: [data:/data, kept:/kept, /anonymous]
    deploy: {{mode: global, update_config: {{order: stop-first, monitor: 10ms}}}}
volumes:
  data: {{}}
  kept: {{external: true, name: {stack}-external}}
"""


class Hands(stack_cleanup.ActionModule):
    """The action of one host, whose modules are processes of this machine with the Engine of its node."""

    def __init__(self, job):
        self.job, self._node, self.tries = job, "", 0
        self._identity = job["identity"]
        self._task = SimpleNamespace(check_mode=False, run_once=False, throttle=0, _uuid=job["round"])

    def _call(self, arguments, handed, variables):
        reading, writing = os.pipe()
        delay = self._delay(handed["part"])
        child = os.fork()
        if not child:
            try:
                os.close(reading)
                os.setsid()
                with open(self.job["pids"], "a") as file:
                    file.write(f"{os.getpid()} {self.job['host']} {handed['part']}\n")
                time.sleep(delay)
                held = self.job["host"] == self.job.get("held") and handed["part"] == "node"
                folder = Path(self.job["folder"]) if held else None
                answer = json.dumps(_module(self.job["docker_host"], arguments, handed, folder)).encode()
                while answer:
                    answer = answer[os.write(writing, answer) :]
            finally:
                os._exit(0)
        os.close(writing)
        with os.fdopen(reading, "rb") as file:
            answer = file.read()
        os.waitpid(child, 0)
        died = {"failed": True, "changed": False, "msg": "it has died", "error_code": "worker_died"}
        return json.loads(answer) if answer else died

    def _delay(self, part):
        """Some connections are slow: a module starts when its time is almost over, or long past."""
        self.tries += 1
        if "held" in self.job:
            return 0
        rng = random.Random(f"{self.job['seed']} {self.job['host']} {self.tries}")
        return rng.choice([0, 0, 0, rng.uniform(0, 4), rng.uniform(0, 14)]) if part == "node" else 0

    _followed = _call

    def batch(self, meeting, variables):
        return set(HOSTS)

    def expected(self, variables):
        return set(HOSTS)

    def at_once(self):
        return 5


def _module(docker_host, arguments, handed, held):
    client = EngineClient(Connection(docker_host=docker_host, timeout=60))
    if held:
        _hold(client, held)
    run = {"check": False, "defer": False, "detach": None, "progress": None, **handed}
    try:
        return clean_up(client, dict(arguments), run)
    except StackwrightError as error:
        return {**error.details, "failed": True, "changed": False, "msg": str(error), "error_code": error.error_code}
    finally:
        client.close()


def _hold(client, folder):
    """Stops a module that has looked for volumes and removed none yet, until the gate is opened."""
    get = client.get

    def held(path, *more, **how):
        answer = get(path, *more, **how)
        if path == "/volumes":
            (folder / "held").touch()
            wait_for("the gate to open", (folder / "open").exists, HANG)
        return answer

    client.get = held


def _host(job):
    """What Ansible's process of a host does; leaves its result in a file."""
    constants.DEFAULT_LOCAL_TMP = job["folder"]
    action = Hands(job)
    with action.meeting(job["stack"], {"inventory_hostname": job["host"]}) as meeting:
        try:
            done = action._all_parts(meeting, job["arguments"], {"inventory_hostname": job["host"]})
        except StackwrightError as error:
            done = {"failed": True, "msg": str(error), "error_code": error.error_code}
        left = stack_cleanup._left_over(meeting, set(HOSTS), action._node, {"inventory_hostname": job["host"]})
    Path(job["folder"], f"{job['host']}.json").write_text(json.dumps({"left": left, **done}))


def _deployer(job):
    """Deploys, and stops what has just written its data; then no container holds the volumes, not even an ended one."""
    done = _change(job, deploy_stack, job["desired"])
    if done.get("status") == "healthy":
        done["stopped"] = _change(job, stop_stack, job["stack"])
        for docker_host in job["docker_hosts"]:
            _prune(docker_host, job["stack"])
    Path(job["folder"], "deployed.json").write_text(json.dumps(done))


def _prune(docker_host, stack):
    """As ``docker container prune``: Swarm keeps ended containers of its last tasks, which would protect their data."""
    client = EngineClient(Connection(docker_host=docker_host, timeout=60))
    filters = {"label": [f"com.docker.stack.namespace={stack}"], "status": ["exited", "created", "dead"]}
    try:
        for container in client.list("/containers/json", {"all": True, "filters": filters}):
            with suppress(EngineError):  # Swarm itself, or the clean-up, was faster
                client.delete(f"/containers/{container['Id']}", {"v": True})
    finally:
        client.close()


def _change(job, story, what):
    client = EngineClient(Connection(docker_host=job["docker_host"], timeout=60))
    options = {
        "resolve_image": "never",
        "timeout": 60,
        "stable_for": 0,
        "lock_timeout": 120,
        "this_run": this_run,
        "is_gone": is_gone,
        "identity": job["identity"],
        "progress": lambda line: _tell(job, line),
    }
    try:
        return story(client, SystemClock, what, options)
    except StackwrightError as error:
        return {"failed": True, "msg": str(error), "error_code": error.error_code, **error.details}
    finally:
        client.close()


def _tell(job, line):
    with Path(job["folder"], "progress").open("a") as file:
        file.write(f"{line}\n")


class Lane:
    """One stack, round after round."""

    def __init__(self, bed, stack, folder):
        self.bed, self.stack, self.folder = bed, stack, folder
        self.nodes = {host: bed.node(host) for host in HOSTS}
        self.round = self.mark = 0
        self.image = bed.images["busybox"]
        self.came_later = 0

    def desired(self):
        self.mark += 1
        text = FILE.format(image=self.image, mark=f"m{self.mark}m", stack=self.stack)
        request = CompileRequest(
            sources=[Source("compose.yml", text)], name=self.stack, project_directory=str(self.folder)
        )
        return compile_stack(request, LocalFiles())

    def begin(self):
        """Deploys the stack, for a round; what the round's processes are told."""
        self.round += 1
        print(f"{time.strftime('%X')} {self.stack} {self.round}", file=sys.stderr, flush=True)
        folder = self.folder / f"round-{self.round}"
        folder.mkdir(parents=True)
        job = {
            "folder": str(folder),
            "round": f"{self.stack}-{self.round}",
            "stack": self.stack,
            "seed": f"{SEED} {self.stack} {self.round}",
            "pids": str(folder / "pids"),
            "docker_host": self.nodes["m1"].docker_host,
            "docker_hosts": [node.docker_host for node in self.nodes.values()],
            "identity": Stack(self.stack, None, None, "stackwright").data,
        }
        before = _change(job, deploy_stack, self.desired())
        assert before.get("status") == "healthy", before
        options = {name: option.get("default") for name, option in CLEANUP.items()}
        return job, {**options, "name": self.stack, "label_prefix": "zane", "volumes": True, "lock_timeout": 120}

    def play(self, rng):
        job, arguments = self.begin()
        folder = Path(job["folder"])
        what = rng.choice([CALM, CALM, CONTROLLER, MODULE, MANAGER])
        story = f"seed {SEED}, {self.stack} round {self.round}, {what}"
        arguments["history"] = rng.random() < 0.7
        hosts = []
        first, second = rng.uniform(0, 4), rng.uniform(0, 6)
        start = time.monotonic()
        deployer = FORKS.Process(target=_deployer, args=({**job, "desired": self.desired()},))
        for moment, begin in sorted([(first, self._clean), (second, None)], key=lambda pair: pair[0]):
            time.sleep(max(start + moment - time.monotonic(), 0))
            if begin:
                hosts = begin(job, arguments)
            else:
                deployer.start()
        if what != CALM:
            time.sleep(rng.uniform(0, 6))
            self._kill(what, hosts, folder, rng)
        self.end((*hosts, deployer), job, story, what, start)

    def play_held(self, what):
        """A node's module is held between its look and its removals, while a deployment wants the lock."""
        job, arguments = self.begin()
        job["held"] = "w1"
        folder = Path(job["folder"])
        story = f"{self.stack}, a module is held, {what}"
        start = time.monotonic()
        hosts = self._clean(job, arguments)
        wait_for("the module to have looked", lambda: (folder / "held").exists() or not hosts[1].is_alive(), HANG)
        assert (folder / "held").exists(), f"{story}: {self.told(job)}"
        deployer = FORKS.Process(target=_deployer, args=({**job, "desired": self.desired()},))
        if what == CONTROLLER:
            self._kill(what, hosts, folder, random)
            deployer.start()
            # The lock of the dead expires: the deployment takes it over, writes its data and ends.
            deployer.join(HANG)
            assert not deployer.is_alive(), f"{story}: it hangs"
        else:
            (folder / "progress").unlink()
            deployer.start()
            wait_for("the deployment to want the lock", lambda: _waits(folder) or not deployer.is_alive(), HANG)
            assert _waits(folder), f"{story}: a deployment has the lock under which a node removes"
        (folder / "open").touch()
        self.end((*hosts, deployer), job, story, what, start)

    def end(self, processes, job, story, what, start):
        """Waits for all of a round to end, and judges it."""
        folder = Path(job["folder"])
        for process in processes:
            process.join(max(start + HANG - time.monotonic(), 0.1))
            assert not process.is_alive(), f"{story}: it hangs"
        while any(_lives(pid) for pid, _host, _part in _pids(folder)):
            assert time.monotonic() < start + HANG, f"{story}: a module hangs"
            time.sleep(0.05)
        self.judge(json.loads((folder / "deployed.json").read_text()), job, story, what)

    def _clean(self, job, arguments):
        made = []
        for host in HOSTS:
            its = {**job, "host": host, "docker_host": self.nodes[host].docker_host, "arguments": arguments}
            made.append(FORKS.Process(target=_host, args=(its,)))
            made[-1].start()
        return made

    def _kill(self, what, hosts, folder, rng):
        if what == CONTROLLER:
            for process in hosts:
                process.kill()
            return
        alive = [pid for pid, host, _part in _pids(folder) if (host == "m1") == (what == MANAGER) and _lives(pid)]
        if alive:
            os.kill(rng.choice(alive), signal.SIGKILL)

    def judge(self, deployed, job, story, what):
        assert deployed.get("status") == "healthy", (story, deployed)
        there = self.data()
        if not self.runs():
            # The clean-up came later: then it has taken the deployment's services with it.
            self.came_later += 1
        else:
            mark = f"m{self.mark}m"
            assert all(mark in marks for marks in there.values()), (story, mark, there, self.told(job))
        assert not deployed["stopped"].get("failed"), (story, deployed)
        if what == CALM:
            told = self.told(job)
            assert sorted(told) == sorted(HOSTS), story
            assert not any(one.get("failed") for one in told.values()), (story, told)
        for host, node in self.nodes.items():
            names = [volume["Name"] for volume in node.api("GET", "/volumes")["Volumes"] or []]
            assert f"{self.stack}-external" in names, (story, host, names)

    def told(self, job):
        return {
            host: json.loads(path.read_text())
            for host in HOSTS
            for path in [Path(job["folder"], f"{host}.json")]
            if path.exists()
        }

    def runs(self):
        return [s for s in self.nodes["m1"].api("GET", "/services") if s["Spec"]["Name"] == f"{self.stack}_web"]

    def data(self):
        """What the stack's volume holds on each node; empty where there is none."""
        found = {}
        for host, node in self.nodes.items():
            volumes = {volume["Name"]: volume for volume in node.api("GET", "/volumes")["Volumes"] or []}
            volume = volumes.get(f"{self.stack}_data")
            marks = Path(volume["Mountpoint"], "marks") if volume else None
            found[host] = marks.read_text().split() if marks and marks.exists() else []
        return found


def _work(lane, rounds):
    """A stack's rounds; leaves how often the clean-up came later, or what went wrong."""
    rng = random.Random(f"{SEED} {lane.stack}")
    try:
        for _number in range(rounds):
            lane.play(rng)
        told = str(lane.came_later)
    except BaseException:
        told = traceback.format_exc()
    Path(lane.folder, "told").write_text(told)


def _waits(folder):
    path = folder / "progress"
    return path.exists() and "waiting for the lock" in path.read_text()


def _pids(folder):
    path = folder / "pids"
    lines = path.read_text().splitlines() if path.exists() else []
    return [(int(pid), host, part) for pid, host, part in (line.split() for line in lines)]


def _lives(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture(scope="module")
def three():
    with for_tests.bed_for("overlap", keep=True, managers=1, workers=2) as bed:
        yield bed


@pytest.fixture
def short_times(monkeypatch):
    for module, times in TIMES:
        for name, seconds in times.items():
            assert hasattr(module, name)
            monkeypatch.setattr(module, name, seconds)
    monkeypatch.setattr(locks.Lock.__init__, "__defaults__", (10.0, *locks.Lock.__init__.__defaults__[1:]))


@pytest.mark.parametrize("what", [CONTROLLER, CALM])
def test_a_node_that_was_held_before_its_removal_removes_nothing_of_a_later_deployment(
    three, short_times, tmp_path, what
):
    """The interleaving that rounds by chance meet now and then, each time."""
    lane = Lane(three, "held", tmp_path / "held")
    scope = StackScope(three, "held")
    scope.remove()
    for node in lane.nodes.values():
        node.api("POST", "/volumes/create", {"Name": "held-external"})
    lane.play_held(what)
    assert lane.came_later == 0
    scope.remove()
    for node in three.nodes.values():
        for name in ("held-external", "held_data"):
            node.cli(["docker", "volume", "rm", "-f", name])


def test_no_data_is_lost(three, short_times, tmp_path, record_property):
    # Stacks whose names begin alike, at the same time.
    lanes = [Lane(three, name, tmp_path / name) for name in ("shop", "shop-eu", "shop-eu-1", "shop-e", "sho")[:LANES]]
    scope = StackScope(three, "sho")
    scope.remove()
    for lane in lanes:
        for node in lane.nodes.values():
            node.api("POST", "/volumes/create", {"Name": f"{lane.stack}-external"})

    # Processes: what they do they do in forks of their own.
    running = [FORKS.Process(target=_work, args=(lane, ROUNDS // len(lanes))) for lane in lanes]
    for process in running:
        process.start()
    for process in running:
        process.join()
    told = [Path(lane.folder, "told").read_text() for lane in lanes]
    assert [line for line in told if not line.isdigit()] == []
    record_property("rounds of a clean-up against a deployment, without a loss or a hang", ROUNDS)
    record_property("of these the clean-up came later", sum(map(int, told)))
    scope.remove()
    for node in three.nodes.values():
        for lane in lanes:
            for name in (f"{lane.stack}-external", f"{lane.stack}_data"):
                node.cli(["docker", "volume", "rm", "-f", name])
