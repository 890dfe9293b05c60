"""Every rulebook of the collection with the real ansible-rulebook on a real Swarm."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parent))

from playbook import Player
from rulebook import Rulebook
from test_deploy_webhook import TOKEN, ask, free_port, token_is, until_listening

FILE = """\
services:
  web:
    image: {image}
    command: sleep {sleep}
    stop_grace_period: 1s
"""


@pytest.fixture
def player(swarm, tmp_path):
    return Player(tmp_path, {"m1": swarm.docker_host})


@pytest.fixture
def rulebook(swarm, tmp_path, player):
    made = []

    def run(name, **variables):
        inventory = tmp_path / "inventory.yml"
        book = Rulebook(tmp_path, f"stackwright.swarm.{name}", inventory, variables, DOCKER_HOST=swarm.docker_host)
        made.append(book)
        return book

    yield run
    for book in made:
        book.end()
        assert not any("Traceback" in line for line in book.lines), "\n".join(book.lines[-40:])


def command_of(swarm, service):
    (found,) = swarm.node.api("GET", f'/services?filters={{"name":["{service}"]}}')
    return found["Spec"]["TaskTemplate"]["ContainerSpec"]["Args"]


def test_redeploy_on_request(bed, swarm, player, rulebook):
    name = swarm.name
    src = player.write("app/compose.yml", FILE.format(image=bed.images["busybox"], sleep="${FOR:-1d}"))
    token_is(player, name, TOKEN)
    port = free_port()
    stacks = {"shop": {"name": name, "src": str(src), "variables": ["FOR"]}}
    book = rulebook("redeploy", redeploy_stacks=stacks, redeploy_port=port, redeploy_managers=[swarm.docker_host])
    until_listening(port)
    assert ask(port, "/shop", "wrong", {"variables": {"FOR": "2d"}})[0] == 401
    assert ask(port, "/shop", TOKEN, {"variables": {"FOR": "3d"}})[0] == 202
    book.until(r"PLAY RECAP")
    assert command_of(swarm, f"{name}_web") == ["sleep", "3d"], "\n".join(book.lines)


def test_heal(bed, swarm, player, rulebook):
    name = f"acme-test-{swarm.name}"
    src = player.write("app/compose.yml", FILE.format(image=bed.images["busybox"], sleep="1d"))
    stack = {"name": swarm.name, "project": "acme", "environment": "test"}
    assert player.play({"compose_stack": {**stack, "src": str(src)}}).code == 0
    try:
        book = rulebook("heal", heal_managers=[swarm.docker_host], heal_stacks=[name])
        for number in range(300):
            swarm.node.cli(["docker", "service", "update", "-d", "--env-add", f"BY_HAND={number}", f"{name}_web"])
            if book.saw(r"PLAY \[", 1):
                break
        book.until("PLAY RECAP")
        (service,) = swarm.node.api("GET", f'/services?filters={{"name":["{name}_web"]}}')
        assert "Env" not in service["Spec"]["TaskTemplate"]["ContainerSpec"], "\n".join(book.lines)
    finally:
        player.play({"compose_stack": {**stack, "state": "absent"}})


def test_clean_up(bed, swarm, player, rulebook, tmp_path):
    """A check cleans up; and so does a task that finds no space."""
    name, old = swarm.name, f"{swarm.name}-old"
    inventory = yaml.safe_load((tmp_path / "inventory.yml").read_text())
    inventory["swarm_managers"]["vars"].update(prune_hosts="m1", prune_older_than=0, prune_images="none")
    player.write("inventory.yml", yaml.safe_dump(inventory))
    swarm.node.cli(["docker", "network", "create", old])
    book = rulebook("clean_up", clean_up_managers=[swarm.docker_host], clean_up_threshold=1, clean_up_every=100000)
    book.until(f"network {old}")
    book.until("PLAY RECAP")
    swarm.node.cli(["docker", "network", "create", old])
    # A mount of what is not there fails in the same way: with a sentence of the Engine.
    mount = "type=bind,src=/no space left on device,dst=/x"
    image = bed.images["busybox"]
    swarm.node.cli(
        ["docker", "service", "create", "-d", "--name", f"{name}_full", "--mount", mount, image, "sleep", "1d"]
    )
    try:
        book.until(f"network {old}", 2)
    finally:
        swarm.node.cli(["docker", "service", "rm", f"{name}_full"])


def test_evidence(bed, swarm, player, rulebook, receiver, tmp_path):
    """A container that dies is told, and what it said is kept."""
    url, got = receiver
    text = FILE.replace("sleep {sleep}", "sh -c 'echo last words {{{{ 1 + 1 }}}} PASSWORD=planted-value-9; sleep 1d'")
    src = player.write("app/compose.yml", text.format(image=bed.images["busybox"]))
    assert player.play({"compose_stack": {"name": swarm.name, "src": str(src)}}).code == 0
    folder = tmp_path / "kept"
    folder.mkdir()
    given = {"evidence_managers": [swarm.docker_host], "evidence_folder": str(folder), "evidence_stacks": [swarm.name]}
    book = rulebook("evidence", **given, evidence_notify=[{"url": url}])
    for _number in range(300):
        (task,) = swarm.wait_running(1)
        swarm.node.cli(["docker", "kill", task["Status"]["ContainerStatus"]["ContainerID"]], check=False)
        if book.saw(r"PLAY \[", 2):
            break
    told = got.first(120)
    book.until("PLAY RECAP")
    (file,) = folder.iterdir()
    kept = json.loads(file.read_text())
    assert file.stat().st_mode & 0o777 == 0o600 and kept["event"]["exit_code"] == 137
    assert "last words {{ 1 + 1 }}" in kept["log"] and kept["health"]["stack"] == swarm.name
    assert told["title"] == f"{swarm.name}: {swarm.name}_web failed" and str(file) in told["lines"]
    assert "planted-value" not in file.read_text() + json.dumps(told) + "".join(book.lines)


def test_autoscale(bed, swarm, player, rulebook):
    name = swarm.name
    text = FILE.format(image=bed.images["busybox"], sleep="1d") + "    deploy: {labels: {stackwright.autoscale: 1-5}}\n"
    src = player.write("app/compose.yml", text)
    assert player.play({"compose_stack": {"name": name, "src": str(src)}}).code == 0
    given = {"autoscale_stack": name, "autoscale_hosts": "swarm_managers", "autoscale_every": 100000}
    given.update(autoscale_command="echo 25", autoscale_target=10, autoscale_up_after=0, autoscale_seconds=0.1)
    book = rulebook("autoscale", **given)
    book.until("PLAY RECAP")
    (service,) = swarm.node.api("GET", f'/services?filters={{"name":["{name}_web"]}}')
    assert service["Spec"]["Mode"]["Replicated"]["Replicas"] == 3, "\n".join(book.lines)
