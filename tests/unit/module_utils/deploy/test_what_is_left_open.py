"""Revisions that failed without a rollback: a run without changes confirms them; healing keeps them."""

import json
import sys
from pathlib import Path

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import DeployError
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy import change as changing
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy import transaction, unchanged
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.transaction import remove_stack, stop_stack
from ansible_collections.stackwright.swarm.plugins.module_utils.revisions.history import History
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.drift import stack_drift
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.rollback import roll_back
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.service import change_service

sys.path.insert(0, str(Path(__file__).parent))
from builders import desired, service
from fake_clock import Clock
from fake_swarm import FakeSwarm
from runs import OPTIONS, deploy, drift
from test_after_a_run_that_died import Died, dead, gone
from test_jobs_on_the_way_back import live


def state(number):
    return desired([service("db", Env=["V=1"]), service("web", Env=[f"V={number}"])])


def history(swarm):
    return [(r.number, r.operation, r.status) for r in reversed(History(swarm, Clock(), "shop").read())]


def locks(swarm):
    """The existing locks: whether a run holds each."""
    data = [c["Spec"]["Labels"].get("stackwright.lock") for c in swarm.objects["configs"].values()]
    return ["free" if json.loads(text).get("free") else "held" for text in data if text]


def fails(*args, **kwargs):
    raise DeployError("The stack shop did not become healthy.", "health_gate_failed")


@pytest.fixture
def swarm(monkeypatch):
    """Revision 1 is good; revision 2 has failed and was not rolled back."""
    made = FakeSwarm()
    deploy(made, state(1))
    fail(made, monkeypatch, 2)
    assert live(made)["web"] == "2" and history(made)[-1] == (2, "deploy", "FAILED")
    return made


def fail(swarm, monkeypatch, number, **options):
    with monkeypatch.context() as patch:
        patch.setattr(changing, "_glance", fails)
        with pytest.raises(DeployError):
            deploy(swarm, state(number), **{"on_failure": "keep", **options})


def change(swarm, **options):
    given = {**OPTIONS, "state": "scaled", "service": "db", "prefix": "stackwright", **options}
    return change_service(swarm, Clock(), "shop", given)


def settled_by_nobody(swarm):
    pass


def settled_by_a_service(swarm):
    assert change(swarm, replicas=3)["changed"]


def settled_by_a_service_that_needs_no_change(swarm):
    assert not change(swarm, replicas=1)["changed"]


def settled_by_check_mode(swarm):
    deploy(swarm, state(2), check=True)


def settled_by_healing(swarm):
    drift(swarm, heal=True)


BETWEEN = [
    settled_by_nobody,
    settled_by_a_service,
    settled_by_a_service_that_needs_no_change,
    settled_by_check_mode,
    settled_by_healing,
]


@pytest.mark.parametrize("between", BETWEEN)
def test_a_run_that_finds_its_files_in_place_confirms_a_failure_that_was_kept(swarm, between):
    between(swarm)
    if between is settled_by_a_service:
        change(swarm, replicas=1)
    done = deploy(swarm, state(2))
    assert (done["changed"], done["plan"], done["revision"]) == (False, [], 3)
    assert history(swarm)[-1] == (3, "deploy", "HEALTHY") and locks(swarm) == []
    healed = drift(swarm, heal=True)
    assert (healed["drifted"], healed["changed"], healed["revision"]) == (False, False, 3)
    swarm.calls = 0
    assert "revision" not in deploy(swarm, state(2)) and swarm.calls == 5


def test_of_several_managers_one_confirms_it(swarm):
    swarm.writes.clear()
    assert deploy(swarm, state(2), defer=True)["changed"] and swarm.writes == []
    deploy(swarm, state(2))
    assert not deploy(swarm, state(2), defer=True)["changed"]


def test_what_still_does_not_run_is_not_confirmed_and_the_next_run_can(swarm, monkeypatch):
    before = history(swarm)
    with monkeypatch.context() as patch:
        patch.setattr(unchanged, "_statuses", fails)
        with pytest.raises(DeployError):
            deploy(swarm, state(2))
    assert history(swarm) == before and locks(swarm) == ["free"]
    assert drift(swarm, heal=True)["changed"] is False and live(swarm)["web"] == "2"
    deploy(swarm, state(2))
    assert history(swarm)[-1] == (3, "deploy", "HEALTHY")


