"""Why a task ended with exit code 0: by itself, or because its health check failed."""

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.health.judge import judge
from ansible_collections.stackwright.swarm.plugins.module_utils.health.seen import View
from ansible_collections.stackwright.swarm.plugins.module_utils.health.tasks import ENDED_BY_ITSELF, how_it_ended

SECOND = 10**9


def task(ended=20, **check):
    spec = {"ContainerSpec": {"Image": "app:1", **({"Healthcheck": check} if check else {})}, "ForceUpdate": 0}
    moment = f"2026-11-28T13:{ended // 60:02d}:{ended % 60:02d}.1Z"
    return {
        "ID": "t",
        "ServiceID": "s",
        "Slot": 1,
        "DesiredState": "shutdown",
        "Status": {"State": "complete", "Timestamp": moment},
        "Spec": spec,
        "CreatedAt": "2026-11-28T13:00:00.9Z",
    }


QUICK = {"Interval": 2 * SECOND, "Retries": 3}


@pytest.mark.parametrize(
    ("test", "named"),
    [
        (["CMD-SHELL", "wget -q http://user:hunter2@localhost/ || exit 1"], "health check `wget ...`"),
        (["CMD", "pg_isready"], "health check `pg_isready`"),
        (["CMD-SHELL", "PGPASSWORD=hunter2 PGUSER=x pg_isready -q"], "health check `pg_isready ...`"),
        (["CMD-SHELL", "PGPASSWORD=hunter2"], "its health check"),
        (["CMD", "/usr/bin/check", "--token", "hunter2"], "health check `/usr/bin/check ...`"),
    ],
)
def test_the_check_is_named_by_its_program_alone(test, named):
    assert how_it_ended(task(Test=test, **QUICK)) == f"did not become healthy before it was stopped ({named})"


@pytest.mark.parametrize(
    ("ended", "check"),
    [
        (20, {}),
        (20, {"Test": ["NONE"]}),
        (20, {"Test": [], **QUICK}),
        (5, {"Test": ["CMD", "x"], **QUICK}),  # three failures take 6 s
        (85, {"Test": ["CMD", "x"]}),  # the Engine's own 30 s, three times
    ],
)
def test_a_command_that_ends_before_its_check_can_have_failed_has_ended_by_itself(ended, check):
    assert how_it_ended(task(ended, **check)) == ENDED_BY_ITSELF


@pytest.mark.parametrize("state", ["paused", "rollback_started", "rollback_completed"])
def test_it_is_the_cause_of_an_update_that_swarm_stops(state):
    found = task(Test=["CMD-SHELL", "wget -q localhost"], **QUICK)
    spec = {"Name": "shop_web", "TaskTemplate": found["Spec"], "Mode": {"Replicated": {"Replicas": 1}}}
    update = {"State": state, "StartedAt": "2026-11-28T13:00:00Z", "Message": "update paused due to failure"}
    service = {"ID": "s", "Spec": spec, "UpdateStatus": update}
    fatal = judge(service, [found], View()).fatal
    assert fatal.startswith("did not become healthy before it was stopped (health check `wget ...`); Swarm ")
