"""stack_preflight on one manager and two workers: each finding made real, and the deployment that it foretells."""

from __future__ import annotations

import contextlib
import json
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[1])]

from playbook import Player, python
from testbed import for_tests, images
from testbed.swarm import StackScope

QUIET = ["sh", "-c", "trap exit TERM; sleep 1d & wait"]
#: What the kernels of test beds may lack, and what says nothing about the stack.
KERNEL = ("no_ipvs", "no_overlay", "storage_driver", "disk_space", "inodes")


@pytest.fixture(scope="module")
def three():
    with for_tests.bed_for("preflight", keep=True, workers=2, registries=("open", "auth")) as bed:
        bed.images.publish(images.build("busybox"), "busybox:1", "auth")
        yield bed


@pytest.fixture
def name(three, request):
    with for_tests.scope_for(three, request, longest=27) as scope:
        yield scope.name


class Ground(Player):
    """A player whose hosts are the nodes: their processes, ports and files are those that a task sees."""

    def __init__(self, bed, folder, interpreter=()):
        super().__init__(folder, {name: node.docker_host for name, node in bed.nodes.items()})
        self.bed = bed
        inventory = yaml.safe_load((folder / "inventory.yml").read_text())
        for name, node in bed.nodes.items():
            command = shlex.join(node.inside(interpreter or [python()]))
            self.write(f"python-{name}", f'#!/bin/sh\nexec {command} "$@"\n').chmod(0o755)
            inventory["swarm_managers"]["hosts"][name]["ansible_python_interpreter"] = str(folder / f"python-{name}")
        del inventory["swarm_managers"]["vars"]["ansible_python_interpreter"]
        self.write("inventory.yml", yaml.safe_dump(inventory))

    def file(self, **services):
        """Writes compose.yml; ``services`` by key, with defaults that run on any kernel."""
        base = {"image": self.bed.images["busybox"], "command": QUIET, "stop_grace_period": "1s"}
        full = {}
        for key, given in services.items():
            full[key] = {**base, **given, "deploy": {"endpoint_mode": "dnsrr", **given.get("deploy", {})}}
        top = {"services": full}
        outside = {network for given in services.values() for network in given.get("networks", [])}
        if outside:
            top["networks"] = {network: {"external": True} for network in outside}
        self.write("compose.yml", yaml.safe_dump(top, sort_keys=False))

    def check(self, name, limit=None, check=False, **options):
        task = {"stack_preflight": {"name": name, "src": "compose.yml", **options}}
        return self.play(task, limit=limit, check=check)

    def deploy(self, name, **options):
        rollout = {"stable_for": 0.2, "timeout": 12, "max_restarts": 1, **options.pop("rollout", {})}
        options = {"name": name, "src": "compose.yml", "rollout": rollout, **options}
        return self.play({"compose_stack": options}, limit="m1")


@pytest.fixture
def ground(three, tmp_path):
    return Ground(three, tmp_path)


def findings(played, level=None):
    """(code, service, node) of all hosts' findings, but those about kernels."""
    return sorted(
        (item["code"], item["service"], item["node"])
        for result in played.of()
        for item in result.get("findings", [])
        if item["code"] not in KERNEL and level in (None, item["level"])
    )


def one(played, code):
    return next(item for result in played.of() for item in result["findings"] if item["code"] == code)


def test_a_stack_without_findings_passes_and_then_deploys(three, ground, name):
    port = {"target": 80, "published": 18080, "mode": "host"}
    ground.file(
        web={"ports": [port], "volumes": ["/tmp:/host"], "deploy": {"mode": "global"}},
        db={"deploy": {"resources": {"reservations": {"memory": "20M"}}, "update_config": {"order": "start-first"}}},
    )
    first = ground.check(name)
    assert first.code == 0, first.output
    assert findings(first) == []
    (manager,) = first.of("m1")
    assert manager["cluster"] == {"managers": 1, "reachable": 1, "may_fail": 0, "nodes": 3, "ready": 3}
    assert manager["calls"] <= 9 + 1, "one for the image"
    assert [first.of(host)[0]["calls"] for host in ("w1", "w2")] == [2, 2]
    assert [first.of(host)[0]["done_by"] for host in ("w1", "w2")] == ["m1", "m1"]
    assert [r["unchecked"] for r in first.of() if "unchecked" in r] == [[]]
    assert not any(result["changed"] for result in first.of())
    names = [service["Spec"]["Name"] for service in three.node("m1").api("GET", "/services")]
    assert not [n for n in names if n.startswith(name)], "a preflight deploys nothing"
    deployed = ground.deploy(name, rollout={"timeout": 120})
    assert deployed.code == 0, deployed.output
    # Its own tasks have the ports now; and check mode says the same.
    for check in (False, True):
        again = ground.check(name, check=check)
        assert again.code == 0 and findings(again) == [], again.output
        assert again.of("m1")[0]["calls"] <= 9, "the image is known"


