"""playbooks/maintenance.yml on three managers and a worker: each node's Engine is really stopped and started."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[1])]

from core import Core
from playbook import BIN, ROOT
from test_swarm_node import ONE, client_of, set_node
from testbed import Bed, for_tests, inventory

pytestmark = pytest.mark.skipif(
    os.environ.get("STACKWRIGHT_LONG") != "1", reason="takes minutes (STACKWRIGHT_LONG=1 runs it)"
)
#: What stands for an upgrade and a reboot: the node's engine and all of its processes end, and are started again.
RESTART = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from testbed import Bed, inventory
bed = Bed.find({prefix!r})
name = sys.argv[1]
with open({log!r}, "a") as log:
    print(name, file=log)
bed.kill(name)
if name not in Path({broken!r}).read_text().split():
    bed.start(name)
    inventory.write(bed, Path({hosts!r}), guestbook=False)
"""
TASKS = """
- name: Restart the machine
  ansible.builtin.command: "{python} {script} {{{{ inventory_hostname }}}}"
  delegate_to: localhost
  vars: {{ansible_python_interpreter: "{python}"}}
  changed_when: true
"""


@pytest.fixture(scope="module")
def cluster():
    with for_tests.bed_for("nodes", keep=True, managers=3, workers=1) as bed:
        yield bed


def refresh(cluster):
    """Another process has restarted nodes: their processes are others now."""
    cluster.__init__(Bed.find(cluster.prefix).record)


@pytest.fixture
def maintain(cluster, tmp_path):
    """Plays the playbook; gives its exit code, its output, and the nodes that were restarted, in their order."""
    hosts, script = tmp_path / "hosts.json", tmp_path / "restart.py"
    log, broken = tmp_path / "restarted", tmp_path / "broken"
    inventory.write(cluster, hosts, guestbook=False)
    log.write_text("")
    broken.write_text("")
    tests = str(Path(__file__).resolve().parents[1])
    names = {"tests": tests, "prefix": cluster.prefix, "log": str(log), "broken": str(broken), "hosts": str(hosts)}
    script.write_text(RESTART.format(**names))
    tasks = tmp_path / "upgrade.yml"
    tasks.write_text(TASKS.format(python=sys.executable, script=script))

    def play(*options, fails="", **variables):
        log.write_text("")
        broken.write_text(fails)
        given = {"maintenance_tasks": str(tasks), "maintenance_timeout": 240, **variables}
        command = [str(BIN / "ansible-playbook"), "-i", str(hosts), str(ROOT / "playbooks" / "maintenance.yml")]
        environment = {"PATH": f"{BIN}:{os.environ['PATH']}", "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"}
        environment["ANSIBLE_COLLECTIONS_PATH"] = str(ROOT / ".cache" / "collections")
        run = subprocess.run(
            [*command, "-e", json.dumps(given), *options],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=1500,
            check=False,
        )
        refresh(cluster)
        return run.returncode, run.stdout + run.stderr, log.read_text().split()

    yield play
    cluster.wait_ready()
    for name in ("m1", "m2", "m3", "w1"):
        set_node(cluster, name, availability="active", labels={}, labels_mode="exact", move="swarm")


def leader(cluster):
    nodes = cluster.node("m2").api("GET", "/nodes")
    found = [n for n in nodes if (n.get("ManagerStatus") or {}).get("Leader")]
    return found[0]["Description"]["Hostname"]


def test_maintenance_of_all_nodes(cluster, maintain, request, tmp_path):
    with for_tests.scope_for(cluster, request) as scope:
        core = Core(cluster.node("m1").docker_host, scope.name, tmp_path)
        services = "".join(ONE.format(number=number, image=cluster.images["busybox"]) for number in range(4))
        core.deploy("services:\n" + services, timeout=240)
        core.client.close()
        last = leader(cluster)
        code, output, done = maintain("--check", maintenance_id="one")
        assert code == 0 and done == [], output
        code, output, done = maintain(maintenance_id="one")
        assert code == 0, output
        assert done[0] == "w1" and done[-1] == last and sorted(done) == ["m1", "m2", "m3", "w1"], done
        client = client_of(cluster, "m1")
        nodes = client.list("/nodes")
        assert {node["Spec"]["Availability"] for node in nodes} == {"active"}
        assert {json.dumps(node["Spec"]["Labels"]) for node in nodes} == {'{"stackwright.maintenance": "one"}'}
        tasks = [task for task in client.list("/tasks") if task["Status"]["State"] == "running"]
        on = [sum(task["NodeID"] == node["ID"] for task in tasks) for node in nodes]
        client.close()
        assert sum(on) == 8 and max(on) - min(on) <= 1, on
        code, output, done = maintain(maintenance_id="one")
        assert code == 0 and done == [], "all nodes are done"


def test_it_stops_at_a_node_that_does_not_come_back(cluster, maintain):
    code, output, done = maintain(maintenance_id="two", maintenance_timeout=30, fails="w1")
    assert code != 0 and done == ["w1"], output
    assert "w1 did not come back: it is down" in output, output
    cluster.start("w1")
    cluster.wait_ready()
    states = {n["Description"]["Hostname"]: n["Spec"] for n in cluster.node("m1").api("GET", "/nodes")}
    assert states["w1"]["Availability"] == "drain"
    assert states["w1"]["Labels"] == {"stackwright.maintenance-before": "active"}
    code, output, done = maintain(maintenance_id="two")
    assert code == 0 and done[0] == "w1" and len(done) == 4, output
