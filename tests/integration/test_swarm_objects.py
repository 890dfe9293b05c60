"""swarm_secret, swarm_config and swarm_network on a real engine: the twelve steps, and objects that are in use."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from core import Core
from playbook import Player

FILE = """
services:
  web:
    image: {image}
    command: sleep 1d
    stop_grace_period: 1s
    networks: [shared]
    secrets: [key]
secrets:
  key: {{external: true, name: {secret}}}
networks:
  shared: {{external: true, name: {network}}}
"""


@pytest.fixture
def player(bed, tmp_path):
    """Two names of one manager: one host of the play makes the object, the other finds it."""
    return Player(tmp_path, {"m1": bed.docker_host, "also": bed.docker_host})


def steps(play, first, second):
    """The twelve steps: ``first`` is created, ``second`` is what it becomes; the object's name after each."""
    gone = {"state": "absent"}
    assert play(first, check=True)["changed"]  # 1
    made = play(first)  # 2
    assert made["changed"]
    assert not play(first)["changed"] and not play(first, check=True)["changed"]  # 3, 4
    assert play(second, check=True)["changed"]  # 5
    new = play(second)  # 6
    assert new["changed"]
    assert not play(second)["changed"] and not play(second, check=True)["changed"]  # 7, 8
    assert play(gone, check=True)["changed"]  # 9
    assert play(gone, diff=True)["changed"]  # 10
    assert not play(gone)["changed"] and not play(gone, check=True)["changed"]  # 11, 12
    return made, new


def playing(player, module, name, outputs):
    def play(options, **how):
        run = player.play({module: {"name": name, **options}}, verbosity=4, **how)
        assert run.code == 0, run.output
        outputs.append(run.output)
        results = [line["result"] for line in run.lines]
        # Of a network that is recreated, one host may have removed the old one, and the other created the new one.
        most = 2 if how.get("check") or options.get("recreate") else 1
        assert sum(result["changed"] for result in results) <= most, run.output
        return next((result for result in results if result["changed"]), results[0])

    return play


@pytest.mark.parametrize("kind", ["secret", "config"])
def test_the_twelve_steps_of_contents(player, swarm, kind):
    outputs = []
    play = playing(player, f"swarm_{kind}", f"{swarm.name}-x", outputs)
    made, new = steps(play, {"data": "planted one\n"}, {"data": "planted two\n"})
    assert made["object_name"] != new["object_name"] and swarm.objects(f"{kind}s") == []
    assert "planted" not in "".join(outputs), "the content is shown nowhere"


def test_the_twelve_steps_of_a_network(player, swarm):
    outputs = []
    play = playing(player, "swarm_network", f"{swarm.name}-net", outputs)
    steps(play, {"attachable": True}, {"attachable": True, "internal": True, "recreate": True})


def test_what_is_in_use(player, swarm, bed, tmp_path):
    secret, network = f"{swarm.name}-key", f"{swarm.name}-net"
    tasks = [{"swarm_network": {"name": network}}, {"swarm_secret": {"name": secret, "data": "first content"}}]
    run = player.play(*tasks, limit="m1")
    assert run.code == 0, run.output
    old = run.last["object_name"]
    core = Core(bed.docker_host, swarm.name, tmp_path)
    try:
        core.deploy(FILE.format(image=bed.images["busybox"], secret=old, network=network), timeout=240)
        run = player.play(
            {"swarm_secret": {"name": secret, "data": "second content"}},
            {"swarm_secret": {"name": secret, "state": "absent"}, "ignore_errors": True},
            {"swarm_network": {"name": network, "state": "absent"}, "ignore_errors": True},
            {"swarm_network": {"name": network, "internal": True, "recreate": True}, "ignore_errors": True},
            limit="m1",
        )
        rotated, *refused = [line["result"] for line in run.lines]
        web = f"{swarm.name}_web"
        assert [(item["service"], item["version"]) for item in rotated["outdated"]] == [(web, old)]
        assert [result["error_code"] for result in refused] == ["in_use", "in_use", "network_differs"], run.output
        assert all(web in result["msg"] for result in refused)
        core.deploy(
            FILE.format(image=bed.images["busybox"], secret=rotated["object_name"], network=network), timeout=240
        )
        core.remove()
    finally:
        core.client.close()
    gone = [
        {"swarm_secret": {"name": secret, "state": "absent"}},
        {"swarm_network": {"name": network, "state": "absent"}},
    ]
    run = player.play(*gone, limit="m1")
    assert run.code == 0 and all(line["result"]["changed"] for line in run.lines), run.output
