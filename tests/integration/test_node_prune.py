"""node_prune on a real Engine: what nobody needs goes, and a rollback works while the registry is away."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parent))

from core import Core
from playbook import ROOT, Player

from ansible_collections.stackwright.swarm.plugins.module_utils.pruning.node import prune_node

FILE = """\
services:
  web:
    image: {image}
    command: sleep 1d
    stop_grace_period: 1s
"""
OPTIONS = {
    "containers": True,
    "images": "unused",
    "build_cache": True,
    "networks": True,
    "volumes": True,
    "older_than": 0,
    "disk_threshold": 0,
    "keep_images": [],
    "needed": None,
}


@pytest.fixture
def images(bed, swarm, tmp_path):
    """Three images of this test alone: two revisions of an application, and one that nobody needs."""
    made = []
    for word in ("one", "two", "three"):
        folder = tmp_path / word
        folder.mkdir()
        (folder / "word").write_text(f"{swarm.name} {word}")
        made.append(bed.images.from_folder(folder, f"{swarm.name}:{word}", {}, base="busybox", into="app"))
    return made


@pytest.fixture
def core(swarm, tmp_path):
    made = Core(swarm.docker_host, swarm.name, tmp_path)
    yield made
    made.client.close()


def test_what_nobody_needs_goes_and_a_rollback_needs_no_registry(bed, swarm, core, images, tmp_path):
    name, node, (one, two, three) = swarm.name, swarm.node, images
    core.deploy(FILE.format(image=one), resolve_image="always")
    core.deploy(FILE.format(image=two), resolve_image="always")
    swarm.wait_running(1)
    node.cli(["docker", "pull", three])
    node.cli(["docker", "create", "--name", f"{name}-ended", three, "true"])
    node.cli(["docker", "network", "create", f"{name}-net"])
    node.cli(["docker", "network", "create", "-d", "overlay", f"{name}-overlay"])
    node.cli(["docker", "volume", "create", f"{name}-data"])
    anonymous = node.cli(["docker", "volume", "create"]).stdout.strip()
    told = prune_node(core.client, OPTIONS, True)
    done = prune_node(core.client, OPTIONS, False)
    about = [(item["kind"], item["name"]) for item in done["removed"]]
    announced = [(item["kind"], item["name"]) for item in told["removed"]]
    # What tests before this one have left may still be on its way out.
    mine = [item for item in about if name in item[1] or item == ("volume", anonymous)]
    assert [item for item in announced if item in mine] == mine, done["left"]
    assert not [item for item in announced if name in item[1] and item not in mine]
    assert {("container", f"{name}-ended"), ("image", three), ("network", f"{name}-net")} <= set(about)
    assert ("volume", anonymous) in about and not [item for item in about if name in item[1] and "data" in item[1]]
    volumes = [volume["Name"] for volume in node.api("GET", "/volumes")["Volumes"]]
    assert f"{name}-data" in volumes and anonymous not in volumes
    assert [network["Name"] for network in swarm.objects("networks")].count(f"{name}-overlay") == 1
    names = str([image["RepoTags"] for image in node.api("GET", "/images/json")]) + str(
        [image["RepoDigests"] for image in node.api("GET", "/images/json")]
    )
    assert f"{name}:three" not in names
    again = prune_node(core.client, OPTIONS, False)
    assert [item for item in again["removed"] if name in item["name"]] == []
    registry = bed.registries["open"]
    registry.stop()
    try:
        core.back()
        (task,) = swarm.wait_running(1)
        word = node.cli(["docker", "exec", task["Status"]["ContainerStatus"]["ContainerID"], "cat", "/app/word"]).stdout
        assert word == f"{name} one"
    finally:
        registry.start()
        registry.wait_until_up()


def test_the_playbook_prunes_the_nodes_one_by_one(bed, swarm, tmp_path):
    name, node = swarm.name, swarm.node
    node.cli(["docker", "network", "create", f"{name}-net"])
    player = Player(tmp_path, {"m1": swarm.docker_host})
    extra = {"prune_older_than": "0", "prune_images": "none", "prune_hosts": "swarm_managers"}
    environment = {"DOCKER_HOST": swarm.docker_host}
    run = player.playbook(ROOT / "playbooks" / "prune.yml", variables=extra, environment=environment)
    assert run.code == 0, run.output
    assert f"network {name}-net" in run.output
    assert f"{name}-net" not in [network["Name"] for network in node.api("GET", "/networks")]


def test_a_node_that_fails_keeps_no_other_from_being_pruned(bed, swarm, tmp_path):
    """One whose host is lost, and one whose Engine does not answer. The run fails at the end, and names both."""
    name, node = swarm.name, swarm.node
    node.cli(["docker", "network", "create", f"{name}-net"])
    player = Player(tmp_path, {"a1": f"unix://{tmp_path}/nothing", "b1": "", "m1": swarm.docker_host})
    hosts = yaml.safe_load((tmp_path / "inventory.yml").read_text())
    away = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}
    hosts["swarm_managers"]["hosts"]["b1"].update(away)
    player.write("inventory.yml", yaml.safe_dump(hosts))
    plays = yaml.safe_load((ROOT / "playbooks" / "prune.yml").read_text())
    for play in plays:
        play["module_defaults"] = {"group/stackwright.swarm.swarm": {"docker_host": "{{ docker_host }}"}}
    extra = {"prune_older_than": "0", "prune_images": "none", "prune_hosts": "swarm_managers"}
    run = player.playbook(player.write("prune.yml", yaml.safe_dump(plays)), variables=extra)
    assert f"{name}-net" not in [network["Name"] for network in node.api("GET", "/networks")], run.output
    assert run.code != 0 and "\n  a1: No Engine answers" in run.last["msg"], run.output
    assert "\n  b1: Failed to connect" in run.last["msg"]
