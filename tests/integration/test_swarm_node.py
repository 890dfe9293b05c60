"""swarm_node on a real Swarm of three managers and a worker: twelve steps, drains, what cannot move, roles."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[1])]

from core import Core
from playbook import BIN, ROOT, Player
from testbed import BedError, for_tests
from testbed.commands import wait_for

from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import SystemClock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError, StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.connection import Connection
from ansible_collections.stackwright.swarm.plugins.module_utils.info.swarm_info import swarm_info
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.node import change_node
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.rebalance import rebalance

FILE = """
services:
  web:
    image: {image}
    command: sh -c 'trap exit TERM; sleep 1d & wait'
    stop_grace_period: 1s
    deploy:
      replicas: 3
      update_config: {{order: start-first, parallelism: 1, monitor: 10ms}}
      placement: {{preferences: [spread: node.id]}}
  agent:
    image: {image}
    command: sh -c 'trap exit TERM; sleep 1d & wait'
    stop_grace_period: 1s
    deploy: {{mode: global}}
"""
FIXED = """
services:
  db:
    image: {image}
    command: sh -c 'trap exit TERM; sleep 1d & wait'
    stop_grace_period: 1s
    volumes: [data:/data]
    deploy: {{placement: {{constraints: [node.hostname == w1]}}}}
volumes:
  data:
"""
MANY = """
services:
"""
ONE = """
  s{number}:
    image: {image}
    command: sh -c 'trap exit TERM; sleep 1d & wait'
    stop_grace_period: 1s
    deploy:
      replicas: 2
      update_config: {{order: start-first, parallelism: 1, monitor: 10ms}}
