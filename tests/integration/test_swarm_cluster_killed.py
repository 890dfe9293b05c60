"""ansible-playbook is killed at a random moment: as it creates a Swarm of six hosts, replaces two of them, or takes one
after the other out of service. The next run completes it.

With STACKWRIGHT_LONG=1. STACKWRIGHT_KILLS is the number of moments of each kind, STACKWRIGHT_SEED chooses them.
Modules of every other run outlive their controller, as those on remote hosts do.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
import time
from pathlib import Path

import pytest
import yaml

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[1])]

from members import Members
from playbook import Player, python
from test_maintenance import Maintenance
from testbed import for_tests, inventory
from testbed.commands import wait_for

pytestmark = pytest.mark.skipif(
    os.environ.get("STACKWRIGHT_LONG") != "1", reason="set STACKWRIGHT_LONG=1: two minutes for each moment"
)
KILLS = int(os.environ.get("STACKWRIGHT_KILLS", "10"))
CHANCE = random.Random(os.environ.get("STACKWRIGHT_SEED", "17"))
MOMENTS = [CHANCE.uniform(0.05, 0.95) for _number in range(KILLS)]
ALL = {"m1": "manager", "m2": "manager", "m3": "manager", "w1": "worker", "w2": "worker", "w3": "worker"}
REPLACED = {"m1": "absent", "m2": "manager", "m3": "manager", "w1": "manager", "w2": "worker", "w3": "worker"}


@pytest.fixture(scope="module")
def six():
    with for_tests.bed_for("cluster", keep=True, managers=3, workers=3, swarm=False) as bed:
        members = Members(bed)
        members.reset()
        members.shape = None  # the roles of its hosts, if the last test has left a whole Swarm
        yield members
        members.reset()


class Membership:
    """The play of swarm_cluster for all hosts: creates a Swarm, or replaces hosts of the one that is there."""

    def __init__(self, folder, members, _name, outlives):
        self.player, self.members = Player(folder, {}), members
        interpreter = python() if outlives else sys.executable
        hosts = {
            name: {"docker_host": members.bed.node(name).docker_host, "address": members.bed.node(name).address}
            for name in ALL
        }
        variables = {"ansible_connection": "local", "ansible_python_interpreter": interpreter}
        self.player.write("inventory.yml", yaml.safe_dump({"all": {"hosts": hosts, "vars": variables}}))

    def begin(self, kind):
        if kind == "creation":
            self.members.reset()
        else:
            full(self.members)
        self.wanted = REPLACED if kind == "replacement" and self.members.shape == ALL else ALL
        options = {
            "docker_host": "{{ docker_host }}",
            "advertise_addr": "{{ address }}",
            "dispatcher_heartbeat": "1s",
            "state": f"{{{{ 'absent' if {self.wanted}[inventory_hostname] == 'absent' else 'present' }}}}",
            "role": f"{{{{ {self.wanted}[inventory_hostname] | replace('absent', 'worker') }}}}",
        }
        task = {"stackwright.swarm.swarm_cluster": options}
        play = [{"hosts": "all", "gather_facts": False, "tasks": [task]}]
        self.path = self.player.write("play.yml", yaml.safe_dump(play))

    def whole(self):
        done = self.player.playbook(self.path)
        assert done.code == 0, done.output[-3000:]

    def killed_after(self, seconds):
        """The exit code, and the number of lines that it had shown."""
        running = self.player.begin_playbook(self.path)
        timer = threading.Timer(seconds, kill_tree, [running.process.pid])
        timer.start()
        code = running.end()
        timer.cancel()
        return code, len(running.seen)

    def check(self):
        check(self.members, self.wanted)


class Upkeep:
    """maintenance.yml, with a service on the nodes. Engines are restarted, whatever becomes of the controller."""

    wanted = ALL

    def __init__(self, folder, members, name, outlives):
        self.name, self.maintenance, self.members = name, Maintenance(members.bed, folder), members
        self.outlives = outlives

    def begin(self, _kind):
        full(self.members)
        if self.members.shape != ALL:
            self.members.run(**ALL)
        if not self.members.api("m1", "GET", "/services"):
            order = ["--update-order", "start-first", "--update-monitor", "1s", "--stop-grace-period", "1s"]
            image = self.members.bed.images["busybox"]
            create = ["docker", "service", "create", "--name", "web", "--replicas", "3", *order, image, "sleep", "1d"]
            self.members.bed.node("m1").cli(create)

    def whole(self):
        code, output = self.maintenance.play(maintenance_id=self.name)
        assert code == 0, output[-3000:]

    def killed_after(self, seconds):
        process, lines = self.maintenance.begin(maintenance_id=self.name), []
        reader = threading.Thread(target=lambda: lines.extend(process.stdout), daemon=True)
        reader.start()
        # The processes that Ansible has for its hosts are in other groups.
        kill = (lambda: os.killpg(process.pid, signal.SIGKILL)) if self.outlives else (lambda: kill_tree(process.pid))
        timer = threading.Timer(seconds, kill)
        timer.start()
        code = process.wait(1500)
        timer.cancel()
        log = self.maintenance.folder / "log"
        wait_for("restarts to end", lambda: log.read_text().count("restarted") == len(self.maintenance.done), 120)
        self.maintenance.refresh()
        inventory.write(self.members.bed, self.maintenance.folder / "hosts.json", guestbook=False)
        return code, len(lines)

    def check(self):
        check(self.members, self.wanted)
        specs = [node["Spec"] for node in self.members.api("m1", "GET", "/nodes")]
        left = {(spec["Availability"], *spec["Labels"].items()) for spec in specs}
        assert left == {("active", ("stackwright.maintenance", self.name))}
        (web,) = self.members.api("m1", "GET", "/services?status=true")
        assert not web["Spec"]["Labels"] and not web["Spec"]["TaskTemplate"]["Placement"].get("Constraints"), web
        assert web["ServiceStatus"] == {"RunningTasks": 3, "DesiredTasks": 3, "CompletedTasks": 0}, web


def full(members):
    """There is a whole Swarm."""
    if members.shape is None:
        for name, node in members.bed.nodes.items():
            if not node.is_up:
                members.bed.start(name)
        members.reset()
        members.run(**ALL)
        members.shape = ALL


def kill_tree(pid):
    """SIGKILL for a process of ours and all that it has started."""
    children = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = status.read_text()
        except OSError:
            continue
        children.setdefault(int(text.rpartition(")")[2].split()[1]), []).append(int(status.parent.name))
    tree = [pid]
    for parent in tree:
        tree += children.get(parent, [])
    for one in tree:
        try:
            os.kill(one, signal.SIGKILL)
        except ProcessLookupError:
            continue


def check(members, wanted):
    """That the Swarm is as wanted, and the only one."""
    expected = {name: role for name, role in wanted.items() if role != "absent"}
    by = next(name for name, role in wanted.items() if role == "manager")
    assert members.nodes(by) == expected
    swarms = {name: members.api(name, "GET", "/info")["Swarm"] for name in ALL}
    ids = {swarm["Cluster"]["ID"] for swarm in swarms.values() if swarm["ControlAvailable"]}
    assert len(ids) == 1
    assert {name for name, swarm in swarms.items() if swarm["LocalNodeState"] == "active"} == set(expected)
    again = members.run(**wanted)
    assert again.steps == []


@pytest.fixture(scope="module")
def lengths():
    """Seconds of a whole run of each kind: a guess, until one was measured."""
    return {"creation": 30.0, "replacement": 30.0, "maintenance": 120.0}


@pytest.mark.parametrize("number", range(KILLS))
@pytest.mark.parametrize("kind", ["creation", "replacement", "maintenance"])
def test_a_killed_playbook_is_completed_by_the_next(six, lengths, tmp_path, kind, number):
    made = Upkeep if kind == "maintenance" else Membership
    for attempt in range(9):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        run, seconds = made(folder, six, f"{number}-{attempt}", outlives=number % 2 == 0), lengths[kind]
        run.begin(kind)
        six.shape, start = None, time.monotonic()
        code, lines = run.killed_after(MOMENTS[number] * seconds)
        killed_at = time.monotonic() - start
        if code == 0:  # it was faster: the moment comes again
            run.check()
            six.shape, lengths[kind] = run.wanted, killed_at
            continue
        assert code == -signal.SIGKILL
        start = time.monotonic()
        run.whole()
        lengths[kind] = killed_at + time.monotonic() - start
        print(f"\n{kind} {number}: killed after {killed_at:.1f} of {lengths[kind]:.1f} s, {lines} lines", flush=True)
        run.check()
        six.shape = run.wanted
        return
    pytest.fail("no run was killed")
