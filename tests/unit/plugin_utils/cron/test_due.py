"""The labels of schedules, and which jobs in a result of stack_info are due."""

from datetime import datetime, timezone

import pytest

from ansible_collections.stackwright.swarm.plugins.plugin_utils.cron.due import jobs_of
from ansible_collections.stackwright.swarm.plugins.plugin_utils.cron.labels import timing_of

AT_THREE = "is due since 2026-11-21T03:00:00Z"
BEFORE = "2026-11-20T03:00:00Z"
SLOT = "2026-11-21T03:00:00Z"
NOW = datetime(2026, 11, 21, 3, 5, tzinfo=timezone.utc)
DAILY = {"stackwright.cron.schedule": "0 3 * * *"}


def service(
    labels=DAILY, runs=(), created="2026-11-20T12:00:00.123Z", mode="replicated-job", name="shop_backup", desired=0
):
    return {"name": name, "mode": mode, "desired": desired, "created": created, "labels": labels, "runs": list(runs)}


def look(*services, now=NOW, late=600):
    found = jobs_of([{"name": "shop", "services": list(services)}], now, "stackwright", late)
    return found[0] if len(found) == 1 else found


def run(slot, state="complete", **more):
    return {"slot": slot, "started": slot or "2026-11-21T03:01:00Z", "state": state, **more}


@pytest.mark.parametrize(
    ("made", "due", "reason"),
    [
        pytest.param(service(), True, AT_THREE, id="due"),
        pytest.param(service(created="2026-11-21T03:00:01Z"), False, "is not due", id="made-after-it"),
        pytest.param(service(runs=[run(SLOT)]), False, "is not due", id="has-run"),
        pytest.param(service(runs=[run(BEFORE)]), True, AT_THREE, id="next"),
        pytest.param(service(runs=[run("")]), False, "is not due", id="run-by-hand-after-it"),
        pytest.param(service(runs=[run(BEFORE, "running")]), False, "is due, but still runs", id="overlap"),
        pytest.param(
            service({**DAILY, "stackwright.cron.overlap": "replace"}, [run(BEFORE, "running")]),
            True,
            AT_THREE,
            id="replace",
        ),
        pytest.param(service({**DAILY, "stackwright.cron.missed": "skip"}), True, AT_THREE, id="in-time"),
        pytest.param(
            service({**DAILY, "stackwright.cron.timezone": "Europe/Berlin"}),
            True,
            "is due since 2026-11-21T02:00:00Z",
            id="zone",
        ),
        pytest.param(service({"zane.cron.schedule": "@hourly"}), True, AT_THREE, id="old-prefix"),
    ],
)
def test_when_a_job_is_due(made, due, reason):
    job = look(made)
    assert (job["due"], job["reason"]) == (due, reason)
    assert not due or job["slot"] == reason[-20:]


def test_many_missed_times_are_one_run_and_may_be_skipped():
    made = service({"stackwright.cron.schedule": "*/5 * * * *", "stackwright.cron.missed": "skip"})
    assert look(made)["slot"] == "2026-11-21T03:05:00Z"
    skipped = look(service({**DAILY, "stackwright.cron.missed": "skip"}), late=299)
    assert not skipped["due"] and skipped["reason"] == "missed 2026-11-21T03:00:00Z, which is skipped"
    assert skipped["next"] == "2026-11-22T03:00:00Z"


def test_jobs_of_a_stopped_stack_are_not_due():
    web = service({"stackwright-replicas-before-stop": "2"}, mode="replicated", name="shop_web")
    assert look(service(), web)["reason"] == "is due, but the stack is stopped"
    assert look(service(), {**web, "labels": {}})["due"], "a service with 0 replicas alone is not a stopped stack"


def test_other_services_are_no_jobs():
    assert look(service({}), service(mode="replicated"), service(mode="global-job")) == []


@pytest.mark.parametrize(
    ("last", "problem"),
    [
        pytest.param(run(SLOT), "", id="complete"),
        pytest.param(run(SLOT, "failed", exit_code=3), f"the run for {SLOT} failed with exit code 3", id="failed"),
        pytest.param(
            run(SLOT, "running", error="exit 3"),
            f"the run for {SLOT} is tried again after a failure: exit 3",
            id="again",
        ),
    ],
)
def test_a_failed_run_is_a_problem(last, problem):
    assert look(service(runs=[run(BEFORE, "failed", exit_code=1), last]))["problem"] == problem


@pytest.mark.parametrize(
    ("labels", "wrong"),
    [
        pytest.param({}, [], id="none"),
        pytest.param({"a.cron": "x", "stackwright.http.port": "80"}, [], id="others"),
        pytest.param({"stackwright.cron.schedule": "0 25 * * *"}, ["stackwright.cron.schedule"], id="schedule"),
        pytest.param({**DAILY, "stackwright.cron.timezone": "Mars/Base"}, ["stackwright.cron.timezone"], id="zone"),
        pytest.param(
            {**DAILY, "stackwright.cron.timezone": "../../etc/passwd"}, ["stackwright.cron.timezone"], id="path"
        ),
        pytest.param({**DAILY, "stackwright.cron.overlap": "allow"}, ["stackwright.cron.overlap"], id="overlap"),
        pytest.param({"stackwright.cron.missed": "skip"}, ["stackwright.cron.missed"], id="no-schedule"),
        pytest.param({"stackwright.cron.schedules": "@daily"}, ["stackwright.cron.schedules"], id="typo"),
        pytest.param({"other.cron.schedule": "@daily"}, ["other.cron.schedule"], id="prefix"),
    ],
)
def test_labels_that_are_not_valid(labels, wrong):
    timing, faults = timing_of(labels, "stackwright")
    assert timing is None and [fault.label for fault in faults] == wrong
    if wrong:
        job = look(service(labels))
        assert not job["due"] and job["problem"].startswith(wrong[0])
