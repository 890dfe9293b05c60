"""A run is killed: its module, the worker on the manager, a question how that goes, the controller, or the node. Then
it is run again unchanged, then healed: the release that the user was told is fine stays.

Modules run on the nodes, as those of the test bed's inventory do, so that they die with them. With STACKWRIGHT_LONG=1
all moments; on three managers (STACKWRIGHT_TEST_NODES=3) the play names all of them, and another one takes over.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(Path(__file__).parent), str(TESTS), str(TESTS / "faults")]

from core import Core
from playbook import Player
from proxy import KILLED, KILLED_AFTER, Fault, Proxy
from testbed import inventory
from testbed.commands import wait_for

LONG = os.environ.get("STACKWRIGHT_LONG") == "1"
COMPOSE = """\
services:
  db: {{image: {image}, command: [sleep, 1d], stop_signal: SIGKILL}}
  web:
    image: {image}
    command: [sh, -c, "sleep ${{SECONDS:-0}}; touch /ok; exec sleep 1d"]
    stop_signal: SIGKILL
    environment: {{RELEASE: "${{RELEASE}}"}}
    configs: [page]
    healthcheck: {{test: [CMD, test, -e, /ok], interval: 500ms, retries: 100}}
    deploy: {{update_config: {{monitor: 10ms}}}}
