"""playbooks/maintenance.yml on three managers and one worker, or three: each Engine is really stopped and started."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[1])]

from load import Balanced
from playbook import BIN, ROOT
from test_swarm_node import Watch, client_of, set_node
from testbed import Bed, for_tests, inventory
from testbed.commands import wait_for

pytestmark = pytest.mark.skipif(
    os.environ.get("STACKWRIGHT_LONG") != "1", reason="takes minutes (STACKWRIGHT_LONG=1 runs it)"
)
PORT = 18090
RELEASE = Path(__file__).parent / "release"
#: What the user's tasks call. "restart" stands for an upgrade and a reboot: the node's engine and all of its processes
#: end, and are started again, whatever becomes of the controller. "out" and "in" are the load balancer.
HELPER = """
import http.client, os, sys, time
from pathlib import Path
sys.path.insert(0, {tests!r})
from testbed import Bed, inventory
from testbed.commands import wait_for
what, name = sys.argv[1:]
folder, bed = Path({folder!r}), Bed.find({prefix!r})
address = bed.node(name).address

def answers():
    try:
        connection = http.client.HTTPConnection(address, {port}, timeout=5)
        connection.request("GET", "/", headers={{"Host": "shop.example.com"}})
        return connection.getresponse().status == 200
    except OSError:
        return False

if what == "restart":
    # A child of nobody: who kills the controller with all that it has started does not find it.
    reading, writing = os.pipe()
    if os.fork():
        os.close(writing)
        sys.exit(os.read(reading, 1) != b".")
    os.close(reading)
    os.setsid()
    if os.fork():
        os._exit(0)
    with (folder / "log").open("a") as log:
        print(name, file=log)
    bed.kill(name)
    if name not in (folder / "broken").read_text().split():
        bed.start(name)
        inventory.write(bed, folder / "hosts.json", guestbook=False)
        bed.node(name).run(["mkdir", "-p", str(inventory.own_folder(bed) / "caddy")])
    with (folder / "log").open("a") as log:
        print("restarted", file=log)
    os.write(writing, b".")
else:
    pool = folder / "pool"
    found = [one for one in pool.read_text().split() if one != address]
    if what == "in":
        wait_for("the proxy of " + name, answers, 120)
        found.append(address)
    (folder / "new").write_text(" ".join(found))
    (folder / "new").replace(pool)
"""
TASK = """
- name: {title}
  ansible.builtin.command: "{python} {helper} {what} {{{{ inventory_hostname }}}}"
  delegate_to: localhost
  vars: {{ansible_python_interpreter: "{python}"}}
  changed_when: true
"""
TASKS = {"maintenance_tasks": "restart", "maintenance_tasks_before": "out", "maintenance_tasks_after": "in"}
SHOP = """
services:
  web:
    image: {image}
    environment: {{RELEASE: "1"}}
    networks: [public]
    healthcheck:
      test: [CMD-SHELL, "wget -q -O /dev/null http://127.0.0.1:8000/"]
      interval: 1s
      timeout: 5s
      retries: 10
    deploy:
      replicas: 3
      endpoint_mode: dnsrr
      update_config: {{order: start-first, parallelism: 1, monitor: 1s}}
      labels:
        stackwright.http.port: 8000
        stackwright.http.routes.0.domain: shop.example.com
        stackwright.http.routes.0.tls: "off"
networks:
  public: {{external: true, name: maintained}}
