"""The outcome of a scheduled job's last run, from its remaining tasks."""

import json

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.health.job_runs import with_outcome

BEFORE = {"slot": "2026-11-21T02:00:00Z", "started": "2026-11-21T02:00:01Z", "state": "complete"}
LAST = {"slot": "2026-11-21T03:00:00Z", "started": "2026-11-21T03:00:05Z"}


def service(*runs, most=1):
    labels = {"stackwright.cron.schedule": "@hourly", "stackwright.cron": json.dumps(runs)}
    return {"Spec": {"Labels": labels, "Mode": {"ReplicatedJob": {"MaxConcurrent": most, "TotalCompletions": 0}}}}


def task(state, wanted="complete", created="2026-11-21T03:00:05.5Z", ended="2026-11-21T03:00:17Z", error="", code=0):
    status = {"State": state, "Timestamp": ended, "Err": error, "ContainerStatus": {"ExitCode": code}}
    return {"CreatedAt": created, "DesiredState": wanted, "Status": status}


OLD = task("failed", created="2026-11-21T02:00:01Z", error="old", code=9)
FAILED = task("failed", "shutdown", error="task: non-zero exit (3)", code=3)


@pytest.mark.parametrize(
    ("tasks", "outcome"),
    [
        pytest.param([OLD], {"state": "unknown"}, id="gone"),
        pytest.param([OLD, task("running")], {"state": "running"}, id="running"),
        pytest.param([task("complete")], {"state": "complete", "exit_code": 0, "seconds": 12.0}, id="complete"),
        pytest.param(
            [FAILED],
            {"state": "failed", "exit_code": 3, "seconds": 12.0, "error": "task: non-zero exit (3)"},
            id="failed",
        ),
        pytest.param([FAILED, task("ready")], {"state": "running", "error": "task: non-zero exit (3)"}, id="again"),
        pytest.param(
            [FAILED, task("complete")], {"state": "complete", "exit_code": 0, "seconds": 12.0}, id="at-the-second-try"
        ),
        pytest.param([task("shutdown", "shutdown")], {"state": "stopped", "seconds": 12.0}, id="stopped"),
        pytest.param([task("running", "shutdown")], {"state": "stopped", "seconds": 12.0}, id="stopping"),
    ],
)
def test_the_outcome_of_the_last_run(tasks, outcome):
    assert with_outcome(service(BEFORE, LAST), tasks) == [BEFORE, {**LAST, **outcome}]


def test_each_task_has_to_be_complete():
    found = with_outcome(service(LAST, most=2), [task("complete"), FAILED])
    assert found[0]["state"] == "failed"
    assert with_outcome(service(LAST, most=2), [task("complete"), task("complete")])[0]["state"] == "complete"


def test_what_is_recorded_stays():
    assert with_outcome(service(BEFORE), [task("running")]) == [BEFORE]


@pytest.mark.parametrize("text", ["", "{", "7", '{"a": 1}', "[1]"], ids=["empty", "broken", "number", "map", "no-runs"])
def test_a_label_that_somebody_else_wrote_is_no_run(text):
    made = service()
    made["Spec"]["Labels"]["stackwright.cron"] = text
    assert with_outcome(made, []) == []