configs: {{page: {{content: "release ${{RELEASE}}"}}}}
"""
ROLLOUT = {"timeout": 120, "stable_for": 0.3}
MADE, MARKED, ASKED, GIVEN = "/configs/create", "/configs/", "/tasks", "/services/"
#: The process that talks to the Engine dies at the last of these calls, before the Engine has it or after.
CALLS = {
    "module, as it looks": (KILLED, ("GET", "/networks")),
    "worker, with the lock": (KILLED_AFTER, ("POST", MADE)),
    "worker, with the record": (KILLED_AFTER, ("POST", MADE), ("POST", MADE)),
    "worker, before the change": (KILLED, ("POST", GIVEN)),
    "worker, after the change": (KILLED_AFTER, ("POST", GIVEN)),
    "worker, as it waits": (KILLED, ("POST", GIVEN), *[("GET", ASKED)] * 5),
    "worker, before it is healthy": (KILLED, ("POST", GIVEN), ("POST", MARKED)),
    "worker, as it is healthy": (KILLED_AFTER, ("POST", GIVEN), ("POST", MARKED)),
    "worker, with the lock to give back": (KILLED, ("POST", GIVEN), ("POST", MARKED), ("DELETE", MARKED)),
}
#: Processes of Python that are no modules. What forks runs of other tests may have been started by this one.
NO_MODULES = (b"ansible-playbook", b"forks.py", b"warm.py")
SHORT = ["worker, before it is healthy"]


class Site:
    """A controller, and managers whose user has a home of their own; each Engine has a proxy in front of it."""

    def __init__(self, bed, stack, folder):
        self.bed, self.stack, self.home = bed, stack, folder / "home"
        self.home.mkdir()
        self.managers = [name for name, node in bed.nodes.items() if node.role == "manager"]
        self.player = Player(folder, {}, {"compose.yml": COMPOSE.format(image=bed.images["busybox"])})
        self.proxies = {name: Proxy(bed.node(name).socket, folder / f"{name}.sock") for name in self.managers}
        self.settle_in()

    def settle_in(self):
        """The inventory names processes of the nodes: it is written anew where one was started again."""
        path = self.player.folder / "inventory.yml"
        inventory.write(self.bed, path, guestbook=False)
        found = json.loads(path.read_text())
        for name, host in found["all"]["children"]["swarm_managers"]["hosts"].items():
            host["docker_host"] = self.proxies[name].docker_host
        path.write_text(json.dumps(found))

    def task(self, release, seconds=0):
        variables = {"RELEASE": str(release), "SECONDS": str(seconds)}
        rollout = {"timeout": 120, "stable_for": 0.3}
        return {"compose_stack": {"name": self.stack, "src": "compose.yml", "variables": variables, "rollout": rollout}}

    @property
    def environment(self):
        return {"HOME": str(self.home)}

    def play(self, task):
        return self.player.play(task, environment=self.environment)

    def begin(self, task):
        return self.player.begin(task, environment=self.environment, forked=False)  # see ``processes``

    def dies(self, kind, *calls):
        """Whoever makes these calls, through any of the managers, is killed at the last of them, once."""
        left = {name: list(calls) for name in self.proxies}
        self.hits = []

        def when(name, call):
            steps = left[name]
            if steps and call.method == steps[0][0] and call.path.startswith(steps[0][1]):
                steps.pop(0)
            if steps or self.hits:
                return False
            self.hits.append(name)
            return True

        for name, proxy in self.proxies.items():
            proxy.plan(Fault(kind, lambda call, name=name: when(name, call)))

    def processes(self):
        """The pids of the modules that run: those of workers, and of all others."""
        workers, others = [], []
        for folder in Path("/proc").iterdir():
            try:
                if not folder.name.isdigit() or f"HOME={self.home}\0".encode() not in (folder / "environ").read_bytes():
                    continue
                command = (folder / "cmdline").read_bytes().split(b"\0")
                if not command[0].endswith(b"python") or any(each in b" ".join(command) for each in NO_MODULES):
                    continue
                handles = [os.readlink(handle) for handle in (folder / "fd").iterdir()]
            except (OSError, ProcessLookupError):
                continue
            (workers if any(handle.endswith("/alive") for handle in handles) else others).append(int(folder.name))
        return workers, others

    def release(self, node=None):
        services = (node or self.bed.node("m1")).api("GET", "/services")
        return next((s["Spec"]["TaskTemplate"]["ContainerSpec"]["Env"] for s in services if self.is_web(s)), None)

    def version(self, node=None):
        """When the service was changed last."""
        services = (node or self.bed.node("m1")).api("GET", "/services")
        return next(service["UpdatedAt"] for service in services if self.is_web(service))

    def is_web(self, service):
        return service["Spec"]["Name"] == f"{self.stack}_web"

    def tasks(self):
        """The tasks that run, as the service was when they were made."""
        tasks = self.bed.node("m1").api("GET", "/tasks")
        mine = [t for t in tasks if t["Spec"]["ContainerSpec"].get("Env", [""])[0].startswith("RELEASE=")]
        return {t["ID"] for t in mine if t["DesiredState"] == "running" and t["Status"]["State"] == "running"}

    def run_again_then_healed(self, task, release=2):
        """What the user does next, and what comes by itself at night."""
        again = self.play(task)
        assert again.code == 0, again.output
        assert self.release() == [f"RELEASE={release}"]
        running = self.tasks()
        healed = self.play({"stack_drift": {"name": self.stack, "heal": True}})
        assert healed.code == 0, healed.output
        assert [result["drift_lines"] for result in healed.of() if "drift_lines" in result] != []
        assert not any(result.get("drift_lines") or result["changed"] for result in healed.of()), healed.output
        assert (self.release(), self.tasks()) == ([f"RELEASE={release}"], running)
        core = Core(self.bed.node("m1").docker_host, self.stack, self.home)
        # One that only waited for the lock, and found nothing left to do, is CANCELLED.
        worked = [status for _number, status in core.history() if status != "CANCELLED"]
        assert worked[-1] == "HEALTHY", core.history()
        core.client.close()
        return again


@pytest.fixture
def site(bed, swarm, tmp_path):
    made = Site(bed, swarm.name, tmp_path)
    first = made.play(made.task(1, 8))
    assert first.code == 0, first.output
    yield made
    for proxy in made.proxies.values():
        proxy.close()


@pytest.mark.parametrize("moment", CALLS if LONG else SHORT)
def test_whoever_talks_to_the_engine(site, moment):
    site.dies(*CALLS[moment])
    played = site.play(site.task(2))
    assert site.hits, played.output
    codes = [result["error_code"] for result in played.of() if result.get("error_code")]
    # A module that is killed as it begins says nothing; Ansible does for it.
    assert played.code == 2 and codes in (["worker_died"], []), played.output
    if len(site.managers) > 1:
        assert site.release() == ["RELEASE=2"], "no other manager has taken over"
    site.run_again_then_healed(site.task(2))


def test_a_question_how_it_goes(site):
    run = site.begin(site.task(2, 8))
    run.until("_web")
    killed = threading.Event()

    def kill_questions():
        # One may have answered already: then it is the next one.
        while not killed.is_set():
            for poll in site.processes()[1]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(poll, signal.SIGKILL)

    killer = threading.Thread(target=kill_questions)
    killer.start()
    try:
        run.until("no answer; the manager continues on its own")
    finally:
        killed.set()
        killer.join()
    assert run.end() == 0, run.output
    assert not site.run_again_then_healed(site.task(2, 8)).last["changed"]


@pytest.mark.skipif(not LONG, reason="STACKWRIGHT_LONG=1; test_progress.py has one of these")
def test_the_controller(site):
    run = site.begin(site.task(2, 8))
    run.until("_web")
    run.kill()
    # At once: the worker has the lock.
    site.run_again_then_healed(site.task(2, 8))


#: What a manager is doing when it dies, and the release that there is afterwards.
WORK = {
    "a deployment": (lambda site: site.task(2, 8), 2),
    "a rollback": (lambda site: {"stack_rollback": {"name": site.stack, "to": 1, "rollout": ROLLOUT}}, 1),
    "a heal": (lambda site: {"stack_drift": {"name": site.stack, "heal": True, "rollout": ROLLOUT}}, 1),
    "a restart": (lambda site: {"stack_service": {"name": site.stack, "service": "web", "state": "restarted"}}, 1),
}


@pytest.mark.skipif(not LONG, reason="STACKWRIGHT_LONG=1: its lock has to expire")
@pytest.mark.parametrize("work", WORK)
def test_the_node_at_which_it_works(site, bed, work):
    task, release = WORK[work][0](site), WORK[work][1]
    if work == "a rollback":
        assert site.play(site.task(2)).code == 0
    if work == "a heal":
        env = ["--env-add", "RELEASE=hand", "--args", 'sh -c "touch /ok; exec sleep 1d"']
        bed.node("m1").cli(["docker", "service", "update", "--detach", *env, f"{site.stack}_web"])
        wait_for("the stranger's change", lambda: site.release() == ["RELEASE=hand"] and len(site.tasks()) == 1, 60)
    before = site.version()
    run = site.begin(task)
    name = run.until("_web").partition("]")[0].lstrip("[")
    wait_for("the change", lambda: site.version(bed.node(name)) > before, 60)
    bed.kill(name)
    assert run.end() != 0, run.output
    if len(site.managers) > 1:
        assert run.output.count("changed: [") == 1, run.output
    bed.start(name)
    bed.wait_ready()
    site.settle_in()
    site.run_again_then_healed(task, release)
