"""A private registry and tags that move, through ansible-playbook: what a user sees, and what runs."""

import base64
import json
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from playbook import Player
from testbed import for_tests, images

COMPOSE = """\
services:
  web:
    image: {image}
    command: httpd -f -p 8000
    stop_grace_period: 1s
    deploy: {{endpoint_mode: dnsrr, update_config: {{parallelism: 0, monitor: 10ms}}}}
"""


@pytest.fixture(scope="module")
def bed():
    if os.geteuid() != 0:
        pytest.skip("the test bed needs root: it starts engines")
    with for_tests.bed_for("registry", keep=True, registries=("open", "auth")) as made:
        yield made


@pytest.fixture
def player(bed, swarm, tmp_path):
    return Player(tmp_path, {"m1": bed.node("m1").docker_host})


@pytest.fixture
def private(bed, player, swarm):
    """An image that no node has, in the registry that asks for a password; its Compose file."""
    image = bed.images.publish(images.build("busybox"), f"{swarm.name}:1", registry="auth")
    for one in bed.node("m1").api("GET", "/images/json"):
        if image in (one.get("RepoTags") or []) or any(image.rpartition(":")[0] in d for d in one["RepoDigests"] or []):
            bed.node("m1").api("DELETE", f"/images/{one['Id']}?force=1")
    player.write("compose.yml", COMPOSE.format(image=image))
    return image


def task(stack, timeout=40, **options):
    return {"compose_stack": {"name": stack, "src": "compose.yml", "rollout": {"timeout": timeout}, **options}}


def image_of(swarm, service="web"):
    (found,) = (s for s in swarm.objects("services") if s["Spec"]["Name"] == f"{swarm.name}_{service}")
    return found["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"]


def credentials(bed):
    registry = bed.registries["auth"]
    return {"registry": registry.address, "username": registry.user, "password": registry.password}


def test_without_credentials_the_run_fails_early_and_says_why(player, private, swarm):
    run = player.play(task(swarm.name, timeout=120))
    assert run.code == 2
    assert run.last["error_code"] == "registry_auth"
    assert private.split("@")[0] in run.last["msg"]
    assert "registry_auth" in run.last["msg"], "the hint names the option"
    assert run.last["outcome"]["done"]
    assert "Traceback" not in run.output


def test_an_image_that_is_not_there(player, bed, swarm):
    player.write("compose.yml", COMPOSE.format(image=f"{bed.registries['open'].address}/nothing-here:1"))
    run = player.play(task(swarm.name, timeout=120))
    assert run.code == 2
    assert run.last["error_code"] == "image_not_found"
    assert "nothing-here:1" in run.last["msg"]


def test_with_credentials_of_the_task(player, private, swarm, bed):
    run = player.play(task(swarm.name, registry_auth=[credentials(bed)]), verbosity=3)
    assert run.code == 0, run.output
    assert run.last["status"] == "healthy"
    assert image_of(swarm).startswith(f"{private}@sha256:")
    assert credentials(bed)["password"] not in run.output
    assert not player.play(task(swarm.name, registry_auth=[credentials(bed)])).last["changed"]
    assert not player.play(task(swarm.name)).last["changed"], "credentials are no part of the service"


def test_wrong_credentials(player, private, swarm, bed):
    wrong = {**credentials(bed), "password": "not-this-one"}
    run = player.play(task(swarm.name, timeout=120, registry_auth=[wrong]), verbosity=3)
    assert run.code == 2
    assert run.last["error_code"] == "registry_auth"
    assert "not-this-one" not in run.output


@pytest.mark.parametrize("where", ["DOCKER_CONFIG", "HOME"])
def test_with_the_credentials_of_the_manager(where, player, private, swarm, bed, tmp_path):
    own = credentials(bed)
    folder = tmp_path / ("docker" if where == "DOCKER_CONFIG" else "home/.docker")
    folder.mkdir(parents=True)
    auth = base64.b64encode(f"{own['username']}:{own['password']}".encode()).decode()
    (folder / "config.json").write_text(json.dumps({"auths": {own["registry"]: {"auth": auth}}}))
    environment = {where: str(folder if where == "DOCKER_CONFIG" else folder.parent)}
    run = player.play(task(swarm.name, with_registry_auth=True), environment=environment)
    assert run.code == 0, run.output
    assert run.last["status"] == "healthy"
    assert image_of(swarm).startswith(f"{private}@sha256:")


