"""The diff of a deployment: all fields of a new service, and with an option the content of configs."""

import sys
from pathlib import Path

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.transaction import deploy_stack

sys.path.insert(0, str(Path(__file__).parent))
from builders import content, desired, reference, service
from fake_clock import Clock
from fake_swarm import FakeSwarm

OPTIONS = {"wait": False, "resolve_image": "never"}


def deploy(swarm, state, **options):
    return deploy_stack(swarm, Clock(), state, {**OPTIONS, **options})


def files(text="one\ntwo\n", **spec):
    env, configs = ["A=b", "EMPTY=", "LINES=1\n2", "DB_PASSWORD=planted"], [reference("Config", "site")]
    web = service("web", replicas=2, Env=env, Configs=configs, StopGracePeriod=2 * 10**9)
    return desired([web], [content("site", text, **spec)])


def test_a_new_service_is_shown_as_a_whole_without_secrets():
    after = deploy(FakeSwarm(), files(), check=True)["diff"]["after"]
    for line in (
        "  image: app:1",
        "  replicas: 2",
        "  environment A: b",
        "  environment DB_PASSWORD: ********",
        "  stop_grace_period: 2s",
    ):
        assert f"\n{line}\n" in after, after
    assert "planted" not in after and "ForceUpdate" not in after


def test_a_changed_service_shows_only_what_changes():
    swarm = FakeSwarm()
    deploy(swarm, files())
    state = files()
    state["services"][0]["spec"]["Mode"]["Replicated"]["Replicas"] = 3
    assert deploy(swarm, state, check=True)["diff"] == {
        "before": "service shop_web\n  replicas: 2\n",
        "after": "service shop_web\n  replicas: 3\n",
    }


@pytest.mark.parametrize("check", [True, False])
def test_what_is_in_a_changed_config_is_shown_by_option(check):
    swarm = FakeSwarm()
    deploy(swarm, files())
    plain = deploy(swarm, files("one\nthree\npassword: planted\n"), check=True)["diff"]
    assert "three" not in str(plain)
    diff = deploy(swarm, files("one\nthree\npassword: planted\n"), check=check, diff_configs=True)["diff"]
    assert "  content:\n    one\n    two\n" in diff["before"]
    assert "  content:\n    one\n    three\n    password: ********\n" in diff["after"]


def test_what_is_no_text_has_a_size():
    state = files()
    state["configs"][0]["data"] = "AP/+"
    after = deploy(FakeSwarm(), state, check=True, diff_configs=True)["diff"]["after"]
    assert "  content: 3 bytes\n" in after
