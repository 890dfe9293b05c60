"""The lock of a stack against a real engine: who gets it, who waits, who takes over, and what lost answers do."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from core import Recording

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.process_identity import is_gone, this_run
from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import SystemClock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import DeployError, EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.connection import Connection
from ansible_collections.stackwright.swarm.plugins.module_utils.locking.holder import holder_of
from ansible_collections.stackwright.swarm.plugins.module_utils.locking.lock import Lock
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import LOCK


class Slow(SystemClock):
    """A machine whose clock is an hour behind: its locks look expired to all others."""

    @staticmethod
    def wall():
        return time.time() - 3600


@pytest.fixture
def engine(bed):
    connection = Connection(docker_host=bed.node("m1").docker_host, timeout=60)
    transports = []

    def connect():
        transports.append(Recording(connection))
        return EngineClient(connection, transports[-1])

    yield connect
    for transport in transports:
        transport.close()


@pytest.fixture
def lock(engine, swarm):
    """A lock of this test's stack, with a connection of its own."""

    def make(who="ann@m1", ttl=30.0, message="release 7", clock=SystemClock, **more):
        holder = {**this_run("deploy", message, time.time(), who), **more.pop("holder", {})}
        return Lock(engine(), clock, swarm.name, holder, ttl, **more)

    return make


def of(lock):
    return lock.client._transport


def left(swarm):
    return [entry["Spec"]["Name"] for entry in swarm.bookkeeping()]


def release_settled(lock):
    """Gives it back as a run does that has looked at the history, and found nothing left open."""
    lock.holder["open"] = False
    lock.release()


def test_taking_and_giving_back_are_two_calls_and_leave_nothing(lock, swarm):
    one = lock()
    one.client.get("/info")
    of(one).seen.clear()
    assert one.acquire(0) is None
    assert left(swarm) == [f"stackwright.lock.{swarm.name}"]
    for _turn in range(100):
        one.keep()
    one.release()
    assert [method for method, _path in of(one).seen] == ["POST", "DELETE"]
    assert left(swarm) == []


def test_the_second_is_told_who_holds_it_since_when_and_for_what(lock):
    first, second = lock(), lock("bob@m2")
    first.acquire(0)
    lines = []
    start = time.monotonic()
    with pytest.raises(DeployError) as caught:
        second.acquire(0.3, lines.append)
    assert 0.3 <= time.monotonic() - start < 30, "0.3 s, and what a busy machine adds"
    assert caught.value.error_code == "locked"
    here = f"(process {os.getpid()} on {socket.gethostname()})"
    assert f"is being changed by ann@m1 {here} since 20" in caught.value.message
    assert 'UTC: deploy "release 7".' in caught.value.message
    assert "lock_timeout (now 0.3 s)" in caught.value.hint
    assert caught.value.details["holder"]["who"] == "ann@m1"
    assert len(lines) == 1 and "held by ann@m1" in lines[0]
    first.keep()
    first.release()


def test_who_waits_gets_it_when_it_is_given_back(lock):
    first, second = lock(), lock("bob@m2")
    first.acquire(0)
    waits = threading.Event()
    helper = threading.Thread(target=lambda: (waits.wait(10), first.release()))
    helper.start()
    assert second.acquire(20, lambda line: waits.set()) is None
    helper.join()
    assert not first.held and second.held
    second.release()


