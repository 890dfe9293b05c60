"""``restart`` replaces tasks even if nothing differs, each time, and that is not drift."""

import sys
from pathlib import Path

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.drift import stack_drift

sys.path.insert(0, str(Path(__file__).parent))
from builders import desired, service
from fake_clock import Clock
from fake_swarm import FakeSwarm
from runs import OPTIONS, deploy


def files(number=1):
    return desired([service("web", replicas=3, Env=[f"V={number}"]), service("db")])


@pytest.fixture
def swarm():
    made = FakeSwarm()
    deploy(made, files())
    return made


def forced(swarm):
    return {s["Spec"]["Name"][5:]: s["Spec"]["TaskTemplate"]["ForceUpdate"] for s in swarm.objects["services"].values()}


def test_each_run_restarts_and_says_so(swarm):
    for number in (1, 2):
        announced = deploy(swarm, files(), restart=["web"], check=True)
        done = deploy(swarm, files(), restart=["web"], on_drift="fail")
        assert announced["plan"] == done["plan"] and done["changed"]
        assert done["plan_lines"] == ["update service shop_web: a restart was requested (restarts 3 tasks)"]
        assert forced(swarm) == {"web": number, "db": 0}
    given = {**OPTIONS, "rules": [], "images": False, "heal": False, "fail_on_drift": False, "prune": False}
    assert not stack_drift(swarm, Clock(), "shop", given)["drifted"]
    assert not deploy(swarm, files())["changed"]


def test_what_changes_anyway_is_replaced_once(swarm):
    done = deploy(swarm, files(2), restart=["web"])
    assert len(done["plan"]) == 1 and "environment" in done["plan_lines"][0] and forced(swarm)["web"] == 1


def test_a_new_service_is_only_created():
    swarm = FakeSwarm()
    done = deploy(swarm, files(), restart=["web"])
    assert [op["action"] for op in done["plan"] if op["kind"] == "service"] == ["create", "create"]


def test_an_approved_plan_with_a_restart_is_another_plan(swarm):
    plain = deploy(swarm, files(), check=True)["plan_id"]
    assert deploy(swarm, files(), check=True, restart=["web"])["plan_id"] != plain
    assert deploy(swarm, files(), check=True, restart=[])["plan_id"] == plain


@pytest.mark.parametrize("done", [True, False])
def test_a_lost_answer_does_not_lose_the_restart_nor_do_it_twice(swarm, done):
    lost = []

    def lose(method, path):
        if method == "POST" and path.endswith("/update") and path.startswith("/services/") and not lost:
            lost.append(path)
            raise EngineError("gone", "daemon_unreachable")

    setattr(swarm, "after" if done else "before", lose)
    deploy(swarm, files(), restart=["web"])
    assert lost and forced(swarm)["web"] == 1