def test_a_run_that_is_killed_while_it_confirms_leaves_it_to_the_next(swarm, monkeypatch):
    def die(*args):
        def killed(method, path):
            raise Died

        swarm.before = killed
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(unchanged, "_statuses", die)
        with pytest.raises(Died):
            deploy(swarm, state(2), this_run=dead)
    swarm.before = lambda method, path: None
    assert locks(swarm) == ["held"]
    deploy(swarm, state(2), is_gone=gone)
    assert history(swarm)[-1] == (3, "deploy", "HEALTHY") and locks(swarm) == []


@pytest.mark.parametrize("check", [False, True])
def test_healing_does_not_go_past_a_failure_that_was_kept_and_says_so(swarm, check):
    done = drift(swarm, heal=True, check=check)
    assert (done["changed"], done["plan"]) == (False, []) and done["remaining"] == done["drift_lines"] != []
    assert any("revision 2 failed" in notice and "can't be healed" in notice for notice in done["notices"])
    assert live(swarm)["web"] == "2" and done["locked_by"] == "" and locks(swarm) == ["free"]


def test_other_files_and_going_back_settle_it_as_well(swarm, monkeypatch):
    assert deploy(swarm, state(3))["revision"] == 3 and locks(swarm) == []
    fail(swarm, monkeypatch, 4)
    assert roll_back(swarm, Clock(), "shop", {**OPTIONS, "to": None})["to"] == 3
    assert history(swarm)[-1] == (5, "rollback", "HEALTHY") and locks(swarm) == []
    assert drift(swarm, heal=True)["drifted"] is False


def test_going_back_to_what_is_there_already_settles_it(swarm, monkeypatch):
    web = next(s for s in swarm.objects["services"].values() if s["Spec"]["Name"] == "shop_web")
    web["Spec"]["TaskTemplate"]["ContainerSpec"]["Env"] = ["V=1"]  # somebody has put it back by hand
    assert not roll_back(swarm, Clock(), "shop", {**OPTIONS, "to": 1})["changed"]
    assert history(swarm)[-1] == (3, "rollback", "HEALTHY") and locks(swarm) == []


def test_a_stack_that_is_stopped_and_started_or_removed_is_settled(swarm):
    stop_stack(swarm, Clock(), "shop", {**OPTIONS, "prefix": "stackwright"})
    assert locks(swarm) == ["free"] and not drift(swarm, heal=True)["changed"]
    assert deploy(swarm, state(2))["revision"] == 3 and locks(swarm) == []
    remove_stack(swarm, Clock(), "shop", {**OPTIONS, "prefix": "stackwright"})
    assert locks(swarm) == [] and history(swarm)[-1][2] == "REMOVED"


def test_a_failure_that_was_undone_leaves_nothing_open(swarm, monkeypatch):
    deploy(swarm, state(2))
    fail(swarm, monkeypatch, 3, on_failure="rollback")
    assert live(swarm)["web"] == "2" and locks(swarm) == [] and history(swarm)[-1] == (4, "deploy", "FAILED")
    assert deploy(swarm, state(2))["changed"] is False and history(swarm)[-1] == (4, "deploy", "FAILED")
    assert drift(swarm, heal=True)["drifted"] is False


def test_a_heal_that_meets_a_killed_run_leaves_no_lock_behind(monkeypatch):
    made = FakeSwarm()
    deploy(made, state(1))

    def kill(method, path):
        if method == "POST" and path.startswith("/services/"):
            made.before = die

    def die(method, path):
        raise Died

    made.after = kill
    with pytest.raises(Died):
        deploy(made, state(2), this_run=dead)
    made.before = made.after = lambda method, path: None
    given = {**OPTIONS, "rules": [], "images": False, "heal": True, "fail_on_drift": False, "prune": False}
    # Another manager does not see the process, so the lock must expire.
    clock = Clock()
    assert not stack_drift(made, clock, "shop", {**given, "lock_timeout": 60})["changed"]
    assert clock.now() > 20 and locks(made) == ["free"]
    clock = Clock()
    assert not transaction.deploy_stack(made, clock, state(2), OPTIONS)["changed"] and clock.now() < 1
    assert history(made)[1:] == [(2, "deploy", "FAILED"), (3, "heal", "CANCELLED"), (4, "deploy", "HEALTHY")]
    assert "bob" in next(r.reason for r in History(made, Clock(), "shop").read() if r.number == 2)
