"""A job on a schedule in a fake Swarm, which runs a job after each change unless it has zero completions."""

import sys
from pathlib import Path

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ComposeError, DeployError
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.scheduled import KEPT_RUNS, runs_of
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.service import change_service
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.compile import CompileRequest, compile_stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.load import Source
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.file_source import MemoryFiles

sys.path.insert(0, str(Path(__file__).parent))
from fake_clock import Clock
from fake_tasks import TaskSwarm
from runs import back, deploy, drift

NAME = "shop_backup"
SLOT = "2026-11-21T03:00:00Z"


def compiled(version=1, mode="replicated-job", replicas=2, web="sleep 1d", **labels):
    given = {"stackwright.cron.schedule": "0 3 * * *", **labels}
    backup = {
        "image": "backup:1",
        "environment": {"V": str(version)},
        "deploy": {"mode": mode, "replicas": replicas, "labels": given, "restart_policy": {"condition": "none"}},
    }
    services = {"web": {"image": "web:1", "command": web, "environment": {"V": str(version)}}, "backup": backup}
    sources = [Source("compose.yml", {"services": services})]
    return compile_stack(CompileRequest(sources=sources, name="shop"), MemoryFiles({}))


@pytest.fixture
def swarm():
    return TaskSwarm()


def live(swarm):
    return next(s for s in swarm.objects["services"].values() if s["Spec"]["Name"] == NAME)["Spec"]


def ran(swarm):
    """The number of tasks that the job has had."""
    key = next(key for key, s in swarm.objects["services"].items() if s["Spec"]["Name"] == NAME)
    return len(swarm.tasks.get(key) or ())


def run(swarm, slot=SLOT, **options):
    given = {"wait": False, "service": "backup", "state": "run", "slot": slot, **options}
    return change_service(swarm, Clock(), "shop", given)


def test_it_sleeps_through_deployments_restarts_rollbacks_and_heals(swarm):
    deploy(swarm, compiled(), wait=True)
    assert live(swarm)["Mode"] == {"ReplicatedJob": {"MaxConcurrent": 2, "TotalCompletions": 0}}
    deploy(swarm, compiled(2), wait=True)
    deploy(swarm, compiled(2), restart=["backup"])
    assert not deploy(swarm, compiled(2))["changed"]
    back(swarm)
    assert live(swarm)["TaskTemplate"]["ContainerSpec"]["Env"] == ["V=1"]
    live(swarm)["TaskTemplate"]["ContainerSpec"]["Env"] = ["V=9"]
    (found,) = drift(swarm)["drift"]
    assert found["healing"] == "update"
    drift(swarm, heal=True)
    assert live(swarm)["TaskTemplate"]["ContainerSpec"]["Env"] == ["V=1"]
    assert ran(swarm) == 0


def test_a_run_leaves_no_difference_and_is_forgotten_by_no_change(swarm):
    deploy(swarm, compiled())
    assert run(swarm)["changed"] and ran(swarm) == 2
    assert live(swarm)["Mode"]["ReplicatedJob"]["TotalCompletions"] == 2
    assert not deploy(swarm, compiled())["changed"] and not drift(swarm)["drifted"]
    deploy(swarm, compiled(2))
    assert live(swarm)["Mode"]["ReplicatedJob"]["TotalCompletions"] == 0 and ran(swarm) == 2
    back(swarm)
    deploy(swarm, compiled(3), restart=["backup"])
    assert [one["slot"] for one in runs_of(live(swarm)["Labels"])] == [SLOT] and ran(swarm) == 2


def test_it_runs_once_for_each_time(swarm):
    deploy(swarm, compiled())
    run(swarm)
    assert not run(swarm)["changed"] and not run(swarm, "2026-11-20T03:00:00Z")["changed"]
    assert run(swarm, "2026-11-22T03:00:00Z", check=True)["changed"] and ran(swarm) == 2
    assert run(swarm, "2026-11-22T03:00:00Z")["changed"] and ran(swarm) == 4
    assert run(swarm, None)["changed"], "by hand as often as one likes"
    assert [one["slot"] for one in runs_of(live(swarm)["Labels"])] == [SLOT, "2026-11-22T03:00:00Z", ""]


def test_so_many_runs_are_remembered(swarm):
    deploy(swarm, compiled())
    for day in range(10, 10 + KEPT_RUNS + 3):
        run(swarm, f"2026-11-{day}T03:00:00Z")
    found = runs_of(live(swarm)["Labels"])
    assert len(found) == KEPT_RUNS and found[-1]["slot"] == f"2026-11-{12 + KEPT_RUNS}T03:00:00Z"


def test_a_deployment_that_is_undone_runs_it_neither(swarm):
    deploy(swarm, compiled())
    run(swarm)
    made = swarm._post

    def refuse(path, query, body):
        if path.endswith("/update") and body["Name"] == "shop_web":
            raise DeployError("no")
        return made(path, query, body)

    swarm._post = refuse
    with pytest.raises(DeployError):
        deploy(swarm, compiled(2))
    assert live(swarm)["TaskTemplate"]["ContainerSpec"]["Env"] == ["V=1"] and ran(swarm) == 2
    assert [one["slot"] for one in runs_of(live(swarm)["Labels"])] == [SLOT]


def test_a_run_in_progress_is_in_the_plan_of_what_would_stop_it(swarm):
    swarm.exits[NAME] = None
    deploy(swarm, compiled())
    get = swarm.get

    def dated(path, *args, **how):
        found = get(path, *args, **how)
        return {**found, "SystemTime": "2000-01-01T00:00:00Z"} if path == "/info" else found

    swarm.get = dated
    run(swarm)
    run(swarm, "2026-11-22T03:00:00Z")
    assert [one.get("state") for one in runs_of(live(swarm)["Labels"])] == ["stopped", None]
    # The run does not wait for it.
    assert deploy(swarm, compiled(), wait=True)["status"] == "healthy"
    (service,) = [s for s in swarm.objects["services"].values() if s["Spec"]["Name"] == NAME]
    shown = swarm._shown

    def counted(kind, obj, query):
        found = shown(kind, obj, query)
        return {**found, "ServiceStatus": {"RunningTasks": 2, "DesiredTasks": 2}} if obj is service else found

    swarm._shown = counted
    plan = deploy(swarm, compiled(2), check=True)["plan"]
    assert [op["restarts"] for op in plan if op["name"] == NAME] == [2]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param({"mode": "replicated"}, "only a service with mode: replicated-job", id="mode"),
        pytest.param({"stackwright.cron.schedule": "0 3 * *"}, "is not a valid schedule", id="schedule"),
        pytest.param({"stackwright.cron.overlap": "allow"}, "must be forbid or replace", id="overlap"),
    ],
)
def test_what_is_wrong_with_its_labels_is_told_with_its_place(options, message):
    with pytest.raises(ComposeError, match=message) as caught:
        compiled(**options)
    assert "services.backup.deploy.labels" in str(caught.value)


def test_labels_of_the_container_and_endless_retries_are_told():
    labels = {"stackwright.cron.schedule": "@daily"}
    job = {"image": "a:1", "deploy": {"mode": "replicated-job", "labels": labels}}
    services = {"one": job, "two": {"image": "a:1", "labels": labels}}
    request = CompileRequest(sources=[Source("compose.yml", {"services": services})], name="shop")
    told = [notice["message"] for notice in compile_stack(request, MemoryFiles({}))["notices"]]
    assert "a label of the container has no effect" in told
    assert "Swarm restarts a failed run without end, so the run never ends" in told