"""
USUAL = {"labels_mode": "merge", "move": "safe", "unmovable": "fail", "timeout": 240, "stable_for": 0.2}


@pytest.fixture(scope="module")
def cluster():
    with for_tests.bed_for("nodes", keep=True, managers=3, workers=1) as bed:
        yield bed


@pytest.fixture
def scope(cluster, request):
    with for_tests.scope_for(cluster, request) as made:
        yield made
    for name in ("w1", "m3"):
        set_node(cluster, name, availability="active", labels={}, labels_mode="exact")


@pytest.fixture
def core(cluster, scope, tmp_path):
    made = Core(cluster.node("m1").docker_host, scope.name, tmp_path)
    yield made
    made.client.close()


def client_of(cluster, name="m1"):
    return EngineClient(Connection(docker_host=cluster.node(name).docker_host, timeout=60))


def set_node(cluster, node, through="m1", **options):
    client = client_of(cluster, through)
    try:
        return change_node(client, SystemClock, node, {**USUAL, **options})
    finally:
        client.close()


class Watch:
    """The smallest number of running tasks of any of the services that was seen, looked at every 50 ms; ``gap`` is the
    longest time between two looks.

    ``through``: managers; the next one is asked where one does not answer.
    """

    def __init__(self, cluster, *services, through=("m2",)):
        self.clients = [client_of(cluster, name) for name in through]
        self.services, self.least, self.looks, self.gap = services, 10**6, 0, 0.0
        self.over, self.fault = threading.Event(), None
        self.thread = threading.Thread(target=self.look)

    def look(self):
        try:
            last = time.monotonic()
            while not self.over.wait(0.05):
                found = self.tasks()
                now = time.monotonic()
                self.gap, last = max(self.gap, now - last), now
                running = Counter(task["ServiceID"] for task in found if task["Status"]["State"] == "running")
                fewest = min(running.values()) if len(running) == len(self.services) else 0
                self.least, self.looks = min(self.least, fewest), self.looks + 1
        except Exception as error:  # told by the test
            self.fault = error

    def tasks(self):
        of_these = {"filters": {"service": [*self.services]}}
        for client in self.clients[:-1]:
            with contextlib.suppress(EngineError):
                return client.list("/tasks", of_these)
        return self.clients[-1].list("/tasks", of_these)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *error):
        self.over.set()
        self.thread.join()
        for client in self.clients:
            client.close()


def places(cluster, service):
    names = {node["ID"]: node["Description"]["Hostname"] for node in cluster.node("m1").api("GET", "/nodes")}
    found = cluster.node("m1").api("GET", "/tasks?filters=" + json.dumps({"service": [service]}).replace(" ", ""))
    return sorted(names[task["NodeID"]] for task in found if task["Status"]["State"] == "running")


def test_a_drain_without_a_dip(cluster, core, scope):
    core.deploy(FILE.format(image=cluster.images["busybox"]), timeout=240)
    web = f"{scope.name}_web"
    node = places(cluster, web)[-1]
    shown = set_node(cluster, node, availability="drain", check=True)
    assert shown["changed"] and [(m["service"], m["way"], m["dip"]) for m in shown["moves"]] == [
        (web, "start-first", 0)
    ]
    assert shown["plan_lines"][0] == f"update node {node}: availability active → drain"
    assert node in places(cluster, web), "check mode changes nothing"
    told = []
    with Watch(cluster, web) as watch:
        done = set_node(cluster, node, availability="drain", progress=told.append)
    assert watch.fault is None and watch.looks > 3
    assert watch.least >= 3, f"{watch.least} of 3 tasks ran at one moment"
    assert done["changed"] and done["availability"] == "drain" and not done["notices"]
    assert len(places(cluster, web)) == 3 and node not in places(cluster, web)
    assert node not in places(cluster, f"{scope.name}_agent"), "tasks of global services are gone too"
    assert [line for line in told if line.startswith("move ")], told
    again = set_node(cluster, node, availability="drain")
    assert not again["changed"] and again["moves"] == [] and again["calls"] <= 4
    drift = core.drift()
    assert drift["drift"] == [], "what we restarted is not drift"
    back = set_node(cluster, node, availability="active")
    assert back["changed"] and not set_node(cluster, node, availability="active")["changed"]


def test_a_node_that_came_back_gets_its_share(cluster, core, scope):
    set_node(cluster, "w1", availability="drain", move="swarm")
    services = "".join(ONE.format(number=number, image=cluster.images["busybox"]) for number in range(4))
    core.deploy(MANY + services, timeout=240)
    set_node(cluster, "w1", availability="active")
    options = {"services": [f"{scope.name}_*"], "stacks": [], "dip": "forbid", "timeout": 240, "stable_for": 0.2}
    shown = rebalance(core.client, SystemClock, {**options, "check": True})
    assert shown["changed"] and shown["before"]["tasks"]["w1"] == 0 and shown["after"]["difference"] <= 1, shown
    with Watch(cluster, shown["moved"][0]) as watch:
        done = rebalance(core.client, SystemClock, options)
    assert watch.fault is None and watch.least >= 2, f"{watch.least} of 2 tasks ran at one moment"
    assert done["changed"] and done["after"]["tasks"]["w1"] == 2 and done["after"]["difference"] <= 1, done
    again = rebalance(core.client, SystemClock, options)
    assert not again["changed"] and again["moved"] == [] and {*again["kept"].values()} == {"it gains nothing"}
    live = core.client.list("/services")
    assert not [s for s in live if "node.id!=" in json.dumps(s["Spec"])], "no constraint of a move is left"
    assert core.drift()["drift"] == []
    loss = swarm_info(core.client, ["tasks_by_node", "cluster"], what_if="w1")
    assert loss["what_if"]["fewer"] == [] and len(loss["what_if"]["services"]) == 2
    assert [item["tasks"] for item in loss["tasks_by_node"]] == [2, 2, 2, 2]
    assert loss["cluster"]["raft"]["leader"] and loss["cluster"]["raft"]["may_fail"] == 1
    certificates = loss["cluster"]["certificates"]
    assert certificates["root"]["days_left"] > 7000 and 80 < certificates["this_node"]["days_left"] <= 90
    assert certificates["node_days"] == 90 and not certificates["rotating"] and certificates["other_root"] == []


def running(client, stack):
    """The node of each running task, by the ids of the service and the task."""
    tasks = client.list("/tasks", {"filters": {"label": [f"com.docker.stack.namespace={stack}"]}})
    names = {node["ID"]: node["Description"]["Hostname"] for node in client.list("/nodes")}
    live = [task for task in tasks if task["Status"]["State"] == "running" and task["DesiredState"] == "running"]
    return {(task["ServiceID"], task["ID"]): names[task["NodeID"]] for task in live}


@pytest.mark.skipif(os.environ.get("STACKWRIGHT_LONG") != "1", reason="set STACKWRIGHT_LONG=1: thirty services")
def test_thirty_services_of_two_tasks_are_spread_over_three_nodes(cluster, core, scope):
    """The fourth node stays drained all the time."""
    try:
        for name in ("m3", "w1"):
            set_node(cluster, name, availability="drain", move="swarm")
        services = "".join(ONE.format(number=number, image=cluster.images["busybox"]) for number in range(30))
        core.deploy(MANY + services, timeout=600)
        set_node(cluster, "w1", availability="active")
        before = running(core.client, scope.name)
        assert Counter(before.values()) == {"m1": 30, "m2": 30}
        options = {"services": [f"{scope.name}_*"], "stacks": [], "dip": "forbid", "timeout": 600, "stable_for": 0.2}
        with Watch(cluster, *(f"{scope.name}_s{number}" for number in range(30))) as watch:
            done = rebalance(core.client, SystemClock, options)
        assert watch.fault is None and watch.looks > 50
        assert watch.least >= 2, f"{watch.least} of 2 tasks ran at one moment"
        after = running(core.client, scope.name)
        assert Counter(after.values()) == {"m1": 20, "m2": 20, "w1": 20}, done
        new = {key: node for key, node in after.items() if key not in before}
        assert Counter(new.values()) == {"w1": 20}, "what moved without a gain"
        assert len({service for service, _task in new}) == len(done["moved"]) == 20
        assert not rebalance(core.client, SystemClock, options)["changed"]
        assert core.drift()["drift"] == []
    finally:
        set_node(cluster, "m3", availability="active")


def test_what_cannot_move_is_said_before_anything_changes(cluster, core, scope):
    core.deploy(FIXED.format(image=cluster.images["busybox"]), timeout=240)
    with pytest.raises(StackwrightError) as caught:
        set_node(cluster, "w1", availability="drain")
    assert caught.value.error_code == "cannot_move"
    text = str(caught.value)
    assert f"{scope.name}_db" in text and "node.hostname == w1 rules out" in text and "volume" in text, text
    assert places(cluster, f"{scope.name}_db") == ["w1"]
    assert set_node(cluster, "w1", check=True, availability="active")["changed"] is False
    done = set_node(cluster, "w1", availability="drain", unmovable="stop")
    assert done["changed"] and any("can't move from w1" in line for line in done["notices"])
    assert places(cluster, f"{scope.name}_db") == []


def test_roles_and_the_quorum(cluster):
    shown = set_node(cluster, "m3", role="worker", check=True)
    assert shown["changed"] and any("2 managers" in line for line in shown["notices"])
    assert set_node(cluster, "m3", role="worker")["role"] == "worker"
    listed = {n["Description"]["Hostname"]: n for n in cluster.node("m1").api("GET", "/nodes")}
    assert "ManagerStatus" not in listed["m3"], "the demotion has settled"
    assert not set_node(cluster, "m3", role="worker")["changed"]
    assert set_node(cluster, "m3", role="manager")["changed"]
    assert not set_node(cluster, "m3", role="manager")["changed"]

    def answers():
        try:
            return cluster.node("m3").api("GET", "/nodes")
        except BedError:  # 503 while it catches up
            return None

    wait_for("m3 to answer as a manager", answers, 60)
    cluster.kill("m2")
    try:

        def unreachable():
            found = [n for n in cluster.node("m1").api("GET", "/nodes") if n["Description"]["Hostname"] == "m2"]
            return found[0]["ManagerStatus"]["Reachability"] == "unreachable"

        wait_for("m2 to be lost", unreachable, 120)
        with pytest.raises(StackwrightError) as caught:
            set_node(cluster, "m3", role="worker")
        assert caught.value.error_code == "quorum"
        assert "3 managers, 1 down: demoting m3 leaves 1 of 2, and 2 are needed" in str(caught.value)
    finally:
        cluster.start("m2")
        cluster.wait_ready()


def test_the_twelve_steps(cluster, scope, tmp_path):
    """Over all managers of the play: one of them does it, for all."""
    hosts = {name: cluster.node(name).docker_host for name in ("m1", "m2", "m3")}
    player = Player(tmp_path, hosts)

    def play(**options):
        how = {name: options.pop(name) for name in ("check", "diff") if name in options}
        run = player.play({"swarm_node": {"name": "w1", **options}}, **how)
        assert run.code == 0, run.output
        results = {line["host"]: line["result"] for line in run.lines}
        changed = [result for result in results.values() if result["changed"]]
        assert len(changed) < 2, "once per cluster"
        return (changed or list(results.values()))[0]

    def labels():
        return client_labels(cluster)

    steps = {"disk": "ssd", "rack": 12, "fast": True}
    assert play(labels=steps, check=True)["changed"] and labels() == {}  # 1: check
    first = play(labels=steps, diff=True)  # 2: create
    assert first["changed"] and labels() == {"disk": "ssd", "rack": "12", "fast": "true"}
    assert "label disk: ssd" in first["diff"]["after"] and "label disk" not in first["diff"]["before"]
    assert not play(labels=steps)["changed"]  # 3: repeat
    assert not play(labels=steps, check=True)["changed"]  # 4: repeat in check mode
    new = {"disk": "hdd", "rack": None}
    assert play(labels=new, check=True)["changed"] and labels()["disk"] == "ssd"  # 5: modify in check mode
    assert play(labels=new)["changed"] and labels() == {"disk": "hdd", "fast": "true"}  # 6: modify
    assert not play(labels=new)["changed"]  # 7
    assert not play(labels=new, check=True)["changed"]  # 8
    gone = {"labels": {}, "labels_mode": "exact"}
    assert play(**gone, check=True)["changed"] and labels()  # 9: delete in check mode
    assert play(**gone)["changed"] and labels() == {}  # 10
    assert not play(**gone)["changed"] and not play(**gone, check=True)["changed"]  # 11, 12


def test_rebalancing_over_all_managers_of_a_play(cluster, tmp_path):
    player = Player(tmp_path, {name: cluster.node(name).docker_host for name in ("m1", "m2", "m3")})
    run = player.play({"swarm_rebalance": {"stacks": ["none*"]}}, {"swarm_rebalance": {"dip": "allow"}})
    assert run.code == 0, run.output
    assert [line["result"]["changed"] for line in run.lines] == [False] * 6
    bad = player.play({"swarm_rebalance": {"wait_timeout": 0}}, limit="m1")
    assert bad.code != 0 and bad.last["error_code"] == "invalid_options", bad.output


def listed(folder, *options, text):
    """What ansible-inventory makes of an inventory file."""
    (folder / "prod.swarm_nodes.yml").write_text(text)
    command = [str(BIN / "ansible-inventory"), "-i", str(folder / "prod.swarm_nodes.yml"), "--list", *options]
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C.UTF-8"}
    environment["ANSIBLE_COLLECTIONS_PATH"] = str(ROOT / ".cache" / "collections")
    environment["ANSIBLE_INVENTORY_UNPARSED_FAILED"] = "true"
    run = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False)
    return json.loads(run.stdout) if run.returncode == 0 else {}, run.stderr


def test_the_nodes_as_an_inventory(cluster, scope, tmp_path):
    set_node(cluster, "w1", labels={"disk": "ssd", "note": "{{ 6 * 7 }}", "stackwright.proxy": "true"})
    text = f"""
