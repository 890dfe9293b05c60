"""``leave``: a deployment, a rollback and a heal keep the fields of a running service that others manage."""

import sys
from pathlib import Path

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.transaction import stop_stack
from ansible_collections.stackwright.swarm.plugins.module_utils.history.encoding import unpack
from ansible_collections.stackwright.swarm.plugins.module_utils.revisions.history import History
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.rollback import roll_back

sys.path.insert(0, str(Path(__file__).parent))
from builders import desired, service
from fake_clock import Clock
from fake_swarm import FakeSwarm
from runs import OPTIONS, deploy, drift


def files(number, leave=("replicas",), label=""):
    web = service("web", Env=[f"V={number}", "LEVEL=info"])
    if leave:
        web["leave"] = list(leave)
    if label:
        web["spec"]["Labels"]["stackwright.leave"] = label
    return desired([web, service("db")])


@pytest.fixture
def swarm():
    return FakeSwarm()


def spec_of(swarm, key="web"):
    return next(s["Spec"] for s in swarm.objects["services"].values() if s["Spec"]["Name"] == f"shop_{key}")


def scale(swarm, replicas, key="web"):
    spec_of(swarm, key)["Mode"]["Replicated"]["Replicas"] = replicas


def replicas(swarm, key="web"):
    return spec_of(swarm, key)["Mode"]["Replicated"]["Replicas"]


@pytest.mark.parametrize(("leave", "label"), [(("replicas",), ""), ((), "replicas"), (("Mode.Replicated",), "")])
def test_replicas_stay_in_a_deployment_a_rollback_and_a_heal(swarm, leave, label):
    deploy(swarm, files(1, leave, label))
    scale(swarm, 5)
    assert not deploy(swarm, files(1, leave, label), on_drift="fail")["changed"]
    assert not drift(swarm)["drifted"] and drift(swarm)["ignored"]
    done = deploy(swarm, files(2, leave, label), on_drift="fail")
    assert [op["key"] for op in done["plan"]] == ["web"] and replicas(swarm) == 5
    assert not any("replicas" in line for line in done["plan_lines"])
    scale(swarm, 7)
    roll_back(swarm, Clock(), "shop", {**OPTIONS, "to": 1})
    assert replicas(swarm) == 7 and "V=1" in spec_of(swarm)["TaskTemplate"]["ContainerSpec"]["Env"]
    spec_of(swarm)["TaskTemplate"]["ContainerSpec"]["Env"][0] = "V=9"
    drift(swarm, heal=True)
    assert replicas(swarm) == 7 and "V=1" in spec_of(swarm)["TaskTemplate"]["ContainerSpec"]["Env"]


def test_what_is_not_left_is_reset(swarm):
    deploy(swarm, files(1))
    scale(swarm, 5, "db")
    assert deploy(swarm, files(1))["changed"] and replicas(swarm, "db") == 1


def test_one_variable_is_left_and_the_others_are_not(swarm):
    state = files(1, ["environment.LEVEL"])
    deploy(swarm, state)
    spec_of(swarm)["TaskTemplate"]["ContainerSpec"]["Env"] = ["V=9", "LEVEL=debug", "NEW=1"]
    assert deploy(swarm, state)["changed"]
    assert sorted(spec_of(swarm)["TaskTemplate"]["ContainerSpec"]["Env"]) == ["LEVEL=debug", "V=1"]


def test_an_image_is_left_with_what_follows_from_it(swarm):
    state = files(1, ["image"])
    deploy(swarm, state)
    spec_of(swarm)["TaskTemplate"]["ContainerSpec"]["Image"] = "app:9@sha256:1"
    spec_of(swarm)["Labels"]["com.docker.stack.image"] = "app:9"
    assert not deploy(swarm, state)["changed"]


def test_a_new_service_has_what_the_files_say(swarm):
    deploy(swarm, files(1))
    assert replicas(swarm) == 1


def test_a_stopped_stack_comes_back_with_what_it_had(swarm):
    deploy(swarm, files(1))
    scale(swarm, 5)
    stop_stack(swarm, Clock(), "shop", OPTIONS)
    assert replicas(swarm) == 0
    deploy(swarm, files(1))
    assert replicas(swarm) == 5 and replicas(swarm, "db") == 1
    assert not deploy(swarm, files(1))["changed"]
    scale(swarm, 0)  # an autoscaler's zero is its own
    assert not deploy(swarm, files(1))["changed"]


def test_the_revision_records_what_was_deployed_and_what_was_left(swarm):
    deploy(swarm, files(1))
    scale(swarm, 5)
    deploy(swarm, files(2))
    revision = max(History(swarm, None, "shop").read(), key=lambda r: r.number)
    web = next(s for s in unpack(revision.packed)["services"] if s["key"] == "web")
    assert web["leave"] == ["replicas"]
    assert web["of_others"] == [{"path": "Mode.Replicated.Replicas", "files": 1, "live": 5}]
    assert web["spec"]["Mode"]["Replicated"]["Replicas"] == 5


@pytest.mark.parametrize("word", ["replica", "Mod.Replicated", "Environment"])
def test_an_unknown_word_is_an_error_before_anything_is_changed(swarm, word):
    deploy(swarm, files(1, ()))
    with pytest.raises(StackwrightError, match=r"service web .*leave '.*no such field") as raised:
        deploy(swarm, files(2, [word]))
    assert raised.value.error_code == "invalid_options"
