"""ansible-playbook is killed at a random moment, as it creates a Swarm of six hosts or replaces two of them; the next
run completes it.

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
from testbed import for_tests

pytestmark = pytest.mark.skipif(
    os.environ.get("STACKWRIGHT_LONG") != "1", reason="set STACKWRIGHT_LONG=1: two minutes for each moment"
)
KILLS = int(os.environ.get("STACKWRIGHT_KILLS", "10"))
CHANCE = random.Random(os.environ.get("STACKWRIGHT_SEED", "17"))
MOMENTS = [CHANCE.uniform(0.1, 1.0) for _number in range(KILLS)]
ALL = {"m1": "manager", "m2": "manager", "m3": "manager", "w1": "worker", "w2": "worker", "w3": "worker"}
REPLACED = {"m1": "absent", "m2": "manager", "m3": "manager", "w1": "manager", "w2": "worker", "w3": "worker"}


@pytest.fixture(scope="module")
def six():
    with for_tests.bed_for("cluster", keep=True, managers=3, workers=3, swarm=False) as bed:
        members = Members(bed)
        yield members
        members.reset()


class Play:
    """The play of a task for all hosts, and how long a whole run of it takes."""

    def __init__(self, folder, members, wanted, outlives):
        self.player, self.wanted = Player(folder, {}), wanted
        interpreter = python() if outlives else sys.executable
        hosts = {
            name: {"docker_host": members.bed.node(name).docker_host, "address": members.bed.node(name).address}
            for name in ALL
        }
        variables = {"ansible_connection": "local", "ansible_python_interpreter": interpreter}
        self.player.write("inventory.yml", yaml.safe_dump({"all": {"hosts": hosts, "vars": variables}}))
        options = {
            "docker_host": "{{ docker_host }}",
            "advertise_addr": "{{ address }}",
            "dispatcher_heartbeat": "1s",
            "state": f"{{{{ 'absent' if {wanted}[inventory_hostname] == 'absent' else 'present' }}}}",
            "role": f"{{{{ {wanted}[inventory_hostname] | replace('absent', 'worker') }}}}",
        }
        task = {"stackwright.swarm.swarm_cluster": options}
        self.path = self.player.write(
            "play.yml", yaml.safe_dump([{"hosts": "all", "gather_facts": False, "tasks": [task]}])
        )

    def whole(self):
        """Runs it to its end; the seconds that it took."""
        start = time.monotonic()
        done = self.player.playbook(self.path)
        assert done.code == 0, done.output[-3000:]
        return time.monotonic() - start

    def killed_after(self, seconds):
        """Runs it until it is killed, with all processes that it has started; what it had shown."""
        running = self.player.begin_playbook(self.path)
        timer = threading.Timer(seconds, kill_tree, [running.process.pid])
        timer.start()
        running.end()
        timer.cancel()
        return running


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
    """Seconds of a whole run of each kind, once measured."""
    return {}


@pytest.mark.parametrize("number", range(KILLS))
@pytest.mark.parametrize("kind", ["creation", "replacement"])
def test_a_killed_playbook_is_completed_by_the_next(six, lengths, tmp_path, kind, number):
    wanted = ALL if kind == "creation" else REPLACED

    def begin():
        six.reset()
        if kind == "replacement":
            six.run(**ALL)

    play = Play(tmp_path, six, wanted, outlives=number % 2 == 0)
    if kind not in lengths:
        begin()
        lengths[kind] = play.whole()
    begin()
    moment = MOMENTS[number] * lengths[kind]
    running = play.killed_after(moment)
    print(f"{kind} {number}: killed after {moment:.1f} of {lengths[kind]:.1f} s, {len(running.seen)} lines", flush=True)
    play.whole()
    check(six, wanted)
