"""Leftovers of our own runs are recorded and reported as ours: no drift, not healed, no obstacle to a deployment."""

import copy
import itertools
import sys
from pathlib import Path

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import DeployError, EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy import change as changing
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.transaction import stop_stack
from ansible_collections.stackwright.swarm.plugins.module_utils.revisions.history import History
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks import service

sys.path.insert(0, str(Path(__file__).parent))
import builders
from fake_clock import Clock
from fake_swarm import FakeSwarm
from runs import OPTIONS, deploy, drift
from test_jobs_on_the_way_back import JOBS
from test_what_is_left_open import fails

STATES = {
    "scaled": {"replicas": 3},
    "stopped": {},
    "restarted": {},
    "rolled_back": {},
}


def state(number, job=None, more=()):
    web = builders.service("web", Env=[f"V={number}", f"API_TOKEN=secret{number}"])
    wanted = [web, *more]
    if job is not None:
        migrate = builders.service("migrate", Env=[f"V={job}"])
        migrate["spec"]["Mode"] = JOBS["replicated"]
        wanted.append(migrate)
    return builders.desired(wanted)


@pytest.fixture
def swarm():
    made = FakeSwarm()
    made.completed.add("shop_migrate")
    deploy(made, state(1))
    return made


@pytest.fixture
def tasks(monkeypatch):
    """A running task, which a restart replaces."""

    def running(client, stack):
        return [
            {"ID": f"t{s['ID']}", "ServiceID": s["ID"], "DesiredState": "running", "Status": {"State": "running"}}
            for s in client.list("/services")
        ]

    monkeypatch.setattr(service, "tasks_of", running)


def one(swarm, name):
    return next(s for s in swarm.objects["services"].values() if s["Spec"]["Name"] == f"shop_{name}")


def change(swarm, how, name="web", who="ann@m1", **options):
    def this_run(operation, message, since, given):
        return {"operation": operation, "message": message, "since": since, "who": who}

    given = {**OPTIONS, "state": how, "service": name, "prefix": "stackwright", "this_run": this_run, **options}
    return service.change_service(swarm, Clock(), "shop", given)


def is_ours(swarm, *words):
    """No drift, nothing to heal, and each line about our own changes has the text at its index."""
    seen = drift(swarm)
    assert seen["drift_lines"] == [] and not seen["drifted"]
    assert len(seen["ours"]) == len(words), seen["ours"]
    for line, word in zip(seen["ours"], words):
        assert word in line, seen["ours"]
    before = copy.deepcopy(swarm.objects["services"])
    assert not drift(swarm, heal=True)["changed"] and swarm.objects["services"] == before
    return seen


def failed_deployment(swarm, monkeypatch, number, **options):
    with monkeypatch.context() as patch:
        patch.setattr(changing, "_glance", fails)
        with pytest.raises(DeployError) as failed:
            deploy(swarm, number, **{"on_failure": "rollback", **options})
    assert failed.value.details["outcome"]["rollback"] == "done"


# -- stack_service


@pytest.mark.parametrize("how", STATES)
def test_what_stack_service_does_is_ours(swarm, tasks, how):
    deploy(swarm, state(2))
    assert change(swarm, how, **STATES[how])["changed"]
    word = {"rolled_back": "rolled back"}.get(how, how)
    seen = is_ours(swarm, f"{word} with stack_service since revision 2, by ann@m1")
    assert "secret1" not in str(seen) and "secret1" not in str(swarm.objects["configs"])
    (noted,) = History(swarm, Clock(), "shop").read()[0].shown()["own"]
    assert (noted["name"], noted["who"]) == ("shop_web", "ann@m1") and noted["at"].startswith("2023-")
    # With the next deployment, the files decide again; it reports what it overwrites, and is not blocked.
    done = deploy(swarm, state(3), on_drift="fail")
    assert done["changed"] and done["drift"] == []
    if how not in ("restarted", "stopped"):  # what is stopped is started again, and nothing overwritten
        assert any("overwrites" in n and "with stack_service since revision 2" in n for n in done["notices"])
    assert drift(swarm)["ours"] == []


@pytest.mark.parametrize("first, second", list(itertools.permutations(STATES, 2)))
def test_one_after_the_other_is_ours_as_well(swarm, tasks, first, second):
    deploy(swarm, state(2))
    change(swarm, first, **STATES[first])
    change(swarm, second, **STATES[second])
    assert drift(swarm)["drift_lines"] == []
    assert not drift(swarm, heal=True)["changed"]


def test_scaling_again_and_back_is_no_drift(swarm):
    change(swarm, "scaled", replicas=3)
    change(swarm, "scaled", replicas=5, who="bob")
    is_ours(swarm, "replicas 1 → 5 (scaled with stack_service since revision 1, by bob)")
    change(swarm, "scaled", replicas=1)
    is_ours(swarm)


