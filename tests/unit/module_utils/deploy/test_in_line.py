"""rollout.runs_at_once: at most so many runs in a Swarm, in the order of their start, and none waits forever."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from builders import desired, service
from fake_clock import Clock
from fake_swarm import FakeSwarm
from runs import OPTIONS

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import DeployError, EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.transaction import deploy_stack
from ansible_collections.stackwright.swarm.plugins.module_utils.locking.in_line import wait_in_line
from ansible_collections.stackwright.swarm.plugins.module_utils.locking.lock import TTL, Lock


@pytest.fixture
def swarm():
    return FakeSwarm()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def locks(swarm, clock):
    """Names of four runs, in the order of their start."""
    made = []
    for number in range(4):
        lock = Lock(swarm, clock, f"stack{number}", {"run": f"r{number}", "who": f"ann{number}", "operation": "deploy"})
        lock.acquire(0)
        clock.sleep(0.01)
        made.append(lock)
    return made


def at(swarm, clock, **moments):
    """Calls a function once, at a moment of the clock."""
    waiting = dict(moments)

    def before(_method, _path):
        swarm.before = lambda *_call: None
        for name, (moment, act) in list(waiting.items()):
            if clock.now() >= moment:
                del waiting[name]
                act()
        swarm.before = before

    swarm.before = before


@pytest.mark.parametrize(("place", "at_once"), [(0, 1), (1, 2), (3, 4), (2, 9)])
def test_who_is_among_the_first_does_not_wait(locks, clock, place, at_once):
    start = clock.now()
    wait_in_line(locks[place], at_once, 60, pytest.fail)
    assert clock.now() == start


@pytest.mark.parametrize(
    ("at_once", "released", "until"), [(1, (5, 20, 12), 20), (2, (5, 20, 12), 12), (3, (9, 9, 9), 9)]
)
def test_the_last_goes_when_so_many_have_ended(locks, swarm, clock, at_once, released, until):
    moments = {f"r{n}": (moment, locks[n].release) for n, moment in enumerate(released)}

    def keep_others():
        for lock in locks[:3]:
            if lock.held:
                lock.keep()

    at(swarm, clock, **moments)
    told = []
    wait_in_line(locks[3], at_once, 60, lambda line: (told.append(line), keep_others()))
    assert until <= clock.now() < until + 1
    assert told[0].startswith("waiting for 3 older runs of this Swarm, the first by ann0")
    assert locks[3].held


def test_it_gives_up_and_names_who_is_first(locks, clock):
    with pytest.raises(DeployError) as caught:
        wait_in_line(locks[1], 1, 7, lambda line: None)
    assert (caught.value.error_code, caught.value.details["holder"]["who"]) == ("locked", "ann0")
    assert "rollout.runs_at_once is 1, and there are 1 older run of this Swarm" in str(caught.value)
    assert 7 <= clock.now() < 8


def test_runs_that_died_and_locks_that_mark_a_revision_are_nobody(locks, swarm, clock):
    locks[0].leave()
    start = clock.now()
    wait_in_line(locks[1], 1, 60, pytest.fail)
    assert clock.now() == start
    # No process renews this lock.
    wait_in_line(locks[2], 1, 60, lambda line: None)
    assert TTL < clock.now() < TTL + 2


def test_an_engine_that_is_away_for_a_moment(locks, swarm, clock):
    def away(method, path):
        if clock.now() < 3 and path == "/configs":
            raise EngineError("no leader", "no_quorum", status=500)

    swarm.before = away
    wait_in_line(locks[0], 1, 60, pytest.fail)
    assert 3 <= clock.now() < 5


def test_a_lock_that_was_lost_ends_it(locks, swarm, clock):
    at(swarm, clock, lost=(2, lambda: swarm.objects["configs"].pop(locks[1]._id)))
    with pytest.raises(DeployError) as caught:
        wait_in_line(locks[1], 1, 60, lambda line: None)
    assert caught.value.error_code == "lock_lost"


def test_a_deployment_waits_and_then_does_its_work(swarm, clock):
    other = Lock(swarm, clock, "other", {"run": "r", "who": "bob"})
    other.acquire(0)
    clock.sleep(0.01)
    state = desired([service("web", replicas=0)])
    told = []
    options = {**OPTIONS, "runs_at_once": 1, "progress": told.append}
    with pytest.raises(DeployError) as caught:
        deploy_stack(swarm, clock, state, {**options, "lock_timeout": 2})
    assert caught.value.error_code == "locked" and swarm.objects["services"] == {}
    assert [
        config["Spec"]["Name"] for config in swarm.objects["configs"].values() if "lock" in config["Spec"]["Name"]
    ] == ["stackwright.lock.other"]
    at(swarm, clock, end=(clock.now() + 5, other.release))
    done = deploy_stack(swarm, clock, state, options)
    assert done["changed"] and "waiting for 1 older run of this Swarm, the first by bob" in told