@contextlib.contextmanager
def listening(node, *ports):
    """A process on a node that has these ports (number, kind of socket) until its input ends."""
    code = (
        "import json, socket, sys\n"
        "held = []\n"
        "for port, kind in json.loads(sys.argv[1]):\n"
        "    held.append(socket.socket(socket.AF_INET, getattr(socket, kind)))\n"
        "    held[-1].bind(('127.0.0.1', port))\n"
        "    kind == 'SOCK_STREAM' and held[-1].listen()\n"
        "print('ready', flush=True)\n"
        "sys.stdin.read()\n"
    )
    command = node.inside([sys.executable, "-c", code, json.dumps(ports)])
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        yield


def test_a_port_that_a_process_has(three, ground, name):
    ports = [
        {"target": 80, "published": 18081, "mode": "host"},
        {"target": 53, "published": 18082, "mode": "host", "protocol": "udp"},
        {"target": 82, "published": 18083, "mode": "ingress"},
    ]
    ground.file(
        web={"ports": ports, "deploy": {"endpoint_mode": "vip", "placement": {"constraints": ["node.hostname == w1"]}}}
    )
    with listening(three.node("w1"), (18081, "SOCK_STREAM"), (18082, "SOCK_DGRAM"), (18083, "SOCK_STREAM")):
        played = ground.check(name)
        assert played.code != 0
        expected = [("ingress_port_in_use", "web", "w1"), ("port_in_use", "web", "w1"), ("port_in_use", "web", "w1")]
        assert findings(played) == expected
        assert findings(played, "warning") == expected[:1]
        # What stands in the way on one node fails all hosts of the Swarm.
        assert [played.of(host)[0]["ok"] for host in ("m1", "w1", "w2")] == [False] * 3
        assert [played.of(host)[0]["stopped_by"] for host in ("m1", "w2")] == ["w1"] * 2
        assert played.of("w1")[0]["error_code"] == "port_in_use"
        told = one(played, "port_in_use")
        assert "18081/tcp is in use by the process python" in told["message"]
        assert told["where"].endswith("compose.yml:2")
        failed = ground.deploy(name)
        assert failed.code != 0
        assert "already in use" in failed.last["msg"], failed.output
    assert ground.check(name).code == 0


def test_a_port_that_a_container_has(three, ground, name):
    port = {"target": 80, "published": 18084, "mode": "host"}
    ground.file(
        web={"ports": [port], "deploy": {"mode": "global", "placement": {"constraints": ["node.role == worker"]}}}
    )
    w2, image = three.node("w2"), three.images["busybox"]
    w2.cli(["docker", "run", "-d", "--name", f"{name}-sitter", "-p", "18084:80", image, "sleep", "1d"])
    try:
        played = ground.check(name)
        assert findings(played) == [("port_in_use", "web", "w2")]
        assert f"in use by container {name}-sitter" in played.of("w2")[0]["msg"]
    finally:
        w2.cli(["docker", "rm", "-f", f"{name}-sitter"])


def test_a_bind_source_that_one_node_does_not_have(three, ground, name):
    nodes = [three.node(name_) for name_ in ("w1", "w2")]
    for node in nodes:
        node.run(["mount", "-t", "tmpfs", "tmpfs", "/mnt"])
    try:
        nodes[0].run(["mkdir", "/mnt/data"])
        placed = {"mode": "global", "placement": {"constraints": ["node.role == worker"]}}
        ground.file(web={"volumes": ["/mnt/data:/data"], "deploy": placed})
        played = ground.check(name)
        assert played.code != 0
        assert findings(played) == [("bind_missing", "web", "w2")]
        failed = ground.deploy(name)
        assert failed.code != 0
        assert "bind source path does not exist" in failed.last["msg"], failed.output
        assert "w2" in failed.last["msg"]
        partly = ground.check(name, limit="m1,w1")
        assert partly.code == 0
        assert [r["unchecked"] for r in partly.of() if "unchecked" in r] == [["w2"]]
        nodes[1].run(["mkdir", "/mnt/data"])
        assert ground.check(name).code == 0
        assert ground.deploy(name, rollout={"timeout": 120}).code == 0
    finally:
        StackScope(three, name).remove()
        for node in nodes:
            node.run(["umount", "-l", "/mnt"])


