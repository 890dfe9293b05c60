"""stack_cleanup on one manager and two workers: nothing is left, and what can't go is told.

STACKWRIGHT_LONG=1 makes the figure of docs/guides/cleanup.md: 20 rounds of absent, then present.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import pytest
import yaml

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[1])]

from core import Core
from playbook import Player
from testbed import for_tests
from testbed.commands import wait_for

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.option_specs import CLEANUP
from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import SystemClock
from ansible_collections.stackwright.swarm.plugins.module_utils.request.options import with_defaults
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.cleanup import clean_cluster

ROUNDS = 20 if os.environ.get("STACKWRIGHT_LONG") == "1" else 4
NAMESPACE = "com.docker.stack.namespace"
QUIET = "sh -c 'trap exit TERM; sleep 1d & wait'"
FILE = """
services:
  web:
    image: {image}
    command: {command}
    stop_grace_period: 1s
    volumes: [data:/data, kept:/kept]
    configs: [page]
    networks: [inner]
    deploy: {{mode: global, placement: {{constraints: [node.role == worker]}}}}
  db:
    image: {image}
    command: {command}
    stop_grace_period: 1s
    secrets: [password]
    deploy: {{placement: {{constraints: [node.role == manager]}}}}
networks:
  inner: {{attachable: true}}
configs:
  page: {{content: hello}}
secrets:
  password: {{file: secret}}
volumes:
  data:
  kept: {{external: true}}
