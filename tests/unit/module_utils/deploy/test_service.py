"""A change of one service with leftovers of other runs: revisions, and the lock of a run that died."""

import sys
from pathlib import Path

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import (
    DeployError,
    EngineError,
    StackwrightError,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.transaction import deploy_stack
from ansible_collections.stackwright.swarm.plugins.module_utils.locking.lock import Lock
from ansible_collections.stackwright.swarm.plugins.module_utils.revisions.history import History
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import LOCK, labels_of
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.drift import stack_drift
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.service import _exit_code, change_service

sys.path.insert(0, str(Path(__file__).parent))
from builders import desired, service
from fake_clock import Clock
from fake_swarm import FakeSwarm

OPTIONS = {"wait": False, "resolve_image": "never"}


def deployed(times=1):
    swarm = FakeSwarm()
    for number in range(times):
        state = desired([service("web", image=f"app:{number}")])
        deploy_stack(swarm, Clock(), state, {**OPTIONS, "keep_revisions": 100})
    return swarm


def scale(swarm, replicas, **options):
    wanted = {**OPTIONS, "service": "web", "state": "scaled", "replicas": replicas, **options}
    return change_service(swarm, Clock(), "shop", wanted)


def numbers(swarm):
    return [revision.number for revision in History(swarm, Clock(), "shop").read()]


def locks(swarm):
    return [config for config in swarm.objects["configs"].values() if LOCK in labels_of(config)]


def test_a_change_that_fails_forgets_no_revisions():
    """Deployments set how many revisions are kept; a change of one service does not know it."""
    swarm = deployed(15)
    before = numbers(swarm)
    assert len(before) == 15

    def refuse(method, path):
        if method == "POST" and path.startswith("/services/"):
            raise EngineError("no", "engine_error", status=400)

    swarm.before = refuse
    with pytest.raises(DeployError):
        scale(swarm, 3)
    swarm.before = lambda method, path: None
    assert numbers(swarm) == before


def heal(swarm):
    return stack_drift(
        swarm, Clock(), "shop", {**OPTIONS, "heal": True, "images": False, "rules": (), "fail_on_drift": True}
    )


@pytest.mark.parametrize("again", [lambda swarm: scale(swarm, 1), heal], ids=["service", "heal"])
def test_the_lock_of_a_run_that_died_goes_also_where_nothing_is_left_to_do(again):
    swarm = deployed()
    died = {"run": "r", "host": "elsewhere", "boot": "", "pid": 1, "started": "", "user": "", "who": "", "message": ""}
    Lock(swarm, Clock(), "shop", died, is_gone=lambda holder: False).acquire(10)
    assert len(locks(swarm)) == 1
    result = again(swarm)
    assert not result["changed"]
    assert locks(swarm) == []


@pytest.mark.parametrize("options", [{"defer": True}, {"check": True}], ids=str)
def test_a_look_waits_for_no_lock(options):
    swarm = deployed()
    Lock(swarm, Clock(), "shop", {"run": "r"}, is_gone=lambda holder: False).acquire(10)
    writes = list(swarm.writes)
    assert not scale(swarm, 1, **options)["changed"]
    assert swarm.writes == writes


def with_job(swarm, mode):
    state = desired([service("web"), service("db"), service("migrate")])
    next(s for s in state["services"] if s["key"] == "migrate")["spec"]["Mode"] = mode
    deploy_stack(swarm, Clock(), state, OPTIONS)


def forced(swarm):
    return {s["Spec"]["Name"][5:]: s["Spec"]["TaskTemplate"]["ForceUpdate"] for s in swarm.objects["services"].values()}


JOBS = [{"ReplicatedJob": {"MaxConcurrent": 1, "TotalCompletions": 1}}, {"GlobalJob": {}}]


@pytest.mark.parametrize("mode", JOBS)
def test_a_job_is_run_again_each_time(mode):
    swarm = FakeSwarm()
    with_job(swarm, mode)
    for number in (1, 2):
        wanted = {**OPTIONS, "service": ["migrate"], "state": "run"}
        assert change_service(swarm, Clock(), "shop", {**wanted, "check": True})["changed"]
        done = change_service(swarm, Clock(), "shop", wanted)
        assert done["changed"] and done["reason"] == "run again" and "exit_code" not in done  # nobody has waited
        assert forced(swarm) == {"web": 0, "db": 0, "migrate": number}


def test_what_is_no_job_is_not_run():
    swarm = FakeSwarm()
    with_job(swarm, JOBS[0])
    with pytest.raises(StackwrightError, match="shop_web is not a job.*state: restarted"):
        change_service(swarm, Clock(), "shop", {**OPTIONS, "service": ["migrate", "web"], "state": "run"})
    assert forced(swarm)["migrate"] == 0


def test_several_services_are_changed_together():
    swarm = FakeSwarm()
    with_job(swarm, JOBS[0])
    wanted = {**OPTIONS, "service": ["web", "shop_db", "web"], "state": "scaled", "replicas": 3}
    done = change_service(swarm, Clock(), "shop", wanted)
    assert [op["name"] for op in done["plan"]] == ["shop_web", "shop_db"] and done["service"] == "shop_web, shop_db"
    assert done["reason"] == "shop_web: scaled; shop_db: scaled"
    assert not change_service(swarm, Clock(), "shop", wanted)["changed"]
    with pytest.raises(DeployError, match="no service none"):
        change_service(swarm, Clock(), "shop", {**wanted, "service": ["web", "none"], "replicas": 1})


def test_several_services_are_put_back_together():
    swarm = FakeSwarm()
    with_job(swarm, JOBS[0])
    sent = []

    def refuse(method, path):
        if method == "POST" and path.startswith("/services/"):
            sent.append(path)
            if len(sent) == 2:
                raise EngineError("no", "engine_error", status=400)

    swarm.before = refuse
    with pytest.raises(DeployError):
        wanted = {**OPTIONS, "service": ["web", "db"], "state": "scaled", "replicas": 3}
        change_service(swarm, Clock(), "shop", wanted)
    counts = {s["Spec"]["Name"]: s["Spec"]["Mode"].get("Replicated") for s in swarm.objects["services"].values()}
    assert counts["shop_web"] == counts["shop_db"] == {"Replicas": 1}


@pytest.mark.parametrize(
    ("tasks", "code"),
    [
        ([], None),
        ([("running", 0)], None),
        ([("complete", 0)], 0),
        ([("failed", 3), ("complete", 0)], 0),
        ([("complete", 0), ("failed", 3)], 3),
    ],
)
def test_the_exit_code_is_that_of_the_newest_task(tasks, code):
    made = [
        {
            "ServiceID": "s",
            "Slot": 1,
            "CreatedAt": str(n),
            "Status": {"State": state, "ContainerStatus": {"ExitCode": x}},
        }
        for n, (state, x) in enumerate(tasks)
    ]
    assert _exit_code(made) == code


def test_a_stop_and_a_start_show_the_replicas_and_no_label():
    """The label that stores a stopped service's fields is long, and users don't need it."""
    swarm = deployed()
    for state, replicas in (("stopped", (1, 0)), ("started", (0, 1))):
        done = change_service(swarm, Clock(), "shop", {**OPTIONS, "service": "web", "state": state, "replicas": None})
        (op,) = [op for op in done["plan"] if op["action"] == "update"]
        assert [change["path"] for change in op["changes"]] == ["Mode.Replicated.Replicas"], op
        assert (op["changes"][0]["before"], op["changes"][0]["after"]) == replicas