def test_what_others_change_beside_it_is_theirs(swarm):
    change(swarm, "scaled", replicas=3)
    web = one(swarm, "web")
    web["Spec"]["Labels"]["by"] = "hand"
    seen = drift(swarm)
    assert [line.partition(" (")[0] for line in seen["drift_lines"]] == [
        "edited service shop_web: labels by absent → hand"
    ]
    assert len(seen["ours"]) == 1
    healed = drift(swarm, heal=True)
    assert healed["changed"] and healed["drift"][0]["by"] == ""
    assert web["Spec"]["Mode"]["Replicated"]["Replicas"] == 3 and "by" not in web["Spec"]["Labels"]
    # Healing creates a revision; our own changes are still known as ours.
    is_ours(swarm, "scaled with stack_service since revision 1")


def test_what_others_put_in_its_place_is_theirs(swarm):
    change(swarm, "scaled", replicas=3)
    one(swarm, "web")["Spec"]["Mode"]["Replicated"]["Replicas"] = 4
    seen = drift(swarm)
    assert len(seen["drift_lines"]) == 1 and seen["ours"] == []
    with pytest.raises(DeployError, match="was changed by others"):
        deploy(swarm, state(2), on_drift="fail")


def test_a_change_that_fails_and_is_undone_is_noted_no_more(swarm):
    def refuse(method, path):
        if method == "POST" and path.startswith("/services/"):
            raise EngineError("no", "engine_error", status=400)

    swarm.before = refuse
    with pytest.raises(DeployError):
        change(swarm, "scaled", replicas=3)
    swarm.before = lambda method, path: None
    one(swarm, "web")["Spec"]["Mode"]["Replicated"]["Replicas"] = 3
    assert len(drift(swarm)["drift_lines"]) == 1


def test_a_run_that_is_killed_after_its_change_has_noted_it(swarm):
    class Died(BaseException):
        pass

    def kill(method, path):
        if method == "POST" and path.startswith("/services/"):
            swarm.before = die

    def die(method, path):
        raise Died

    swarm.after = kill
    with pytest.raises(Died):
        change(swarm, "scaled", replicas=3)
    swarm.before = swarm.after = lambda method, path: None
    assert drift(swarm)["drift_lines"] == [] and len(drift(swarm)["ours"]) == 1


def test_without_a_good_revision_nothing_is_noted(monkeypatch):
    made = FakeSwarm()
    with monkeypatch.context() as patch:
        patch.setattr(changing, "_glance", fails)
        with pytest.raises(DeployError):
            deploy(made, state(1), on_failure="keep")
    assert change(made, "scaled", replicas=3)["changed"]
    assert [r.own for r in History(made, Clock(), "shop").read()] == [()]


# -- stopped


@pytest.mark.parametrize("scaled", [False, True])
def test_a_stopped_stack_is_ours(swarm, scaled):
    if scaled:
        change(swarm, "scaled", replicas=3)
    stop_stack(swarm, Clock(), "shop", {**OPTIONS, "prefix": "stackwright"})
    words = ["stopped stack shop (with state: stopped, since revision 1)"]
    is_ours(swarm, *words, *(["scaled with stack_service"] if scaled else []))
    assert deploy(swarm, state(2), on_drift="fail")["changed"]


# -- a deployment that was rolled back


@pytest.mark.parametrize("completed", [True, False], ids=["the job has run", "the job has not run to its end"])
@pytest.mark.parametrize("before", [1, None], ids=["it was there", "it is new"])
def test_a_failed_migration_is_no_drift_and_blocks_nothing(monkeypatch, completed, before):
    made = FakeSwarm()
    deploy(made, state(1, before))
    if completed:
        made.completed.add("shop_migrate")
    failed_deployment(made, monkeypatch, state(2, 2))
    seen = drift(made)
    assert seen["drift_lines"] == []
    told = [line for line in seen["ours"] if "left by revision 2, which was rolled back" in line]
    assert len(told) == (1 if before else 0) and told == seen["ours"]
    healed = drift(made, heal=True)
    assert not healed["changed"] and healed["remaining"] == []
    done = deploy(made, state(3, 3), on_drift="fail")
    assert done["changed"] and drift(made)["drift_lines"] == drift(made)["ours"] == []


def test_several_failures_in_a_row_stay_ours_although_the_first_is_forgotten(swarm, monkeypatch):
    deploy(swarm, state(1, 1))
    failed_deployment(swarm, monkeypatch, state(2, 2))
    for number in range(3, 8):
        failed_deployment(swarm, monkeypatch, state(number, 2), keep_revisions=2)
    assert 3 not in [r.number for r in History(swarm, Clock(), "shop").read()]
    assert drift(swarm)["drift_lines"] == [] and len(drift(swarm)["ours"]) == 1