plugin: stackwright.swarm.swarm_nodes
managers: [unix:///nonexistent/docker.sock, {cluster.node("m2").docker_host}]
cache: true
cache_plugin: ansible.builtin.jsonfile
cache_connection: {tmp_path}/cache
compose:
  where: swarm_labels.disk | default('none')
keyed_groups:
  - {{prefix: os, key: swarm_os}}
"""
    found, errors = listed(tmp_path, text=text)
    assert found, errors
    every = found["_meta"]["hostvars"]
    assert found["swarm_nodes"]["hosts"] == ["m1", "m2", "m3", "w1"] == sorted(every)
    assert found["swarm_managers"]["hosts"] == ["m1", "m2", "m3"] and found["swarm_workers"]["hosts"] == ["w1"]
    assert found["swarm_proxies"]["hosts"] == ["w1"] == found["swarm_label_disk_ssd"]["hosts"]
    assert found["swarm_availability_active"]["hosts"] == found["os_linux"]["hosts"] == sorted(every)
    one = every["w1"]
    assert one["ansible_host"] == cluster.node("w1").address and one["where"] == "ssd"
    assert one["swarm_role"] == "worker" and "{{ 6 * 7 }}" in str(one["swarm_labels"]["note"])
    assert sum(variables["swarm_leader"] for variables in every.values()) == 1
    set_node(cluster, "w1", labels={"disk": "hdd"})
    assert listed(tmp_path, text=text)[0]["_meta"]["hostvars"]["w1"]["where"] == "ssd", "from the cache"
    fresh, errors = listed(tmp_path, "--flush-cache", text=text)
    assert fresh["_meta"]["hostvars"]["w1"]["where"] == "hdd", errors
    nobody = "plugin: stackwright.swarm.swarm_nodes\nmanagers: [unix:///no/a.sock, unix:///no/b.sock]\n"
    found, errors = listed(tmp_path, text=nobody)
    assert not found and "/no/a.sock" in errors and "/no/b.sock" in errors and "daemon_unreachable" in errors, errors


def client_labels(cluster):
    nodes = {n["Description"]["Hostname"]: n for n in cluster.node("m1").api("GET", "/nodes")}
    return nodes["w1"]["Spec"].get("Labels") or {}


def test_bad_input(cluster, tmp_path):
    wrong = [
        {"name": "w1", "labels": {"a=b": "x"}},
        {"name": "w1", "labels_mode": "exact"},
        {"name": "w1", "labels": {"a": ["x"]}},
        {"name": "w1", "wait_timeout": 0},
        {"name": "w1", "availability": "gone"},
    ]
    cases = [({"name": "nobody"}, "no_node"), *((options, "invalid_options") for options in wrong)]
    tasks = [{"swarm_node": options, "ignore_errors": True} for options, _code in cases]
    run = Player(tmp_path, {"m1": cluster.docker_host}).play(*tasks)
    assert [line["status"] for line in run.lines] == ["failed"] * len(cases), run.output
    assert [result["error_code"] for result in run.of()] == [code for _options, code in cases], run.output
