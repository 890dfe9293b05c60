"""``services``: a run deploys some services; the others stay, in the Swarm and in the history."""

import sys
from pathlib import Path

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.rollback import roll_back

sys.path.insert(0, str(Path(__file__).parent))
from builders import content, desired, reference, service
from fake_clock import Clock
from fake_swarm import FakeSwarm
from runs import OPTIONS, deploy, drift


def files(number, keys=("db", "web"), part=False, text="one"):
    services = [service(key, Env=[f"V={number}"], Configs=[reference("Config", "site")]) for key in keys]
    state = desired(services, [content("site", text)])
    return {**state, "waves": [[key] for key in keys], "part": part}


@pytest.fixture
def swarm():
    return FakeSwarm()


def versions(swarm):
    return {
        s["Spec"]["Name"][5:]: s["Spec"]["TaskTemplate"]["ContainerSpec"]["Env"][0][2:]
        for s in swarm.objects["services"].values()
    }


def test_the_others_stay_and_are_no_drift(swarm):
    deploy(swarm, files(1, ("db", "old", "web")))
    announced = deploy(swarm, files(2, ("web",), True), check=True)
    done = deploy(swarm, files(2, ("web",), True))
    assert announced["plan"] == done["plan"] and [op["key"] for op in done["plan"]] == ["web"]
    assert versions(swarm) == {"db": "1", "old": "1", "web": "2"}
    assert len(done["services"]) == 1  # the others are not waited for
    assert drift(swarm)["drift_lines"] == []
    assert not drift(swarm, heal=True, prune=True)["changed"] and "shop_db" in swarm.names("services")
    swarm.objects["services"] = {
        key: obj for key, obj in swarm.objects["services"].items() if obj["Spec"]["Name"] != "shop_db"
    }
    assert any("shop_db" in line for line in drift(swarm)["drift_lines"])


def test_going_back_to_such_a_revision_brings_all_of_it(swarm):
    deploy(swarm, files(1))
    deploy(swarm, files(2, ("web",), True))
    deploy(swarm, files(3))
    roll_back(swarm, Clock(), "shop", {**OPTIONS, "to": 2})
    assert versions(swarm) == {"db": "1", "web": "2"}
    assert not drift(swarm)["drifted"]


def test_a_config_that_both_use_is_there_twice(swarm):
    deploy(swarm, files(1))
    deploy(swarm, files(2, ("web",), True, "two"))
    assert len(swarm.names("configs")) >= 2 and not drift(swarm)["drifted"]
    deploy(swarm, files(3, ("db", "web"), False, "three"))
    roll_back(swarm, Clock(), "shop", {**OPTIONS, "to": 2})
    assert versions(swarm) == {"db": "1", "web": "2"} and not drift(swarm)["drifted"]


def test_the_first_deployment_may_be_a_part(swarm):
    deploy(swarm, files(1, ("db",), True))
    assert versions(swarm) == {"db": "1"} and not drift(swarm)["drifted"]
    deploy(swarm, files(1))
    assert versions(swarm) == {"db": "1", "web": "1"}


def test_a_second_run_changes_nothing(swarm):
    deploy(swarm, files(1))
    deploy(swarm, files(2, ("web",), True))
    assert not deploy(swarm, files(2, ("web",), True))["changed"]
    assert [op["key"] for op in deploy(swarm, files(2), check=True)["plan"]] == ["db"]