def test_a_volume_that_a_worker_has_and_that_was_made_otherwise(three, ground, name):
    w2 = three.node("w2")
    w2.cli(["docker", "volume", "create", f"{name}_data"])
    try:
        placed = {"mode": "global", "placement": {"constraints": ["node.role == worker"]}}
        ground.file(web={"volumes": ["data:/data"], "deploy": placed})
        options = {"type": "nfs", "device": ":/x", "o": "addr=198.18.1.9,password=planted"}
        text = yaml.safe_load((ground.folder / "compose.yml").read_text())
        ground.write("compose.yml", yaml.safe_dump({**text, "volumes": {"data": {"driver_opts": options}}}))
        played = ground.check(name)
        assert played.code == 0 and findings(played) == [("volume_differs", "web", "w2")], played.output
        (found,) = (f for f in played.of("w2")[0]["findings"] if f["code"] == "volume_differs")
        assert "(the driver options device, o, type)" in found["message"] and found["level"] == "warning"
        assert "planted" not in played.output
        assert ground.check(name, fail_on="warning").code != 0
    finally:
        w2.cli(["docker", "volume", "rm", f"{name}_data"])


@pytest.mark.parametrize(
    ("code", "deploy", "words"),
    [
        ("constraints", {"placement": {"constraints": ["node.labels.disk == ssd"]}}, "constraint"),
        ("resources", {"resources": {"reservations": {"memory": "9000G"}}}, "insufficient resources"),
        ("max_replicas", {"replicas": 4, "placement": {"max_replicas_per_node": 1}}, "max replicas"),
        ("host_port", {"replicas": 4}, "the host port"),
    ],
)
def test_what_the_scheduler_can_not_place(ground, name, code, deploy, words):
    ports = [{"target": 80, "published": 18085, "mode": "host"}] if code == "host_port" else []
    ground.file(web={"deploy": deploy, "ports": ports})
    played = ground.check(name)
    assert played.code != 0
    assert findings(played) == [(code, "web", "")]
    assert played.of("m1")[0]["error_code"] == code
    failed = ground.deploy(name)
    assert failed.code != 0
    assert words in failed.last["msg"], failed.output


def test_drained_paused_and_stopped_nodes(three, ground, name):
    m1 = three.node("m1")
    ground.file(web={"deploy": {"placement": {"constraints": ["node.role == worker"]}}})
    m1.cli(["docker", "node", "update", "--availability", "drain", "w1"])
    m1.cli(["docker", "node", "update", "--availability", "pause", "w2"])
    try:
        played = ground.check(name)
        assert findings(played) == [("constraints", "web", "")]
        words = one(played, "constraints")["message"]
        assert "being drained rules out w1; being paused rules out w2" in words
    finally:
        for node in ("w1", "w2"):
            m1.cli(["docker", "node", "update", "--availability", "active", node])
    three.kill("w2")
    deadline = time.monotonic() + 180
    while m1.api("GET", "/nodes/w2")["Status"]["State"] != "down" and time.monotonic() < deadline:
        time.sleep(0.2)
    # Its interpreter is gone with the node.
    plain = Player(ground.folder, ground.hosts)
    played = plain.play({"stack_preflight": {"name": name, "src": "compose.yml"}})
    assert played.of("w2")[0]["error_code"] == "daemon_unreachable", played.output
    assert ("node_down", "", "w2") in findings(played, "warning")
    assert [played.of(host)[0]["ok"] for host in ("m1", "w1")] == [True, True]
    assert {item["code"] for item in played.of("m1")[0]["findings"]} == {"node_down", "not_local"}
    calm = plain.play({"stack_preflight": {"fail_on": "never"}}, limit="w2")
    assert calm.code == 0 and not calm.last["ok"]
    assert one(calm, "daemon_unreachable")["hint"]
    strict = plain.play({"stack_preflight": {"fail_on": "warning"}}, limit="m1")
    assert strict.code != 0 and strict.last["ok"] and strict.last["error_code"] == "preflight"


