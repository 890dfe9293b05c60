"""A lock survives an election of any length: only another run can take it over."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from fake_clock import Clock
from fake_swarm import FakeSwarm

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import DeployError, EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.locking.lock import RENEW, TTL, Lock

AWAY = [
    EngineError("raft: failed to process the request: node lost leader status", "no_quorum", status=500),
    EngineError("nothing answers", "daemon_unreachable"),
    EngineError("it does not answer", "timeout"),
]


@pytest.fixture
def swarm():
    return FakeSwarm()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def lock(swarm, clock):
    held = Lock(swarm, clock, "shop", {"run": "me"})
    held.acquire(0)
    return held


def no_leader(swarm, clock, until, error=AWAY[0], method=""):
    def before(called, path):
        if clock.now() < until and method in ("", called):
            raise error

    swarm.before = before


@pytest.mark.parametrize("method", ["", "GET", "POST"])
@pytest.mark.parametrize("error", AWAY, ids=lambda error: error.error_code)
@pytest.mark.parametrize("age", [TTL * RENEW, TTL - 1, TTL, TTL + 5, 3 * TTL])
def test_a_lock_that_nobody_took_is_kept_after_an_election(lock, swarm, clock, age, error, method):
    """The run renews a lock of any age, such as after a call that hung, while the election still goes on."""
    clock.sleep(age)
    no_leader(swarm, clock, age + 19, error, method)
    before = clock.now()
    lock.keep()
    assert clock.now() < age + 19 or age >= TTL, "until it expires a lock that can't be renewed is ours"
    if age >= TTL:
        assert age + 19 <= clock.now() < age + 21, "no write may come before the Swarm has said whose it is"
    clock.sleep(before + 25 - clock.now())
    lock.keep()
    assert lock.held
    lock.release()
    assert not swarm.objects["configs"]


def test_a_lock_that_was_taken_in_the_election_is_lost(lock, swarm, clock):
    clock.sleep(TTL + 1)
    other = Lock(swarm, clock, "shop", {"run": "other"}, is_gone=lambda holder: True)
    other.acquire(0)
    no_leader(swarm, clock, clock.now() + 5)
    with pytest.raises(DeployError, match="taken over") as lost:
        lock.keep()
    assert lost.value.error_code == "lock_lost"
    lock.release()
    assert other.held and len(swarm.objects["configs"]) == 1


def test_a_lock_that_was_taken_between_the_look_and_the_renewal_is_lost(lock, swarm, clock):
    clock.sleep(TTL + 1)
    other = Lock(swarm, clock, "shop", {"run": "other"}, is_gone=lambda holder: True)

    def before(method, path):
        if method == "POST":
            swarm.before = lambda method, path: None
            other.acquire(0)

    swarm.before = before
    with pytest.raises(DeployError, match="taken over"):
        lock.keep()


def test_a_swarm_that_gets_no_leader_ends_the_run(lock, swarm, clock):
    clock.sleep(TTL)
    no_leader(swarm, clock, 10_000)
    with pytest.raises(DeployError, match=r"could not be renewed for 5\d s \(raft: .*lost leader"):
        lock.keep()
    before = clock.now()
    with pytest.raises(DeployError):
        lock.keep()
    lock.release()
    assert clock.now() == before


def test_a_refusal_is_not_waited_for(lock, swarm, clock):
    clock.sleep(TTL)
    no_leader(swarm, clock, 10_000, EngineError("no", "unauthorized", status=403))
    with pytest.raises(EngineError):
        lock.keep()
    assert clock.now() == TTL


@pytest.mark.parametrize("give", ["release", "leave"])
def test_a_lock_that_is_refused_once_is_given_back_all_the_same(lock, swarm, clock, give):
    refused = []

    def before(method, path):
        if method in ("DELETE", "POST") and not refused:
            refused.append(path)
            raise EngineError("name conflicts with an existing object", "conflict", status=409)

    swarm.before = before
    getattr(lock, give)()
    assert refused and clock.now() < 1
    Lock(swarm, clock, "shop", {"run": "you"}).acquire(0)
