"""``rollout.pull: before`` on two real nodes: what a node can't pull is found before anything changes."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[1])]

from core import ON_HOST, Core
from test_node_prune import OPTIONS as PRUNE
from test_transaction import Died
from testbed import for_tests

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import DeployError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.connection import Connection
from ansible_collections.stackwright.swarm.plugins.module_utils.pruning.needs import read_needs
from ansible_collections.stackwright.swarm.plugins.module_utils.pruning.node import prune_node

BEFORE = {"pull": "before", "resolve_image": "changed"}
SERVICE = """\
  {key}:
    image: {image}
    command: sleep 1d
    stop_grace_period: 1s
    deploy: {{replicas: 1, placement: {{constraints: [{place}]}}}}
"""
ANYWHERE = "node.platform.os == linux"


@pytest.fixture(scope="module")
def pair():
    with for_tests.bed_for("pair", keep=True, managers=1, workers=1) as made:
        yield made


@pytest.fixture
def swarm(pair, request):
    with for_tests.scope_for(pair, request) as scope:
        yield scope


@pytest.fixture
def core(pair, swarm, tmp_path):
    made = Core(pair.node("m1").docker_host, swarm.name, tmp_path)
    yield made
    made.client.close()


@pytest.fixture
def images(pair, swarm, tmp_path):
    """Two images of this test alone. Both end at once: what runs is the service's command."""
    made = []
    for word in ("one", "two"):
        folder = tmp_path / word
        folder.mkdir()
        (folder / "word").write_text(f"{swarm.name} {word}")
        made.append(pair.images.from_folder(folder, f"{swarm.name}:{word}", {}, base="busybox", into="app"))
    return made


def file(services, place=ANYWHERE):
    """A Compose file of these services, each with its image."""
    return (
        ON_HOST + "services:\n" + "".join(SERVICE.format(key=key, image=services[key], place=place) for key in services)
    )


def tags(node):
    """The images of a node, as NAME:TAG or NAME@DIGEST."""
    found = node.api("GET", "/images/json")
    return {name for image in found for name in (*(image["RepoTags"] or ()), *(image["RepoDigests"] or ()))}


def has(node, image):
    return any(name.startswith((f"{image}@", image)) or _digest_of(node, image) in name for name in tags(node))


def _digest_of(node, image):
    answer = node.api("GET", f"/distribution/{image}/json")
    return answer["Descriptor"]["digest"]


def left(swarm):
    """The jobs that pull."""
    return [name for name in versions(swarm) if "-pull-" in name]


def versions(swarm):
    return {service["Spec"]["Name"]: service["Version"]["Index"] for service in swarm.objects("services")}


def test_a_missing_tag_in_one_of_ten_services_touches_none(pair, swarm, core, images):
    one, two = images
    missing = two.rpartition(":")[0] + ":missing"
    keys = [f"s{number}" for number in range(10)]
    core.deploy(file(dict.fromkeys(keys, one)), resolve_image="changed")
    swarm.wait_running(10)
    was, history = versions(swarm), core.history()
    lines = []
    with pytest.raises(DeployError) as caught:
        core.deploy(file({**dict.fromkeys(keys, two), "s7": missing}), **BEFORE, progress=lines.append)
    error = caught.value
    assert error.error_code == "image_not_found"
    for word in (f"{swarm.name}_s7", missing, "on node", "nothing was changed"):
        assert word in error.message, error.message
    assert {(one["service"], one["image"]) for one in error.details["failures"]} == {(f"{swarm.name}_s7", missing)}
    assert {one["node"] for one in error.details["failures"]} <= {"m1", "w1"}
    assert "pulling 2 images on 2 nodes before the first change" in lines
    assert versions(swarm) == was
    assert core.history() == history
    assert left(swarm) == []
    # The other image is there for the next attempt.
    assert has(pair.node("w1"), two) and has(pair.node("m1"), two)


def test_a_rollback_on_every_node_after_a_prune_needs_no_registry(pair, swarm, core, images):
    one, two = images
    core.deploy(file({"web": one}), **BEFORE)
    core.deploy(file({"web": two}), **BEFORE)
    swarm.wait_running(1)
    needed = read_needs(core.client)
    for node in pair.nodes.values():
        client = EngineClient(Connection(docker_host=node.docker_host, timeout=60))
        prune_node(client, {**PRUNE, "needed": None if node.name == "m1" else needed}, False)
        client.close()
    registry = pair.registries["open"]
    registry.stop()
    try:
        core.back()
        seen = set()
        for node in pair.nodes.values():
            # Wherever Swarm puts the task from now on, the image is there.
            core.bring(core.compile(file({"web": one}, f"node.hostname == {node.name}")), pull="on_start")
            (task,) = swarm.wait_running(1)
            container = task["Status"]["ContainerStatus"]["ContainerID"]
            seen.add((node.name, node.cli(["docker", "exec", container, "cat", "/app/word"]).stdout))
        assert seen == {("m1", f"{swarm.name} one"), ("w1", f"{swarm.name} one")}
    finally:
        registry.start()
        registry.wait_until_up()


def test_only_the_nodes_that_may_run_it_and_only_new_images_are_pulled(pair, swarm, core, images):
    one, two = images
    lines = []
    core.deploy(file({"web": one}, "node.hostname == w1"), **BEFORE, progress=lines.append)
    assert "pulling 1 image on 1 node before the first change" in lines and f"pulled {one}" in "\n".join(lines)
    assert has(pair.node("w1"), one) and f"{swarm.name}:one" not in str(tags(pair.node("m1")))
    lines.clear()
    other = file({"web": one}, "node.hostname == w1").replace("sleep 1d", "sleep 2d")
    core.deploy(other, **BEFORE, progress=lines.append)
    assert not [line for line in lines if "pull" in line]


def test_a_run_that_dies_leaves_jobs_that_the_next_one_removes(pair, swarm, core, images):
    one, _two = images
    dead = []

    def dies(method, path):
        if dead or (method == "GET" and path == "/tasks" and left(swarm)):
            dead.append(path)
            raise Died

    core.transport.before = dies
    with contextlib.suppress(Died):
        core.deploy(file({"web": one}), **BEFORE)
    core.transport.before = lambda method, path: None
    assert left(swarm) and not [name for name in versions(swarm) if name.endswith("_web")]
    lines = []
    core.deploy(file({"web": one}), is_gone=lambda holder: True, progress=lines.append)
    assert left(swarm) == [] and any("interrupted run that pulled images" in line for line in lines)


def test_an_interrupt_removes_the_jobs(pair, swarm, core, images):
    one, _two = images

    def interrupt(method, path):
        if method == "GET" and path == "/tasks" and left(swarm):
            core.transport.before = lambda method, path: None
            raise KeyboardInterrupt

    core.transport.before = interrupt
    with pytest.raises(KeyboardInterrupt):
        core.deploy(file({"web": one}), **BEFORE)
    assert versions(swarm) == {}