def test_images_and_credentials(three, ground, name):
    closed = three.registries["auth"]
    ground.file(
        gone={"image": f"{three.registry.address}/no-such-image:1"},
        closed={"image": f"{closed.address}/busybox:1"},
        silent={"image": "127.0.0.1:9/busybox:1"},
    )
    played = ground.check(name, limit="m1")
    assert played.code != 0
    assert findings(played, "error") == [("image_not_found", "gone", ""), ("registry_auth", "closed", "")]
    assert findings(played, "warning") == [("registry_unreachable", "silent", "")]
    credentials = {"registry": closed.address, "username": closed.user, "password": closed.password}
    with_them = ground.check(name, limit="m1", registry_auth=[credentials])
    assert findings(with_them, "error") == [("image_not_found", "gone", "")]
    assert closed.password not in with_them.output
    wrong = ground.check(name, limit="m1", registry_auth=[{**credentials, "password": "another"}])
    assert ("registry_auth", "closed", "") in findings(wrong)
    quiet = ground.check(name, limit="m1", resolve_image="never")
    assert quiet.code == 0 and findings(quiet) == []
    ground.file(gone={"image": f"{three.registry.address}/no-such-image:1"})
    failed = ground.deploy(name)
    assert failed.code != 0 and "no-such-image" in failed.last["msg"], failed.output


def test_names_and_ports_that_others_have(three, ground, name):
    m1, image = three.node("m1"), three.images["busybox"]
    command = ["docker", "service", "create", "-d", "--name", f"{name}_other", "-p", "18086:80", image, "sleep", "1d"]
    m1.cli(command)
    try:
        ground.file(web={"networks": [f"{name}-away"]})
        played = ground.check(name, limit="m1")
        assert findings(played) == [("network_missing", "web", "")]
        failed = ground.deploy(name)
        assert failed.last["error_code"] == "not_found" and f"{name}-away" in failed.last["msg"]
        ground.file(web={"ports": ["18086:80"], "deploy": {"endpoint_mode": "vip"}}, other={})
        played = ground.check(name, limit="m1")
        assert findings(played) == [("conflict", "other", ""), ("port_taken", "web", "")]
        assert f"published by service {name}_other" in one(played, "port_taken")["message"]
        ground.file(web={"ports": ["18086:80"], "deploy": {"endpoint_mode": "vip"}})
        failed = ground.deploy(name)
        assert failed.code != 0 and failed.last["error_code"] == "conflict", failed.output
    finally:
        m1.cli(["docker", "service", "rm", f"{name}_other"])


CONSTRAINTS = (
    "node.role == manager",
    "NODE.ROLE == Manager",
    "node.hostname == W1",
    "node.hostname != w1",
    "node.labels.Tier == GOLD",
    "node.labels.tier == gold",
    "node.labels.tier != gold",
    "node.platform.os == Linux",
    "node.platform.arch == x86_64",
    "node.platform.arch == amd64",
    "node.ip == {w1}",
    "node.ip == {w1}/32",
    "node.ip != 198.18.0.0/15",
    "node.ip == nonsense",
    "engine.labels.none == x",
    "engine.labels.none != x",
)


def test_constraints_mean_what_the_scheduler_makes_of_them(three, ground, name):
    """A service for each: where it is placed at all, a preflight has no word against it, and the other way round."""
    m1 = three.node("m1")
    m1.cli(["docker", "node", "update", "--label-add", "Tier=gold", "w1"])
    written = {f"c{n:02d}": text.format(w1=three.node("w1").address) for n, text in enumerate(CONSTRAINTS)}
    ids = {}
    try:
        ground.file(**{key: {"deploy": {"placement": {"constraints": [text]}}} for key, text in written.items()})
        refused = {
            service for code, service, _node in findings(ground.check(name, limit="m1")) if code == "constraints"
        }
        for key, text in written.items():
            container = {"Image": three.images["busybox"], "Command": ["sleep", "1d"]}
            template = {"ContainerSpec": container, "Placement": {"Constraints": [text]}}
            body = {"Name": f"{name}-{key}", "TaskTemplate": template}
            ids[m1.api("POST", "/services/create", body)["ID"]] = key
        verdicts, deadline = {}, time.monotonic() + 60
        while len(verdicts) < len(ids) and time.monotonic() < deadline:
            for task in m1.api("GET", "/tasks"):
                if task["ServiceID"] in ids and (task.get("NodeID") or task["Status"].get("Err")):
                    verdicts[ids[task["ServiceID"]]] = bool(task.get("NodeID"))
            time.sleep(0.1)
        placed = {written[key] for key, good in verdicts.items() if good}
        assert len(verdicts) == len(ids)
        assert placed == {text for key, text in written.items() if key not in refused}
        assert 0 < len(placed) < len(ids)
    finally:
        for service in ids:
            m1.api("DELETE", f"/services/{service}")
        m1.cli(["docker", "node", "update", "--label-rm", "Tier", "w1"])


