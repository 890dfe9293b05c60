"""A rollback or a heal runs no job again without rerun_jobs: a migration can't be undone."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from builders import desired, service
from fake_swarm import FakeSwarm
from runs import back, deploy, drift

JOBS = {"replicated": {"ReplicatedJob": {"MaxConcurrent": 1, "TotalCompletions": 1}}, "global": {"GlobalJob": {}}}


def version(number, mode="replicated", job=True):
    web, migrate = service("web", Env=[f"V={number}"]), service("migrate", Env=[f"V={number}"])
    migrate["spec"]["Mode"] = JOBS[mode]
    return desired([web, migrate] if job else [web])


@pytest.fixture
def swarm():
    return FakeSwarm()


def live(swarm):
    """The version of each existing service."""
    return {
        s["Spec"]["Name"][5:]: s["Spec"]["TaskTemplate"]["ContainerSpec"]["Env"][0][2:]
        for s in swarm.objects["services"].values()
    }


@pytest.mark.parametrize("mode", JOBS)
def test_a_job_stays_and_the_rest_goes_back(swarm, mode):
    deploy(swarm, version(1, mode))
    deploy(swarm, version(2, mode))
    announced = back(swarm, check=True)
    done = back(swarm)
    assert done["plan"] == announced["plan"] and [op["key"] for op in done["plan"]] == ["web"]
    assert live(swarm) == {"web": "1", "migrate": "2"}
    (told,) = [notice for notice in done["notices"] if "migrate" in notice]
    assert told == announced["notices"][0]
    assert "does not run jobs again" in told and "rerun_jobs: true" in told
    # Jobs that a rollback has left are neither drift nor changes by others; the files decide what runs next.
    assert drift(swarm)["drift_lines"] == [] and not drift(swarm, heal=True)["changed"]
    again = deploy(swarm, version(2, mode), on_drift="fail")
    assert [op["key"] for op in again["plan"]] == ["web"]
    assert deploy(swarm, version(1, mode), on_drift="fail", check=True)["drift"] == []


@pytest.mark.parametrize("mode", JOBS)
def test_it_runs_where_that_is_asked_for(swarm, mode):
    deploy(swarm, version(1, mode))
    deploy(swarm, version(2, mode))
    back(swarm)
    # Also if an earlier rollback has left it.
    done = back(swarm, 3, rerun_jobs=True)
    assert [op["key"] for op in done["plan"]] == ["migrate"] and live(swarm) == {"web": "1", "migrate": "1"}
    assert not drift(swarm)["drifted"]


def test_a_job_that_is_gone_is_not_created(swarm):
    deploy(swarm, version(1))
    deploy(swarm, version(2, job=False))
    done = back(swarm)
    assert live(swarm) == {"web": "1"}
    assert any("migrate" in notice and "not created" in notice for notice in done["notices"])
    assert not drift(swarm)["drifted"]
    back(swarm, 1, rerun_jobs=True)
    assert live(swarm) == {"web": "1", "migrate": "1"}


def test_a_job_that_the_older_version_has_not_is_removed(swarm):
    deploy(swarm, version(1, job=False))
    deploy(swarm, version(2))
    assert [op["action"] for op in back(swarm)["plan"]] == ["update", "remove"]
    assert live(swarm) == {"web": "1"}


def test_a_job_whose_mode_changes_stays_without_recreate(swarm):
    deploy(swarm, version(1, "global"))
    deploy(swarm, version(2), recreate=True)
    back(swarm)
    assert live(swarm) == {"web": "1", "migrate": "2"}
    assert not drift(swarm)["drifted"]


def test_a_network_that_the_job_left_behind_uses_stays_and_is_no_drift(swarm):
    deploy(swarm, version(1))
    new = version(2)
    spec = {"Name": "shop_more", "Driver": "overlay", "Labels": new["networks"][0]["spec"]["Labels"]}
    new["networks"].append({"key": "more", "name": "shop_more", "external": False, "spec": spec})
    migrate = next(s for s in new["services"] if s["key"] == "migrate")
    migrate["spec"]["TaskTemplate"]["Networks"].append({"Target": "shop_more"})
    deploy(swarm, new)
    back(swarm)
    assert "shop_more" in swarm.names("networks") and not drift(swarm)["drifted"]


@pytest.mark.parametrize("gone", [False, True])
def test_healing_reports_a_job_and_leaves_it(swarm, gone):
    deploy(swarm, version(1))
    job = next(key for key, s in swarm.objects["services"].items() if s["Spec"]["Name"] == "shop_migrate")
    web = next(s for s in swarm.objects["services"].values() if s["Spec"]["Name"] == "shop_web")
    web["Spec"]["TaskTemplate"]["ContainerSpec"]["Env"] = ["V=9"]
    if gone:
        del swarm.objects["services"][job]
    else:
        swarm.objects["services"][job]["Spec"]["TaskTemplate"]["ContainerSpec"]["Env"] = ["V=9"]
    (found,) = [d for d in drift(swarm)["drift"] if d["key"] == "migrate"]
    assert found["healing"] == "by_hand" and "rerun_jobs: true" in found["hint"]
    done = drift(swarm, heal=True)
    assert [op["key"] for op in done["plan"]] == ["web"]
    assert len(done["remaining"]) == 1 and "shop_migrate" in done["remaining"][0]
    assert live(swarm) == ({"web": "1"} if gone else {"web": "1", "migrate": "9"})
    # It stays drift: no one has accepted it.
    assert drift(swarm)["drifted"] and not drift(swarm, heal=True)["changed"]
    drift(swarm, heal=True, rerun_jobs=True)
    assert live(swarm) == {"web": "1", "migrate": "1"} and not drift(swarm)["drifted"]
