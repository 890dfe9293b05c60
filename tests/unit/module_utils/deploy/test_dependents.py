"""Services that depend on one that restarts: the plan names them; those with ``restart: true`` restart after it."""

import sys
from pathlib import Path

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.drift import stack_drift
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.rollback import roll_back

sys.path.insert(0, str(Path(__file__).parent))
from builders import desired, service
from fake_clock import Clock
from fake_swarm import FakeSwarm
from runs import OPTIONS, deploy

ORDER = ("db", "api", "web", "cron")


def files(db=1, restart=("api",), api=1):
    """web depends on api, api on db, cron on db."""
    services = {key: service(key, Env=[f"V={ {'db': db, 'api': api}.get(key, 1) }"]) for key in ORDER}
    for key, other in (("api", "db"), ("web", "api"), ("cron", "db")):
        how = {"condition": "service_started", "restart": key in restart, "required": True}
        services[key]["depends_on"] = {other: how}
    return {**desired(services.values()), "waves": [["db"], ["api", "cron"], ["web"]]}


@pytest.fixture
def swarm():
    made = FakeSwarm()
    deploy(made, files())
    return made


def forced(swarm):
    counts = {
        s["Spec"]["Name"][5:]: s["Spec"]["TaskTemplate"]["ForceUpdate"] for s in swarm.objects["services"].values()
    }
    return {key: count for key, count in counts.items() if count}


def test_the_plan_names_them(swarm):
    done = deploy(swarm, files(2, ()), check=True)
    assert done["plan_lines"] == [
        "update service shop_db: environment V 1 → 2 (restarts 1 task; api, cron depend on it)"
    ]
    assert done["plan"][0]["dependents"] == ["api", "cron"]
    (line,) = deploy(swarm, files(1, (), 2), check=True)["plan_lines"]
    assert line.endswith("(restarts 1 task; web depends on it)")


@pytest.mark.parametrize(
    ("restart", "expected"), [((), []), (("api",), ["api"]), (("api", "web"), ["api", "web"]), (("web",), [])]
)
def test_restart_true_restarts_after_it(swarm, restart, expected):
    state = files(1, restart)
    deploy(swarm, state)
    announced = deploy(swarm, files(2, restart), check=True)
    swarm.writes.clear()
    done = deploy(swarm, files(2, restart))
    assert done["plan"] == announced["plan"]
    assert [op["key"] for op in done["plan"]] == ["db", *expected]
    assert forced(swarm) == dict.fromkeys(expected, 1)
    given = {**OPTIONS, "rules": [], "images": False, "heal": False, "fail_on_drift": False, "prune": False}
    assert not stack_drift(swarm, Clock(), "shop", given)["drifted"]
    assert not deploy(swarm, files(2, restart))["changed"]


def test_the_reason_is_told(swarm):
    done = deploy(swarm, files(2), check=True)
    assert done["plan_lines"][1] == (
        "update service shop_api: db, which it depends on with restart: true, restarts "
        "(restarts 1 task; web depends on it)"
    )


def test_what_restarts_anyway_is_restarted_once(swarm):
    done = deploy(swarm, files(2, ("api",), 2))
    assert [op["key"] for op in done["plan"]] == ["db", "api"] and forced(swarm) == {}


def test_a_restart_that_was_asked_for_is_passed_on(swarm):
    deploy(swarm, files(), restart=["db"])
    assert forced(swarm) == {"db": 1, "api": 1}


@pytest.mark.parametrize("field", ["Labels", "Replicas"])
def test_what_restarts_nothing_is_passed_to_nobody(swarm, field):
    state = files()
    db = next(s for s in state["services"] if s["key"] == "db")["spec"]
    db["Labels"] = {**db["Labels"], "more": "1"} if field == "Labels" else db["Labels"]
    db["Mode"]["Replicated"]["Replicas"] = 2 if field == "Replicas" else 1
    assert [op["key"] for op in deploy(swarm, state)["plan"]] == ["db"] and forced(swarm) == {}


def test_a_rollback_restarts_them_too(swarm):
    deploy(swarm, files(2))
    roll_back(swarm, Clock(), "shop", {**OPTIONS, "to": 1})
    assert forced(swarm) == {"api": 2}


def test_new_services_only_start():
    swarm = FakeSwarm()
    deploy(swarm, files())
    assert forced(swarm) == {}
