"""A day over ssh and sudo, as most users have it: a plain user, who may not use the Engine's socket."""

import base64
import sys
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parent))

import over_ssh
from core import ON_HOST
from playbook import ROOT, Player
from testbed import for_tests

FILE = """
services:
  db:
    image: {image}
    command: sleep 1d
    stop_signal: SIGKILL
    environment: {{PASSWORD: "{{{{ generate_secure_password }}}}"}}
    volumes: ["data:/data"]
    healthcheck: {{test: [CMD-SHELL, "{test}"], interval: 1s, retries: 3}}
    deploy: {{placement: {{constraints: [node.labels.has-data == yes]}}, update_config: {{monitor: 1s}}}}
volumes: {{data: {{}}}}
"""
DATA = "the-orders-of-all-customers-of-2026"
PLAY = {"hosts": "swarm_managers:swarm_nodes", "gather_facts": False}


@pytest.fixture(scope="module")
def two():
    with for_tests.bed_for("ssh", managers=1, workers=1) as bed:
        yield bed


@pytest.fixture
def swarm(two, request):
    with for_tests.scope_for(two, request) as scope:
        yield scope


def encoded(text):
    """What base64 makes of a text that stands anywhere in a file, without its ends."""
    return [base64.b64encode(b" " * before + text.encode())[4:-4].decode() for before in range(3)]


def test_a_day_over_ssh_and_sudo(two, swarm, tmp_path):
    player, image = Player(tmp_path, {}), two.images["busybox"]
    player.write("inventory.yml", yaml.safe_dump(over_ssh.hosts_of(two, tmp_path)))
    m1, w1 = two.node("m1"), two.node("w1")
    own = over_ssh.inventory.own_folder(two)
    shots, copies = str(own / "snapshots"), str(own / "copies")

    def deploy(test="true", **how):
        src = player.write("compose.yml", FILE.format(image=image, test=test) + ON_HOST)
        options = {"name": swarm.name, "src": str(src), "rollout": {"timeout": 120}}
        label = {"name": "w1", "labels": {"has-data": "yes"}}
        tasks = [
            {"stackwright.swarm.swarm_node": label, "run_once": True},
            {"stackwright.swarm.compose_stack": options, "run_once": True},
        ]
        return player.playbook(player.write("deploy.yml", yaml.safe_dump([{**PLAY, "tasks": tasks}])), **how)

    def play(name, **variables):
        given = {f"{name}_{key}": value for key, value in {"stack": swarm.name, **variables}.items()}
        done = player.playbook(ROOT / f"playbooks/{name}.yml", variables=given, verbosity=3)
        assert done.code == 0 and "[ERROR]" not in done.output, done.output
        assert not any(part in done.output for part in (DATA, *encoded(DATA))), "an archive is shown at -vvv"
        return {line["task"] for line in done.lines if line["result"].get("changed")}

    def inside(node, *command):
        (container,) = node.cli(["docker", "ps", "-q", "-f", f"name={swarm.name}_db"]).stdout.split()
        return node.cli(["docker", "exec", container, *command]).stdout

    refused = deploy(variables={"ansible_become": False})
    assert refused.last["error_code"] == "permission_denied" and "become" in refused.output, refused.output
    would = deploy(check=True)
    assert would.last["changed"], would.output
    first = deploy(verbosity=3)
    assert first.code == 0 and first.last["changed"], first.output
    assert not deploy().last["changed"]
    inside(w1, "sh", "-c", f"echo {DATA} > /data/file")

    # Only the worker knows what the check says: it is asked over ssh, too.
    bad = deploy("echo no table orders; false", verbosity=3)
    assert bad.code != 0 and "no table orders" in bad.last["msg"], bad.output
    assert "Rolled back: 1 service restored" in bad.last["msg"]

    to = {"path": shots, "quiesce": "pause", "to_host": "m1", "to_path": copies}
    assert play("volume_snapshot", **to) == {"Take the snapshots", "Copy the snapshot"}
    assert play("volume_snapshot", **to) == set()
    # Root's own, and not for the user of the connection.
    assert m1.run(["find", copies, "(", "-perm", "/077", "-o", "!", "-user", "root", ")"]).stdout == ""

    moved = {"volume": "data", "to": "m1"}
    assert "Restore it on the new node" in play("volume_move", **moved)
    assert inside(m1, "cat", "/data/file") == f"{DATA}\n" and play("volume_move", **moved) == set()

    password = inside(m1, "sh", "-c", "echo $PASSWORD").strip()
    assert len(password) > 10 and not any(password in run.output for run in (first, bad))
    for node in (m1, w1):
        assert node.run(["find", f"{own}/home", "-type", "f", "!", "-path", "*/.ssh/*"]).stdout == ""
    gone = {"stackwright.swarm.stack_cleanup": {"name": swarm.name, "volumes": True}}
    whole = player.write("gone.yml", yaml.safe_dump([{**PLAY, "tasks": [gone]}]))
    cleaned, again = (player.playbook(whole) for _try in range(2))
    assert cleaned.code == again.code == 0, cleaned.output + again.output
    assert [any(line["result"]["changed"] for line in run.lines) for run in (cleaned, again)] == [True, False]
