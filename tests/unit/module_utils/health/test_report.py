"""The details of a service besides its status, from tables of its tasks."""

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.health.details import (
    SETTLED,
    report,
    restarted,
    seconds,
    shown,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.health.statuses import Judgement

NEW, OLD = {"ContainerSpec": {"Image": "app:2"}}, {"ContainerSpec": {"Image": "app:1"}}
NODES = [
    {"ID": "n1", "Description": {"Hostname": "one"}, "Status": {"State": "ready"}},
    {"ID": "n2", "Description": {"Hostname": "two"}, "Status": {"State": "down"}},
]


def service(update=None, condition="any", mode=None):
    template = {**NEW, "RestartPolicy": {"Condition": condition}}
    spec = {"Name": "shop_web", "TaskTemplate": template, "Mode": mode or {"Replicated": {"Replicas": 2}}}
    found = {"ID": "s", "Spec": spec, "UpdatedAt": "2026-01-01T00:00:00.5Z"}
    if "ReplicatedJob" in spec["Mode"]:
        found["JobStatus"] = {"JobIteration": {"Index": 1}}
    return {**found, "UpdateStatus": update} if update else found


def at(second):
    return f"2026-01-01T00:{second // 60:02d}:{second % 60:02d}.123456789Z"


def task(name, state, second, slot=1, old=False, code=0, node="n1", wanted="running", **more):
    template = {**(OLD if old else NEW), "RestartPolicy": {"Condition": more.pop("condition", "any")}}
    status = {"State": state, "Timestamp": at(second), "ContainerStatus": {"ContainerID": "c", "ExitCode": code}}
    if code:
        status["Err"] = f"task: non-zero exit ({code})"
    return {
        "ID": name,
        "ServiceID": "s",
        "Slot": slot,
        "NodeID": node,
        "DesiredState": wanted,
        "CreatedAt": at(max(second - 1, 0)),
        "Spec": template,
        "Status": status,
        **more,
    }


def told(found, tasks, status="healthy", desired=2, fine=(), after=None):
    return report(found, tasks, NODES, fine, Judgement("shop_web", status, "replicated", desired, 0), after)


def test_all_is_well_since_the_last_task_runs():
    found = told(service(), [task("a", "running", 3), task("b", "running", 9, slot=2)])
    assert (found["healthy"], found["restarts"], found["last_failure"], found["updating"]) == (2, 0, None, False)
    assert found["since"] == "2026-01-01T00:00:09Z"


def test_well_only_since_swarm_has_seen_the_update_through():
    update = {"State": "completed", "StartedAt": at(1), "CompletedAt": at(20), "Message": "update completed"}
    found = told(service(update), [task("a", "running", 3)])
    assert found["since"] == "2026-01-01T00:00:20Z"
    assert found["update_status"]["ended"] == found["since"]


def test_a_task_on_a_node_that_is_down_runs_but_is_not_healthy():
    assert told(service(), [task("a", "running", 3), task("b", "running", 3, slot=2, node="n2")])["healthy"] == 1


def test_restarts_count_what_was_followed_and_the_newest_failure_is_told():
    tasks = [
        task("a", "failed", 10, code=7, wanted="shutdown"),
        task("b", "failed", 20, code=7, wanted="shutdown", node="n2"),
        task("c", "starting", 30),
        task("d", "shutdown", 25, slot=2, wanted="shutdown"),  # drained or scaled: nothing has failed
        task("e", "running", 28, slot=2),
    ]
    found = told(service(), tasks, "degraded")
    assert found["restarts"] == 2
    assert found["last_failure"] == {
        "error": "task: non-zero exit (7)",
        "exit_code": 7,
        "node": "two",
        "at": "2026-01-01T00:00:20Z",
        "task": "b",
        "slot": 1,
        "old": False,
    }
    assert found["since"] == "2026-01-01T00:00:10Z"


@pytest.mark.parametrize("condition, restarts", [("any", 1), ("on-failure", 0)])
def test_an_end_with_exit_code_0_is_a_failure_only_of_what_is_to_run_for_ever(condition, restarts):
    tasks = [
        task("a", "complete", 10, wanted="shutdown", condition=condition),
        task("b", "running", 20, condition=condition),
    ]
    found = told(service(condition=condition), tasks)
    assert found["restarts"] == restarts
    assert (found["last_failure"] or {}).get("error") == ("the command has ended (exit code 0)" if restarts else None)


def test_an_update_half_way_and_a_failure_of_the_specification_before():
    update = {"State": "updating", "StartedAt": at(30), "Message": "update in progress"}
    tasks = [
        task("a", "failed", 10, old=True, code=1, wanted="shutdown"),
        task("b", "running", 12, old=True),
        task("c", "running", 32, slot=2),
    ]
    found = told(service(update), tasks, "progressing")
    assert (found["updating"], found["since"], found["restarts"]) == (True, "2026-01-01T00:00:30Z", 0)
    assert found["update_status"] == {
        "state": "updating",
        "done": 1,
        "total": 2,
        "old": 1,
        "started": "2026-01-01T00:00:30Z",
        "ended": None,
        "message": "update in progress",
    }
    assert found["last_failure"]["old"]
    held = told(service({**update, "State": "paused"}), tasks, "degraded")
    assert (held["updating"], held["update_status"]["old"]) == (False, 1)


def test_on_its_way_since_its_first_task_was_made():
    tasks = [task("a", "preparing", 11), task("b", "pending", 15, slot=2)]
    assert told(service(), tasks, "progressing")["since"] == "2026-01-01T00:00:10Z"
    assert told(service(), [], "progressing")["since"] == "2026-01-01T00:00:00Z"


def test_a_job_of_which_all_is_done():
    job = service(condition="none", mode={"ReplicatedJob": {"TotalCompletions": 1}})
    done = task("a", "complete", 40, wanted="complete", condition="none", JobIteration={"Index": 1})
    found = told(job, [done], "complete", 1)
    assert (found["healthy"], found["since"], found["last_failure"]) == (1, "2026-01-01T00:00:40Z", None)


NOW = seconds(at(100))
FAILED = task("a", "failed", 80, code=7, wanted="shutdown")


@pytest.mark.parametrize(
    "tasks, now, found",
    [
        ([FAILED, task("b", "running", 95)], NOW, "a"),
        ([FAILED, task("b", "running", 100 - int(SETTLED))], NOW, None),
        ([FAILED, task("b", "running", 95)], None, None),
        ([FAILED, task("b", "starting", 95)], NOW, None),
        ([task("a", "shutdown", 80, wanted="shutdown"), task("b", "running", 95)], NOW, None),
        ([task("a", "failed", 80, old=True, code=7, wanted="shutdown"), task("b", "running", 95)], NOW, None),
        # A node whose clock is ahead by more than a little tells nothing.
        ([FAILED, task("b", "running", 103)], NOW, "a"),
        ([FAILED, task("b", "running", 200)], NOW, None),
    ],
)
def test_what_was_restarted_a_moment_ago(tasks, now, found):
    failed = restarted(service(), tasks, now)
    assert (failed or {}).get("ID") == found


def test_what_was_restarted_is_so_since_its_failure():
    tasks = [FAILED, task("b", "running", 95)]
    assert told(service(), tasks, "degraded", fine=("a", "b"), after=FAILED)["since"] == "2026-01-01T00:01:20Z"


@pytest.mark.parametrize(
    "text, found",
    [
        ("2026-01-01T00:00:00Z", 1767225600.0),
        ("2026-01-01T00:00:00.123456789Z", 1767225600.0),
        ("2026-01-01T02:30:00.1+02:30", 1767225600.0),
        ("2025-12-31T19:00:00-05:00", 1767225600.0),
        ("2026-13-01T00:00:00Z", None),
        ("yesterday", None),
        (None, None),
    ],
)
def test_times_of_the_engine(text, found):
    assert seconds(text) == found


def test_no_time_is_shown_as_none():
    assert shown("0001-01-01T00:00:00Z") is None and shown(None) is None