def test_of_many_at_once_each_gets_it_alone(lock):
    inside, most, order = [0], [0], []

    def work(one):
        one.acquire(60)
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        one.client.get("/info")
        order.append(one.holder["who"])
        inside[0] -= 1
        one.release()

    threads = [threading.Thread(target=work, args=(lock(f"run{number}"),)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]
    assert sorted(order) == [f"run{number}" for number in range(8)]


def test_a_renewed_lock_is_not_taken_over_even_where_the_holders_clock_is_an_hour_behind(lock, monkeypatch):
    # Renewed all the time: on a busy machine the holder may not run for seconds.
    monkeypatch.setattr("ansible_collections.stackwright.swarm.plugins.module_utils.locking.lock.RENEW", 0.01)
    first, second = lock(ttl=10.0, clock=Slow), lock("bob@m2", ttl=10.0)
    first.acquire(0)
    stop = threading.Event()

    def work():
        while not stop.wait(0.05):
            first.keep()

    helper = threading.Thread(target=work)
    helper.start()
    try:
        with pytest.raises(DeployError, match="ann@m1"):
            second.acquire(6)  # longer than a lock that expired is watched
    finally:
        stop.set()
        helper.join()
    first.keep()
    first.release()


def test_a_holder_that_does_not_renew_is_succeeded_and_notices(lock, swarm):
    first, second = lock(ttl=1.0), lock("bob@m2", ttl=1.0)
    first.acquire(0)
    start = time.monotonic()
    dead = second.acquire(10)
    assert time.monotonic() - start >= 1.0
    assert dead["run"] == first.holder["run"]
    with pytest.raises(DeployError) as caught:
        first.keep()
    assert caught.value.error_code == "lock_lost"
    assert "taken over by bob@m2" in caught.value.message
    with pytest.raises(DeployError):
        first.keep()
    first.release()
    assert left(swarm) == [f"stackwright.lock.{swarm.name}"], "the successor's lock stays"
    release_settled(second)
    assert left(swarm) == []


def test_a_lock_that_may_have_expired_is_released_only_if_it_is_still_ours(lock, swarm):
    first, second = lock(ttl=0.5), lock("bob@m2")
    first.acquire(0)
    second.acquire(10)
    first.release()
    second.keep()
    assert second.held and left(swarm)
    second.release()


def test_a_holder_that_was_killed_on_this_machine_is_succeeded_at_once(lock, swarm, bed):
    code = (
        "import sys, time; sys.path[:0] = [sys.argv[1], sys.argv[2]]\n"
        "from core import *\n"
        "from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.process_identity import this_run\n"
        "from ansible_collections.stackwright.swarm.plugins.module_utils.locking.lock import Lock\n"
        "client = EngineClient(Connection(docker_host=sys.argv[3], timeout=60))\n"
        "Lock(client, SystemClock, sys.argv[4], this_run('deploy', '', time.time(), 'victim')).acquire(0)\n"
        "print('held', flush=True); time.sleep(600)\n"
    )
    here = Path(__file__).parent
    collections = here.parents[1] / ".cache" / "collections"
    victim = subprocess.Popen(
        [sys.executable, "-c", code, str(here), str(collections), bed.node("m1").docker_host, swarm.name],
        stdout=subprocess.PIPE,
    )
    assert victim.stdout.readline() == b"held\n"
    waiting = lock(is_gone=is_gone)
    with pytest.raises(DeployError, match="victim"):
        waiting.acquire(0)
    victim.send_signal(signal.SIGKILL)
    # Not waited for yet: also a process that nobody has taken leave of is dead.
    waiting = lock(is_gone=is_gone)
    # Before the lock expires.
    assert waiting.acquire(20)["who"] == "victim"
    victim.wait()
    victim.stdout.close()
    waiting.release()


@pytest.mark.parametrize(
    ("labels", "by"),
    [
        ({}, "an unknown run"),
        ({LOCK: "no json"}, "an unknown run"),
        ({LOCK: "[1]"}, "an unknown run"),
        ({LOCK: '{"ttl": "x", "expires": true}'}, "somebody"),
    ],
)
def test_a_damaged_lock_is_taken_over_when_it_has_stayed_still(lock, swarm, labels, by):
    first, second = lock(), lock("bob@m2", ttl=0.5)
    first.acquire(0)
    config = swarm.bookkeeping()[0]
    body = {"Name": config["Spec"]["Name"], "Labels": {"stackwright.stack": swarm.name, **labels}}
    swarm.node.api("POST", f"/configs/{config['ID']}/update?version={config['Version']['Index']}", body)
    with pytest.raises(DeployError, match=f"is being changed by {by}"):
        second.acquire(0)
    second.acquire(10)
    with pytest.raises(DeployError, match="taken over by bob@m2"):
        first._due = 0
        first.keep()
    second.release()


def test_a_lock_that_somebody_removed_is_noticed(lock, swarm):
    one = lock(ttl=0.3)
    one.acquire(0)
    swarm.node.api("DELETE", f"/configs/{swarm.bookkeeping()[0]['ID']}")
    one._due = 0
    with pytest.raises(DeployError, match="it was removed"):
        one.keep()


def lose(one, method, part, times=1, after=True):
    """The next ``times`` answers to such calls get lost, after (or before) the engine has acted."""
    count = [times]

    def hook(seen, path):
        if seen == method and part in path and count[0]:
            count[0] -= 1
            raise ConnectionResetError(104, "Connection reset by peer")

    setattr(of(one), "after" if after else "before", hook)
    return count


@pytest.mark.parametrize("after", [True, False])
def test_a_lost_answer_to_the_creation_is_settled(lock, swarm, after):
    one = lock()
    count = lose(one, "POST", "/configs/create", after=after)
    assert one.acquire(5) is None
    assert count == [0]
    assert len(left(swarm)) == 1
    one.keep()
    one.release()
    assert left(swarm) == []


@pytest.mark.parametrize("after", [True, False])
def test_a_lost_answer_to_the_take_over_is_settled(lock, swarm, after):
    first, second = lock(ttl=0.4), lock("bob@m2", ttl=0.4)
    first.acquire(0)
    count = lose(second, "POST", "/update", after=after)
    assert second.acquire(10)["who"] == "ann@m1"
    assert count == [0]
    second.keep()
    second.release()
    (config,) = swarm.bookkeeping()
    assert holder_of(config)["open"] and holder_of(config)["free"], "what the dead run has left is not settled"
    third = lock("eve@m3", ttl=0.4)
    assert third.acquire(0)["open"]
    release_settled(third)
    assert left(swarm) == []


@pytest.mark.parametrize("after", [True, False])
def test_a_lost_answer_to_the_renewal_is_borne_with(lock, swarm, after):
    one = lock()
    one.acquire(0)
    version = swarm.bookkeeping()[0]["Version"]["Index"]
    one._due = 0
    count = lose(one, "POST", "/update", after=after)
    one.keep()
    assert count == [0] and one.held
    one._due = 0
    one.keep()
    assert swarm.bookkeeping()[0]["Version"]["Index"] > version
    assert holder_of(swarm.bookkeeping()[0])["run"] == one.holder["run"]
    one.release()
    assert left(swarm) == []


@pytest.mark.parametrize("after", [True, False])
def test_a_lost_answer_to_the_release_leaves_no_lock(lock, swarm, after):
    one = lock()
    one.acquire(0)
    count = lose(one, "DELETE", "/configs/", after=after)
    one.release()
    assert count == [0]
    assert left(swarm) == []


def test_an_engine_that_stays_away_ends_the_lock_when_it_expires(lock, monkeypatch):
    monkeypatch.setattr("ansible_collections.stackwright.swarm.plugins.module_utils.core.retry.BEAR_WITH", 0.5)
    one = lock(ttl=0.5)
    one.acquire(0)
    of(one).before = lambda method, path: (_ for _ in ()).throw(ConnectionRefusedError(111, "Connection refused"))
    deadline = time.monotonic() + 5
    with pytest.raises(DeployError, match=r"could not be renewed for \d+ s"):
        while time.monotonic() < deadline:
            one.keep()
    one.release()


def test_an_engine_that_is_away_while_the_lock_is_wanted_is_an_error_of_the_engine(lock, monkeypatch):
    monkeypatch.setattr("ansible_collections.stackwright.swarm.plugins.module_utils.core.retry.BEAR_WITH", 0.5)
    one = lock()
    one.client.get("/info")
    of(one).before = lambda method, path: (_ for _ in ()).throw(ConnectionRefusedError(111, "Connection refused"))
    with pytest.raises(EngineError) as caught:
        one.acquire(5)
    assert caught.value.error_code == "daemon_unreachable"
