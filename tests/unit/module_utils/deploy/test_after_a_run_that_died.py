"""A run is killed while it waits: the next one confirms its deployment, and healing does not undo it."""

import sys
from pathlib import Path

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.revisions.history import History

sys.path.insert(0, str(Path(__file__).parent))
from fake_clock import Clock
from fake_swarm import FakeSwarm
from runs import deploy, drift
from test_jobs_on_the_way_back import live, version


class Died(BaseException):
    """Kills the process: nothing is cleaned up."""


def dead(operation, message, since, who):
    return {"operation": operation, "message": message, "since": since, "who": "bob", "pid": 1, "host": "gone"}


def gone(holder):
    return holder.get("host") == "gone"


def state(number):
    return version(number, job=False)


def history(swarm):
    return [(r.number, r.operation, r.status) for r in reversed(History(swarm, Clock(), "shop").read())]


@pytest.fixture
def swarm():
    """Revision 1 is good; a run with version 2 has changed everything, and died before it recorded its end."""
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
    assert live(made) == {"web": "2"} and history(made)[-1] == (2, "deploy", "DEPLOYING")
    return made


def test_the_next_run_without_changes_records_what_is_there(swarm):
    done = deploy(swarm, state(2), is_gone=gone)
    assert (done["changed"], done["plan"], done["revision"]) == (False, [], 3)
    (died,) = done["interrupted"]
    assert (died["revision"], died["operation"], died["who"]) == (2, "deploy", "bob") and died["started"].endswith("Z")
    assert history(swarm)[1:] == [(2, "deploy", "FAILED"), (3, "deploy", "HEALTHY")]
    healed = drift(swarm, heal=True)
    assert (healed["drifted"], healed["changed"], healed["revision"]) == (False, False, 3)
    assert live(swarm) == {"web": "2"}
    # The run after it has nothing to settle.
    swarm.calls = 0
    again = deploy(swarm, state(2))
    assert "revision" not in again and "interrupted" not in again and again["calls"] <= 6 and len(history(swarm)) == 3


def test_check_mode_writes_nothing(swarm):
    swarm.writes.clear()
    assert not deploy(swarm, state(2), check=True, is_gone=gone)["changed"]
    assert swarm.writes == []


def test_of_several_managers_one_settles_it(swarm):
    swarm.writes.clear()
    looked = deploy(swarm, state(2), defer=True)
    assert looked["changed"] and swarm.writes == []
    assert not deploy(swarm, state(2), defer=True, check=True)["changed"]
    deploy(swarm, state(2), is_gone=gone)
    assert not deploy(swarm, state(2), defer=True)["changed"]


@pytest.mark.parametrize("check", [False, True])
def test_healing_does_not_go_past_it_and_the_next_run_still_can(swarm, check):
    seen = drift(swarm)
    assert seen["drifted"] and any("revision 2" in notice and "interrupted" in notice for notice in seen["notices"])
    done = drift(swarm, heal=True, check=check, is_gone=gone, this_run=dead)
    assert (done["changed"], done["plan"]) == (False, []) and done["remaining"] == done["drift_lines"] != []
    assert live(swarm) == {"web": "2"} and history(swarm)[-1] == (2, "deploy", "DEPLOYING")
    deploy(swarm, state(2), is_gone=gone)
    assert history(swarm)[-1] == (3, "deploy", "HEALTHY") and not drift(swarm, heal=True)["drifted"]


def test_healing_that_died_is_healed_by_the_next(swarm):
    deploy(swarm, state(2), is_gone=gone)
    web = next(s for s in swarm.objects["services"].values())
    web["Spec"]["TaskTemplate"]["ContainerSpec"]["Env"] = ["V=9"]

    def die(method, path):
        if method == "POST" and path.startswith("/services/"):
            swarm.before = killed
            raise Died

    def killed(method, path):
        raise Died

    swarm.before = die
    with pytest.raises(Died):
        drift(swarm, heal=True, this_run=dead)
    swarm.before = lambda method, path: None
    assert live(swarm) == {"web": "9"}
    assert drift(swarm, heal=True, is_gone=gone)["changed"] and live(swarm) == {"web": "2"}