"""


@pytest.fixture(scope="module")
def three():
    with for_tests.bed_for("cleanup", workers=2) as bed:
        yield bed


@pytest.fixture
def name(three, request):
    with for_tests.scope_for(three, request, longest=22) as scope:
        yield scope.name


@pytest.fixture
def player(three, tmp_path):
    hosts = {node: three.node(node).docker_host for node in ("m1", "w1", "w2")}
    text = FILE.format(image=three.images["busybox"], command=json.dumps(QUIET))
    return Player(tmp_path, hosts, {"compose.yml": text, "secret": "hush"})


def deploy(name, **options):
    return {"compose_stack": {"name": name, "src": "compose.yml", "rollout": {"stable_for": 0.2}, **options}}


def clean(name, **options):
    return {"stack_cleanup": {"name": name, **options}}


def deployed(player, *names):
    for name in names:
        run = player.play(deploy(name), limit="m1")
        assert run.code == 0, run.output


def residue(played):
    return sorted(
        (item["kind"], item["name"], item["node"], item["reason"])
        for result in played.of()
        for item in result.get("residue", [])
    )


def removed(played):
    return sorted((i["kind"], i["name"], i["node"]) for result in played.of() for i in result.get("removed", []))


def volumes(three, name):
    """(node, volume) of a stack, by its label, as each Engine has it."""
    found = set()
    for node in three.nodes.values():
        for volume in node.api("GET", "/volumes")["Volumes"] or []:
            if (volume["Labels"] or {}).get(NAMESPACE) == name:
                found.add((node.name, volume["Name"]))
    return found


def left(three, name):
    """Whatever any Engine has that carries a label or a name of the stack."""
    manager, found = three.node("m1"), []
    for path in ("services", "networks", "configs", "secrets"):
        for obj in manager.api("GET", f"/{path}"):
            spec = obj.get("Spec", obj)
            labels = spec.get("Labels") or {}
            if name in (labels.get(NAMESPACE), labels.get("stackwright.stack")):
                found.append((path, spec["Name"]))
    for node in three.nodes.values():
        for container in node.api("GET", "/containers/json?all=1"):
            if container["Labels"].get(NAMESPACE) == name:
                found.append((node.name, container["Names"][0]))
        found += [(node.name, n["Name"]) for n in node.api("GET", "/networks") if n["Name"].startswith(name + "_")]
    return found + sorted(volumes(three, name))


def test_nothing_is_left_on_three_nodes(three, player, name):
    deployed(player, name)
    assert volumes(three, name) == {("w1", f"{name}_data"), ("w2", f"{name}_data")}
    shown = player.play(clean(name, volumes=True), check=True, diff=True)
    assert shown.code == 0, shown.output
    assert volumes(three, name), "check mode removes nothing"
    done = player.play(clean(name, volumes=True), diff=True)
    assert done.code == 0, done.output
    assert left(three, name) == []
    assert removed(done) == removed(shown)
    assert ("volume", f"{name}_data", "w2") in removed(done) and ("service", f"{name}_web", "") in removed(done)
    assert [result.get("done_by") for result in (done.of("m1")[0], done.of("w1")[0])] == [None, "m1"]
    for node in ("w1", "w2"):
        assert "kept" in [v["Name"] for v in three.node(node).api("GET", "/volumes")["Volumes"]], "external ones stay"
    again = player.play(clean(name, volumes=True), diff=True)
    assert again.code == 0 and not any(result["changed"] for result in again.of()), again.output
    assert residue(again) == []


NOT_SERVED = "no host of the play cleaned up this node; run it with hosts: m1:w1:w2"


def test_what_a_stopped_worker_has_is_residue(three, player, name):
    deployed(player, name)
    three.kill("w2")
    deadline = time.monotonic() + 60
    while three.node("m1").api("GET", "/nodes/w2")["Status"]["State"] != "down" and time.monotonic() < deadline:
        time.sleep(0.2)
    done = player.play(clean(name, volumes=True))
    assert done.code != 0
    assert done.of("m1")[0]["error_code"] == "residue", done.output
    assert not done.of("w1")[0].get("failed"), done.output
    assert done.of("w2")[0]["error_code"] == "daemon_unreachable" and "received" not in done.of("w2")[0]
    assert residue(done) == [("volume", f"{name}_data", "w2", "the node w2 is down")]
    again = player.play(clean(name, volumes=True, ignore_residue=True))
    assert again.code == 0, again.output
    three.start("w2")
    three.wait_ready()
    last = player.play(clean(name, volumes=True))
    assert last.code == 0, last.output
    assert left(three, name) == []
    assert [e for e in removed(last) if e[0] == "volume"] == [("volume", f"{name}_data", "w2")]


def test_a_node_that_no_host_of_the_play_is(three, player, name):
    deployed(player, name)
    done = player.play(clean(name, volumes=True), limit="m1,w1")
    assert done.code != 0
    assert residue(done) == [("volume", f"{name}_data", "w2", NOT_SERVED)]
    # Its agent removes the container some time after Swarm has removed the task.
    wait_for("only the volume to be left", lambda: left(three, name) == [("w2", f"{name}_data")], 60)
    assert player.play(clean(name, volumes=True)).code == 0
    assert left(three, name) == []


def whole_play(player, name, hosts, serial=0, **options):
    """A play in an order, or batches, that ours do not have."""
    play = {
        "hosts": hosts,
        "order": "inventory",
        "gather_facts": False,
        "module_defaults": {"group/stackwright.swarm.swarm": {"docker_host": "{{ docker_host }}"}},
        "tasks": [{"stackwright.swarm.stack_cleanup": {"name": name, "volumes": True, **options}}],
    }
    if serial:
        play["serial"] = serial
    return player.write(f"whole-{len(list(player.folder.iterdir()))}.yml", yaml.safe_dump([play]))


def test_workers_before_the_manager_keep_what_they_have(three, player, name):
    deployed(player, name)
    before = volumes(three, name)
    alone = player.playbook(whole_play(player, name, "w1,w2"))
    assert alone.code != 0 and volumes(three, name) == before
    assert {result["error_code"] for result in alone.of()} == {"no_manager"}, alone.output
    last = player.playbook(whole_play(player, name, "w1:m1:w2", serial=1))
    assert last.of("w1")[0]["error_code"] == "no_manager", last.output
    narrow = player.playbook(whole_play(player, name, "w1:w2:m1"), environment={"ANSIBLE_FORKS": "1"})
    assert narrow.of("w1")[0].get("error_code") == "no_manager", narrow.output
    assert "raise forks" in narrow.of("w1")[0]["msg"]
    assert volumes(three, name) == before
    done = player.playbook(whole_play(player, name, "m1:w1:w2", serial=1), environment={"ANSIBLE_FORKS": "1"})
    assert done.code == 0, done.output
    assert volumes(three, name) == set()
    # Of those who came last, none could give the lock back: a process on the manager does.
    wait_for("the last lease to end", lambda: left(three, name) == [], 90)


def test_what_a_job_has_left_does_not_keep_it_up(three, player, name):
    job = {
        "image": three.images["busybox"],
        "command": ["sh", "-c", "echo done > /data/done"],
        "volumes": ["data:/data"],
    }
    job["deploy"] = {"mode": "global-job", "restart_policy": {"condition": "none"}}
    text = {"services": {"migrate": job}, "volumes": {"data": {}}}

    def deployed_and_gone(clean_up):
        done = player.play(deploy(name, src=None, definition=text, project_directory=str(player.folder)), limit="m1")
        assert done.code == 0, done.output
        start = time.monotonic()
        cleaned = clean_up()
        assert cleaned.code == 0, cleaned.output
        assert left(three, name) == [] and time.monotonic() - start < 150, "the time limit is twice that"

    deployed_and_gone(lambda: player.play(clean(name, volumes=True)))

    def somebody_was_faster():
        three.node("m1").api("DELETE", f"/services/{name}_migrate")
        return player.play(clean(name, volumes=True))

    deployed_and_gone(somebody_was_faster)


def test_what_others_use_stays_and_is_named(three, player, name):
    deployed(player, name)
    w1 = three.node("w1")
    image = three.images["busybox"]
    w1.cli(["docker", "run", "-d", "--name", f"{name}-sitter", "--network", f"{name}_inner", image, "sleep", "1d"])
    w1.cli(["docker", "run", "-d", "--name", f"{name}-reader", "-v", f"{name}_data:/d", image, "sleep", "1d"])
    three.node("w2").cli(["docker", "volume", "create", f"{name}_mine"])
    try:
        checked = player.play(clean(name, volumes=True), check=True)
        assert ("volume", f"{name}_data", "w1", f"in use by container {name}-reader") in residue(checked)
        done = player.play(clean(name, volumes=True, volume_names=["mine"]))
        assert done.code != 0
        found = residue(done)
        assert len(found) == 2, found
        assert found[0][:3] == ("network", f"{name}_inner", "")
        assert found[0][3].startswith("in use by container ") and found[0][3].endswith(" on the node w1")
        assert found[1] == ("volume", f"{name}_data", "w1", f"in use by container {name}-reader")
        named = player.play(clean(name, volume_names=["mine"], networks=False))
        assert residue(named) == [("volume", f"{name}_mine", "w2", f"it has no label of {name}")]
    finally:
        w1.cli(["docker", "rm", "-f", f"{name}-sitter", f"{name}-reader"])
    again = player.play(clean(name, volumes=True))
    assert again.code == 0, again.output
    assert left(three, name) == []
    three.node("w2").cli(["docker", "volume", "rm", f"{name}_mine"])


def test_names_that_are_almost_the_same(three, player, name):
    other = name + "x"
    deployed(player, name, other)
    upper = player.play(clean(name.upper(), volumes=True))
    assert upper.code == 0 and not any(result["changed"] for result in upper.of())
    assert (
        f"This Swarm has no stack {name.upper()}, but {name}: names are case-sensitive."
        in upper.of("m1")[0]["warnings"]
    )
    wild = player.play(clean(name[:-2] + "*", volumes=True), limit="m1")
    assert wild.last["error_code"] == "invalid_name"
    volume = player.play(clean(name, volume_names=["*"]), limit="m1")
    assert volume.last["error_code"] == "invalid_name"
    missing = player.play(clean("no-such-stack", volumes=True), limit="m1")
    assert missing.code == 0 and missing.last["notices"] == ["This Swarm has no resources of a stack no-such-stack."]
    foreign = player.play(clean(name, services=False, networks=False, volume_names=[f"{other}_data"]))
    assert ("volume", f"{other}_data", "w1", f"it belongs to the stack {other}") in residue(foreign)
    before = left(three, other)
    done = player.play(clean(name, volumes=True))
    assert done.code == 0, done.output
    assert left(three, name) == []
    assert left(three, other) == before
    assert player.play(clean(other, volumes=True)).code == 0
    assert left(three, other) == []


def test_each_part_is_an_option(three, player, name):
    deployed(player, name)
    kinds = {"services": False, "networks": False, "configs": False, "secrets": False, "history": False}
    nothing = player.play(clean(name, **kinds))
    assert nothing.code == 0 and not any(result["changed"] for result in nothing.of())
    history = player.play(clean(name, **{**kinds, "history": True}), limit="m1")
    assert {entry["kind"] for entry in history.last["removed"]} == {"revision"}
    in_use = player.play(clean(name, **{**kinds, "networks": True, "secrets": True}), limit="m1")
    assert [entry[:2] for entry in residue(in_use)] == [
        ("network", f"{name}_default"),
        ("network", f"{name}_inner"),
        ("secret", in_use.last["residue"][-1]["name"]),
    ]
    assert f"in use by service {name}_db" in in_use.last["msg"]
    services = player.play(clean(name, history=False, networks=False), limit="m1")
    assert services.code == 0, services.output
    shown = player.play({"stack_info": {"name": name, "history": True}}, limit="m1").last["stacks"][0]
    assert [revision["status"] for revision in shown["revisions"]] == ["REMOVED"]
    assert sorted(n["name"] for n in shown["networks"]) == [f"{name}_default", f"{name}_inner"]
    rest = player.play(clean(name, volumes=True, images=True))
    assert rest.code == 0 and left(three, name) == [], rest.output


def test_only_what_nothing_needs_any_more(three, player, name):
    image = three.images["busybox"]
    text = yaml.safe_load(FILE.format(image=image, command=json.dumps(QUIET)))
    deployed(player, name)
    text["configs"]["page"]["content"] = "hello again"
    text["services"]["web"]["volumes"] = ["new:/data"]
    text["volumes"]["new"] = {}
    assert (
        player.play(deploy(name, src=None, definition=text, project_directory=str(player.folder)), limit="m1").code == 0
    )
    quiet = player.play(clean(name, dangling=True, volumes=True))
    assert quiet.code == 0 and not any(result["changed"] for result in quiet.of()), quiet.output
    w1 = three.node("w1")
    w1.cli(["docker", "volume", "create", "--label", f"{NAMESPACE}={name}", f"{name}_old"])
    three.node("m1").cli(
        ["docker", "network", "create", "-d", "overlay", "--label", f"{NAMESPACE}={name}", f"{name}_old"]
    )
    for check in (True, False):
        found = player.play(clean(name, dangling=True, volumes=True), check=check)
        assert removed(found) == [("network", f"{name}_old", ""), ("volume", f"{name}_old", "w1")], found.output


def test_absent_and_present_at_once(three, player, name):
    """The networks of a stack are let go of late; a deployment right after does not trip over that.

    A round takes 6 s, of which 4 are Swarm's own until the tasks have ended.
    """
    core = Core(three.node("m1").docker_host, name, player.folder)
    text = (player.folder / "compose.yml").read_text()
    options = with_defaults(
        {**{key: option.get("default") for key, option in CLEANUP.items()}, "timeout": 60, "seen": (), "others": False}
    )
    for number in range(ROUNDS):
        assert core.deploy(text, stable_for=0)["status"] == "healthy"
        if number % 2:
            assert core.remove()["changed"]
        else:
            done = clean_cluster(core.client, SystemClock, name, options)
            assert done["changed"] and done["residue"] == []
    core.client.close()
    assert player.play(clean(name, volumes=True)).code == 0
    assert left(three, name) == []


def test_the_playbook(three, player, name):
    deployed(player, name)
    playbook = Path(__file__).resolve().parents[2] / "playbooks" / "cleanup.yml"
    variables = {"stack_name": name, "stack_remove_volumes": True, "stack_hosts": "m1", "stack_ignore_residue": True}
    environment = {"DOCKER_HOST": three.node("m1").docker_host}
    for confirmed in ({}, {"stack_confirm": ""}, {"stack_confirm": name[:-1]}, {"stack_confirm": name.upper()}):
        refused = player.playbook(playbook, variables={**variables, **confirmed}, environment=environment)
        assert refused.code != 0 and "Nothing was removed" in refused.output, refused.output
    assert volumes(three, name) == {("w1", f"{name}_data"), ("w2", f"{name}_data")}
    assert player.playbook(playbook, check=True, variables=variables, environment=environment).code == 0
    variables["stack_confirm"] = name
    done = player.playbook(playbook, variables=variables, environment=environment)
    assert done.code == 0, done.output
    assert f"service {name}_web" in done.output
    assert f"volume {name}_data on w1: no host of the play cleaned up this node" in done.output
    assert player.play(clean(name, volumes=True)).code == 0
    assert left(three, name) == []
