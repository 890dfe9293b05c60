"""Every rulebook of the collection with the real ansible-rulebook on a real Swarm."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

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
