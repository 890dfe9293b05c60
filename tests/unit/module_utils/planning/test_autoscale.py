"""Autoscaled services: deployments and drift keep their number of replicas within the bounds."""

import sys
from pathlib import Path

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.transaction import deploy_stack, stop_stack
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.drift import stack_drift
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.compile import CompileRequest, compile_stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.load import Source
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.file_source import MemoryFiles

sys.path.insert(0, str(Path(__file__).parents[1] / "deploy"))
from fake_clock import Clock
from fake_swarm import FakeSwarm

FILE = "services: {web: {image: 'web:%s', deploy: {%s labels: {stackwright.autoscale: '%s'}}}}"
OPTIONS = {"wait": False, "resolve_image": "never"}


def deploy(swarm, image="1", count="replicas: 2,", bounds="2-6", **options):
    text = FILE % (image, count, bounds)
    compiled = compile_stack(CompileRequest([Source("compose.yml", text)], name="shop"), MemoryFiles({}))
    return deploy_stack(swarm, Clock(), compiled, {**OPTIONS, **options})


def web(swarm):
    (service,) = swarm.objects["services"].values()
    return service["Spec"]


def replicas(swarm, count=None):
    if count is not None:
        web(swarm)["Mode"]["Replicated"]["Replicas"] = count
    return web(swarm)["Mode"]["Replicated"]["Replicas"]


@pytest.fixture
def swarm():
    made = FakeSwarm()
    deploy(made)
    return made


@pytest.mark.parametrize(("now", "after"), [(2, 2), (5, 5), (6, 6), (9, 6), (1, 2), (0, 2)])
def test_a_deployment_keeps_the_number_within_its_bounds(swarm, now, after):
    replicas(swarm, now)
    assert deploy(swarm, image="2")["changed"] and replicas(swarm) == after
    assert web(swarm)["TaskTemplate"]["ContainerSpec"]["Image"] == "web:2"
    assert not deploy(swarm, image="2")["changed"]


def test_other_bounds_move_the_number(swarm):
    replicas(swarm, 6)
    deploy(swarm, bounds="2-4")
    assert replicas(swarm) == 4


def test_without_the_label_the_file_decides_again(swarm):
    replicas(swarm, 5)
    deploy(swarm, bounds="")
    assert replicas(swarm) == 2


def test_a_stack_that_was_stopped_has_its_number_again(swarm):
    replicas(swarm, 5)
    stop_stack(swarm, Clock(), "shop", OPTIONS)
    assert replicas(swarm) == 0
    deploy(swarm)
    assert replicas(swarm) == 5


@pytest.mark.parametrize(("now", "drifts"), [(2, False), (5, False), (9, True), (1, True)])
def test_only_a_number_out_of_bounds_is_drift(swarm, now, drifts):
    replicas(swarm, now)
    options = {"rules": [], "images": False, "heal": False, "fail_on_drift": False, "prune": False}
    assert stack_drift(swarm, Clock(), "shop", {**OPTIONS, **options})["drifted"] is drifts


WRONG = {
    "no bounds": ("replicas: 2,", "many"),
    "the wrong way round": ("replicas: 2,", "6-2"),
    "none at all": ("replicas: 2,", "0-2"),
    "a number out of bounds": ("replicas: 1,", "2-6"),
    "a global service": ("mode: global,", "2-6"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_not_valid_is_refused(swarm, name):
    count, bounds = WRONG[name]
    with pytest.raises(StackwrightError, match="service web") as error:
        deploy(swarm, count=count, bounds=bounds)
    assert error.value.error_code == "invalid_options"