def test_a_tag_that_moves(player, bed, swarm, tmp_path):
    content = tmp_path / "content"
    content.mkdir()

    def publish(text):
        (content / "page").write_text(text)
        return bed.images.from_folder(content, f"{swarm.name}:1", {"Cmd": ["sh"]}, base="busybox", into="www")

    image = publish("one")
    player.write("compose.yml", COMPOSE.format(image=image))
    assert player.play(task(swarm.name)).code == 0
    first = image_of(swarm)
    assert first.startswith(f"{image}@sha256:")

    assert publish("two") == image
    for mode in ("changed", "never"):
        run = player.play(task(swarm.name, resolve_image=mode))
        assert run.code == 0, run.output
        assert not run.last["changed"], mode
    announced = player.play(task(swarm.name, resolve_image="always"), check=True)
    run = player.play(task(swarm.name, resolve_image="always"))
    assert run.code == 0, run.output
    assert announced.last["plan"] == run.last["plan"]
    assert [(op["action"], op["restarts"]) for op in run.last["plan"]] == [("update", 1)]
    second = image_of(swarm)
    assert second.startswith(f"{image}@sha256:")
    assert second != first
    assert not player.play(task(swarm.name, resolve_image="always")).last["changed"]


def test_never_deploys_the_tag_as_it_is_written(player, bed, swarm):
    image = bed.images["busybox"]
    player.write("compose.yml", COMPOSE.format(image=image))
    assert player.play(task(swarm.name, resolve_image="never")).code == 0
    assert image_of(swarm) == image


def test_a_registry_that_does_not_answer_is_a_notice(player, bed, swarm):
    image = bed.images["busybox"].replace(":5000/", ":5999/")
    player.write("compose.yml", COMPOSE.format(image=image))
    run = player.play(task(swarm.name, rollout={"wait": False}))
    assert run.code == 0, run.output
    assert any("gave no digest" in str(notice) for notice in run.last["notices"])
    assert "gave no digest" in run.output
    assert image_of(swarm) == image


def test_credentials_mend_a_stack_that_could_not_pull(player, private, swarm, bed):
    """What a user does who forgot them: runs, reads the error, adds them, and runs again."""
    assert player.play(task(swarm.name)).last["error_code"] == "registry_auth"
    given = task(swarm.name, registry_auth=[credentials(bed)])
    announced = player.play(given, check=True)
    run = player.play(given)
    assert run.code == 0, run.output
    assert announced.last["plan"] == run.last["plan"] != []
    assert run.last["status"] == "healthy"
    assert image_of(swarm).startswith(f"{private}@sha256:")
    assert not player.play(given).last["changed"]


def test_credentials_mend_it_without_a_digest_as_well(player, private, swarm, bed):
    assert player.play(task(swarm.name, resolve_image="never")).last["error_code"] == "image_not_found"
    given = task(swarm.name, resolve_image="never", registry_auth=[credentials(bed)])
    announced = player.play(given, check=True)
    run = player.play(given)
    assert run.code == 0, run.output
    assert announced.last["plan"] == run.last["plan"] != []
    assert image_of(swarm) == private
    assert not player.play(given).last["changed"]


def test_credentials_that_have_expired_are_told_before_a_task_moves(player, private, swarm, bed):
    """The node has the image, so nothing fails; another node could not pull it."""
    assert player.play(task(swarm.name, registry_auth=[credentials(bed)])).code == 0
    player.write("compose.yml", COMPOSE.format(image=private) + "    environment: {A: '1'}\n")
    expired = {**credentials(bed), "password": "not-this-one"}
    run = player.play(task(swarm.name, registry_auth=[expired]))
    assert run.code == 0, run.output
    told = (
        f"the registry {expired['registry']} no longer accepts these credentials; tasks that move to another node "
        "will not start"
    )
    assert any(told in warning for warning in run.last["warnings"]), run.last["warnings"]
    assert told in [notice["message"] for notice in run.last["notices"]]
    again = player.play(task(swarm.name, registry_auth=[credentials(bed)], commit_message="x"))
    assert not any("no longer accepts" in warning for warning in again.last.get("warnings") or [])