def test_a_worker_alone_looks_at_itself(ground, name):
    ground.file(web={})
    played = ground.check(name, limit="w1")
    assert played.code == 0, played.output
    assert findings(played) == [("no_manager", "", "w1")]
    assert "are not checked" in one(played, "no_manager")["message"]
    assert "swarm_managers" in one(played, "no_manager")["hint"]


def test_an_engine_that_one_may_not_use(three, tmp_path):
    through = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    nobody = Ground(three, tmp_path, [*through, sys.executable])
    environment = {"ANSIBLE_PIPELINING": "true", "ANSIBLE_REMOTE_TEMP": "/tmp/.ansible-nobody"}
    played = nobody.play({"stack_preflight": {}}, limit="m1", environment=environment)
    assert played.code != 0
    assert played.last["error_code"] == "permission_denied", played.output
    assert "become" in one(played, "permission_denied")["hint"]


def test_bad_input(ground, name):
    ground.file(web={})
    nothing = ground.play({"stack_preflight": {}})
    assert nothing.code == 0, nothing.output
    assert {item["code"] for result in nothing.of() for item in result["findings"]} <= set(KERNEL)
    assert "stack" not in nothing.last
    wild = ground.check(f"{name}*", limit="m1")
    assert wild.code != 0 and wild.last["error_code"] == "invalid_name"
    named = ground.play({"stack_preflight": {"name": "*"}}, limit="m1")
    assert named.last["error_code"] == "invalid_name"
    negative = ground.check(name, limit="m1", min_free_mib=-1)
    assert negative.last["error_code"] == "invalid_options"
    ground.write("compose.yml", "services: {web: {imge: x}}\n")
    wrong = ground.check(name, limit="m1")
    assert wrong.last["error_code"] == "invalid_compose" and wrong.last["problems"]
    missing = ground.play({"stack_preflight": {"src": "nowhere.yml"}}, limit="m1")
    assert missing.last["error_code"] == "invalid_compose"
    full = ground.play({"stack_preflight": {"min_free_mib": 1_000_000_000}}, limit="w1")
    assert full.last["error_code"] == "disk_space", full.output


def test_a_host_that_is_in_no_swarm(three, ground, name):
    w2, m1 = three.node("w2"), three.node("m1")
    ground.file(web={})
    old = w2.api("GET", "/info")["Swarm"]["NodeID"]
    token = m1.api("GET", "/swarm")["JoinTokens"]["Worker"]
    w2.cli(["docker", "swarm", "leave"])
    try:
        played = ground.check(name)
        assert played.of("w2")[0]["error_code"] == "not_in_swarm", played.output
        assert [played.of(host)[0]["ok"] for host in ("m1", "w1")] == [True, True]
    finally:
        join = {"ListenAddr": "0.0.0.0:2377", "AdvertiseAddr": w2.address, "JoinToken": token}
        w2.api("POST", "/swarm/join", {**join, "RemoteAddrs": [f"{m1.address}:2377"]})
        m1.cli(["docker", "node", "rm", "-f", old])
        three.wait_ready()


def test_several_managers_of_one_cluster(bed, swarm, tmp_path):
    """One of them looks at the Swarm, the others find it done. Where the bed has one, it goes by two names."""
    hosts = {name: node.docker_host for name, node in bed.nodes.items() if node.role == "manager"}
    player = Player(tmp_path, hosts if len(hosts) > 1 else {"one": bed.docker_host, "two": bed.docker_host})
    placed = {"placement": {"constraints": ["node.labels.x == y"]}}
    service = {"image": bed.images["busybox"], "command": QUIET, "deploy": placed}
    player.write("compose.yml", json.dumps({"services": {"web": service}}))
    played = player.play({"stack_preflight": {"name": swarm.name, "src": "compose.yml"}})
    assert [code for code, _service, _node in findings(played)].count("constraints") == 1
    (leader,) = [host for host in player.hosts if "done_by" not in played.of(host)[0]]
    assert {played.of(host)[0].get("done_by", leader) for host in player.hosts} == {leader}
    assert played.of(leader)[0]["cluster"]["managers"] == len(hosts)
    assert [played.of(host)[0]["ok"] for host in player.hosts] == [False] * len(player.hosts)
    assert {played.of(host)[0]["error_code"] for host in player.hosts} == {"constraints"}
    assert {played.of(host)[0].get("stopped_by", leader) for host in player.hosts} == {leader}
