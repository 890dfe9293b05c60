"""stack_health and stack_info against a real Swarm: also on a stack that docker's own command has deployed."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from playbook import Player

COMPOSE = """\
version: "3.8"
services:
  web:
    image: {image}
    command: httpd -f -p 8000
    stop_grace_period: 1s
    ports:
      - {{target: 8000, published: 18080, mode: host}}
    volumes: ["data:/data"]
    deploy: {{placement: {{constraints: [node.hostname == m1]}}}}
  nothing:
    image: {image}
    deploy: {{replicas: 0}}
volumes: {{data: {{}}}}
"""


@pytest.fixture
def player(bed, swarm, tmp_path):
    swarm.deploy(COMPOSE.format(image=bed.images["busybox"]))
    return Player(tmp_path, {"m1": bed.node("m1").docker_host})


def test_health_waits_and_says_how_each_service_is(player, swarm):
    run = player.play({"stack_health": {"name": swarm.name, "wait": True, "wait_timeout": 60}})
    assert run.code == 0, run.output
    statuses = {service["name"]: (service["status"], service["running"]) for service in run.last["services"]}
    assert statuses == {f"{swarm.name}_web": ("healthy", 1), f"{swarm.name}_nothing": ("asleep", 0)}
    assert run.last["healthy"]
    assert not run.last["changed"]


def test_health_of_a_stack_that_is_not_there(player, swarm):
    look = player.play({"stack_health": {"name": swarm.name + "x"}})
    assert look.code == 0, look.output
    assert (look.last["exists"], look.last["healthy"], look.last["status"]) == (False, False, "unknown")
    wait = player.play({"stack_health": {"name": swarm.name + "x", "wait": True}})
    assert wait.code == 2
    assert wait.last["error_code"] == "not_found"


def test_info_shows_one_stack_with_all_that_belongs_to_it(player, bed, swarm):
    run = player.play(
        {"stack_health": {"name": swarm.name, "wait": True, "wait_timeout": 60}}, {"stack_info": {"name": swarm.name}}
    )
    assert run.code == 0, run.output
    (stack,) = run.last["stacks"]
    assert stack["name"] == swarm.name
    assert stack["status"] == "healthy"
    assert stack["volumes"] == [f"{swarm.name}_data"]
    assert [network["name"] for network in stack["networks"]] == [f"{swarm.name}_default"]
    web = next(service for service in stack["services"] if service["name"].endswith("_web"))
    assert web["ports"] == [{"published": 18080, "target": 8000, "protocol": "tcp", "mode": "host"}]
    assert web["image_asked"] == bed.images["busybox"]
    assert [(task["state"], task["node"]) for task in web["tasks"]] == [("running", "m1")]


def test_info_shows_all_stacks_in_check_mode_too(player, swarm):
    run = player.play({"stack_info": {}}, check=True)
    assert run.code == 0, run.output
    assert swarm.name in [stack["name"] for stack in run.last["stacks"]]
    assert run.last["calls"] <= 8