def test_what_others_do_to_such_a_job_is_theirs(swarm, monkeypatch):
    deploy(swarm, state(1, 1))
    failed_deployment(swarm, monkeypatch, state(2, 2))
    one(swarm, "migrate")["Spec"]["TaskTemplate"]["ContainerSpec"]["Env"] = ["V=hand"]
    assert len(drift(swarm)["drift_lines"]) == 1


def test_new_services_that_were_stopped_for_a_look_are_ours(swarm, monkeypatch):
    failed_deployment(swarm, monkeypatch, state(2, more=[builders.service("new")]), on_failure="stop")
    is_ours(swarm, "extra service shop_new")
    assert not drift(swarm, heal=True, prune=True)["changed"]
    assert deploy(swarm, state(2), on_drift="fail")["changed"]


# -- the whole stack removed


def removed(swarm, *kinds):
    for kind in kinds:
        gone = [key for key, obj in swarm.objects[kind].items() if "com.docker.stack.namespace" in str(obj)]
        for key in gone:
            del swarm.objects[kind][key]


def test_a_service_that_a_run_without_prune_has_left_goes_beside_one_that_was_scaled(swarm):
    """Two of our own changes at once: one from the history, one from a note."""
    deploy(swarm, state(1, more=[builders.service("old")]))
    deploy(swarm, state(2), prune=False)
    change(swarm, "scaled", replicas=3)
    done = deploy(swarm, state(3), prune=True, on_drift="fail")
    assert done["changed"] and done["drift"] == []
    assert [s["Spec"]["Name"] for s in swarm.objects["services"].values()] == ["shop_web"]
    assert any("scaled" in notice for notice in done["notices"]), done["notices"]


LARGE = [builders.service(f"s{number}") for number in range(30)]


@pytest.mark.parametrize("kinds", [("services", "networks"), ("services",)], ids=str)
def test_a_stack_that_was_removed_is_one_line(kinds):
    made = FakeSwarm()
    deploy(made, state(1, more=LARGE))
    removed(made, *kinds)
    line = "the whole stack was removed since revision 1"
    seen = drift(made)
    assert seen["drift_lines"] == [f"missing stack shop: {line}"] and seen["drift"][0]["object"] == "stack"
    for options in ({"check": True}, {}):
        done = deploy(made, state(2, more=LARGE), on_drift="warn", **options)
        assert [notice for notice in done["notices"] if "removed" in notice or "overwrites" in notice] == [line]
        assert len(done["drift"]) == 1
    assert drift(made)["drift_lines"] == []


def test_a_stack_that_was_removed_is_healed_as_a_whole():
    made = FakeSwarm()
    deploy(made, state("", more=LARGE))
    for entry in made.objects["services"].values():
        entry["Spec"]["TaskTemplate"]["ContainerSpec"].pop("Env", None)
    deploy(made, builders.desired(LARGE))
    removed(made, "services", "networks")
    healed = drift(made, heal=True)
    assert healed["changed"] and healed["remaining"] == [] and len(made.objects["services"]) == 30
    assert drift(made)["drift_lines"] == []


def test_one_service_that_is_left_is_told_with_each_that_is_gone():
    made = FakeSwarm()
    deploy(made, state(1, more=LARGE))
    for key in [key for key, s in made.objects["services"].items() if s["Spec"]["Name"] != "shop_web"]:
        del made.objects["services"][key]
    assert len(drift(made)["drift_lines"]) == 30
    with pytest.raises(DeployError, match="missing service shop_s1"):
        deploy(made, state(2, more=LARGE), on_drift="fail")


def test_a_run_says_what_it_creates_again_and_what_it_removes(swarm):
    """A service that others removed, and one that they created with the stack's label."""
    deploy(swarm, state(1, more=[builders.service("api")]))
    web, api = one(swarm, "web"), one(swarm, "api")
    del swarm.objects["services"][api["ID"]]
    by_hand = {**copy.deepcopy(web), "ID": "by-hand"}
    by_hand["Spec"]["Name"] = "shop_debug"
    swarm.objects["services"]["by-hand"] = by_hand
    said = deploy(swarm, state(1, more=[builders.service("api")]), check=True, on_drift="warn")["notices"]
    assert said == [
        "creates the service shop_api again, which others removed since revision 2",
        "removes the service shop_debug, which others created since revision 2",
    ]


@pytest.mark.parametrize("check", [False, True])
def test_stopping_a_stack_that_does_not_exist_is_told(check):
    done = stop_stack(FakeSwarm(), Clock(), "shop", {**OPTIONS, "prefix": "stackwright", "check": check})
    assert not done["changed"] and "there is no stack shop" in done["notices"][0]