"""


class Maintenance:
    """Plays the playbook with the bed's nodes as hosts, and an Engine's restart as the user's tasks."""

    def __init__(self, cluster, folder):
        self.cluster, self.folder = cluster, folder
        inventory.write(cluster, folder / "hosts.json", guestbook=False)
        names = {"tests": str(ROOT / "tests"), "prefix": cluster.prefix, "folder": str(folder), "port": PORT}
        (folder / "helper.py").write_text(HELPER.format(**names))
        for what in TASKS.values():
            text = TASK.format(title=f"Call {what}", python=sys.executable, helper=folder / "helper.py", what=what)
            (folder / f"{what}.yml").write_text(text)
        self.mend()

    def mend(self, fails=""):
        (self.folder / "log").write_text("")
        (self.folder / "broken").write_text(fails)

    @property
    def done(self):
        """The nodes that were restarted, in their order."""
        return [word for word in (self.folder / "log").read_text().split() if word != "restarted"]

    def begin(self, *options, playbook=ROOT / "playbooks" / "maintenance.yml", balanced=False, **variables):
        given = {"maintenance_timeout": 240, "maintenance_rebalance": "end"}
        used = TASKS if balanced else {"maintenance_tasks": "restart"}
        given.update({name: str(self.folder / f"{what}.yml") for name, what in used.items()}, **variables)
        command = [str(BIN / "ansible-playbook"), "-i", str(self.folder / "hosts.json"), str(playbook)]
        environment = {"PATH": f"{BIN}:{os.environ['PATH']}", "HOME": str(self.folder), "LC_ALL": "C.UTF-8"}
        environment.update((name, text) for name, text in os.environ.items() if name.startswith("STACKWRIGHT_"))
        environment["ANSIBLE_COLLECTIONS_PATH"] = str(ROOT / ".cache" / "collections")
        environment["ANSIBLE_REMOTE_TEMP"] = str(self.folder / "remote")
        return subprocess.Popen(
            [*command, "-e", json.dumps(given), *options],
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def play(self, *options, **more):
        """The exit code and the output."""
        with self.begin(*options, **more) as process:
            output = process.communicate(timeout=1500)[0]
        self.refresh()
        return process.returncode, output

    def refresh(self):
        """Another process has restarted nodes: their processes are others now."""
        self.cluster.__init__(Bed.find(self.cluster.prefix).record)


@pytest.fixture(scope="module")
def cluster(request):
    with for_tests.bed_for("nodes", keep=True, managers=3, workers=getattr(request, "param", 1)) as bed:
        yield bed


@pytest.fixture
def maintain(cluster, tmp_path):
    made = Maintenance(cluster, tmp_path)
    reset(cluster)
    yield made
    made.refresh()
    reset(cluster)


def reset(cluster):
    for name, node in cluster.nodes.items():
        if not node.is_up:
            cluster.start(name)
    cluster.wait_ready()
    for name in cluster.nodes:
        set_node(cluster, name, availability="active", labels={}, labels_mode="exact", move="swarm", unmovable="stop")


def leader(cluster):
    found = [n for n in cluster.node("m2").api("GET", "/nodes") if (n.get("ManagerStatus") or {}).get("Leader")]
    return found[0]["Description"]["Hostname"]


def spec_of(cluster, name):
    found = cluster.node("m1").api("GET", "/nodes")
    return next(node["Spec"] for node in found if node["Description"]["Hostname"] == name)


@contextlib.contextmanager
def shop(cluster, maintain, scope):
    """A service of three tasks behind a proxy on each node; gives the addresses of the load balancer."""
    image = cluster.images.from_folder(RELEASE, "release:2", {"Cmd": ["python3", "/app/app.py"]}, "python", "app")
    (maintain.folder / "shop.yml").write_text(SHOP.format(image=image))
    own = inventory.own_folder(cluster) / "caddy"
    for node in cluster.nodes.values():
        node.run(["mkdir", "-p", str(own)])
    platform = {
        "swarm_platform_stack": f"{scope.name}-p",
        "swarm_platform_network": "maintained",
        "swarm_platform_image": cluster.images["caddy"],
        "swarm_platform_folder": str(own),
        "swarm_platform_http_port": PORT,
        "swarm_platform_https_port": 0,
    }
    deploy = {"name": scope.name, "src": str(maintain.folder / "shop.yml")}
    deploy["routes"] = {"admin": [f"unix://{own}/admin.sock"]}
    role = {"ansible.builtin.include_role": {"name": "stackwright.swarm.swarm_platform"}, "vars": platform}
    plays = [
        {"hosts": "swarm_nodes", "gather_facts": False, "tasks": [role]},
        {"hosts": "swarm_managers", "gather_facts": False, "tasks": [{"stackwright.swarm.compose_stack": deploy}]},
    ]
    play = maintain.folder / "deploy.yml"
    play.write_text(yaml.safe_dump(plays, sort_keys=False))
    code, output = maintain.play(playbook=play)
    assert code == 0, output
    pool = maintain.folder / "pool"
    pool.write_text(" ".join(node.address for node in cluster.nodes.values()))
    try:
        yield pool
    finally:
        maintain.refresh()


@pytest.fixture
def scope(cluster, request):
    with for_tests.scope_for(cluster, request) as made:
        yield made


@pytest.mark.parametrize("cluster", [3], indirect=True)
def test_maintenance_of_all_nodes_twice_loses_no_request(cluster, maintain, scope):
    names = sorted(cluster.nodes)
    with shop(cluster, maintain, scope) as pool:
        code, output = maintain.play("--check", maintenance_id="one", balanced=True)
        assert code == 0 and maintain.done == [], output
        watching = Watch(cluster, f"{scope.name}_web", through=("m1", "m2", "m3"))
        with Balanced(pool, PORT, "shop.example.com") as visitors, watching as watch:
            for each in ("one", "two"):
                began, last = time.monotonic(), leader(cluster)
                maintain.mend()
                code, output = maintain.play(maintenance_id=each, balanced=True)
                assert code == 0, output
                done = maintain.done
                print(f"\nround {each}: {time.monotonic() - began:.0f} s, {', '.join(done)}", flush=True)
                assert done[:3] == ["w1", "w2", "w3"] and done[-1] == last and sorted(done) == names, done
        tally = visitors.tally
        print(f"{dict(tally.done)}, lost {tally.lost}")
        print(f"{watch.least} of 3 ran in {watch.looks} looks, at most {watch.gap:.1f} s apart")
        assert tally.lost == [] and tally.done.total() > 1000
        assert watch.fault is None and watch.looks > 1000 and watch.least >= 3, f"{watch.least} of 3 tasks ran"
        client = client_of(cluster, "m1")
        nodes = client.list("/nodes")
        client.close()
        assert {node["Spec"]["Availability"] for node in nodes} == {"active"}
        assert {json.dumps(node["Spec"]["Labels"]) for node in nodes} == {'{"stackwright.maintenance": "two"}'}
        maintain.mend()
        code, output = maintain.play(maintenance_id="two")
        assert code == 0 and maintain.done == [] and "changed=0" in output, output


def test_it_stops_at_a_node_that_does_not_come_back(cluster, maintain):
    maintain.mend(fails="w1")
    code, output = maintain.play(maintenance_id="two", maintenance_timeout=30)
    assert code != 0 and maintain.done == ["w1"], output
    assert output.count("w1 did not come back after 30 s: it is down.") >= 1, output
    assert "Nothing was changed: it stays drained. Repair the node, then run again." in output
    assert output.count("fatal:") == 1 and output.count("FAILED - RETRYING") == 0, output
    cluster.start("w1")
    cluster.wait_ready()
    assert spec_of(cluster, "w1")["Availability"] == "drain"
    assert spec_of(cluster, "w1")["Labels"] == {"stackwright.maintenance-before": "active"}
    maintain.mend()
    inventory.write(cluster, maintain.folder / "hosts.json", guestbook=False)
    code, output = maintain.play(maintenance_id="two")
    assert code == 0 and maintain.done[0] == "w1" and len(maintain.done) == 4, output


@pytest.mark.parametrize("moment", ["drained", "restarted", "activated"])
def test_a_killed_run_is_completed_by_the_same_command(cluster, maintain, moment):
    """The controller dies at the first manager; the worker is done."""
    seen = {"drained": "Call restart", "restarted": "Wait until the node is back", "activated": "Note that the node"}
    process = maintain.begin(maintenance_id="three")
    tasks = 0
    for line in process.stdout:
        tasks += line.startswith("TASK") and seen[moment] in line
        if tasks == 2:
            break
    os.killpg(process.pid, signal.SIGKILL)
    process.stdout.close()
    process.wait(60)
    log = maintain.folder / "log"
    wait_for("restarts to end", lambda: log.read_text().count("restarted") == len(maintain.done), 120)
    maintain.refresh()
    cluster.wait_ready()
    before, last = maintain.done, leader(cluster)
    inventory.write(cluster, maintain.folder / "hosts.json", guestbook=False)
    code, output = maintain.play(maintenance_id="three")
    assert code == 0, output
    after = maintain.done[len(before) :]
    assert "w1" not in after and after[-1] == last and len(after) == 3, (before, after)
    for name in cluster.nodes:
        spec = spec_of(cluster, name)
        assert (spec["Availability"], spec["Labels"]) == ("active", {"stackwright.maintenance": "three"}), name


def test_managers_are_left_alone_while_one_is_lost(cluster, maintain):
    cluster.kill("m3")
    quorum = "2 of 3 managers are reachable, and 2 are needed"

    def lost():
        found = {n["Description"]["Hostname"]: n for n in cluster.node("m1").api("GET", "/nodes")}
        return found["m3"]["ManagerStatus"]["Reachability"] == "unreachable"

    wait_for("m3 to be lost", lost, 120)
    code, output = maintain.play("--limit", "!m3", maintenance_id="four")
    assert code != 0 and maintain.done == [] and quorum in output and "Bring back m3 first" in output, output
