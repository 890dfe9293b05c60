"""A lock without a process: nodes renew it through a manager, and it is only taken over when all have stopped."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from fake_clock import Clock
from fake_swarm import FakeSwarm

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import DeployError
from ansible_collections.stackwright.swarm.plugins.module_utils.locking.holder import holder_of
from ansible_collections.stackwright.swarm.plugins.module_utils.locking.lease import end_lease, renew_lease
from ansible_collections.stackwright.swarm.plugins.module_utils.locking.lock import TTL, Lock
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import LOCK

ME = {"run": "me", "who": "ann@m1", "pid": 1, "boot": "b", "pid_ns": "n", "started": "1", "operation": "remove"}


@pytest.fixture
def world():
    """A Swarm, its clock, and the run whose lock was handed on there."""
    swarm, clock = FakeSwarm(), Clock()
    lock = Lock(swarm, clock, "shop", ME)
    lock.acquire(0)
    run = lock.hand_on()
    lock.release()
    assert len(swarm.objects["configs"]) == 1, "a lock that was handed on is not this process's to give back"
    return swarm, clock, run


def holder(swarm):
    (config,) = swarm.objects["configs"].values()
    return holder_of(config)


def other(swarm, clock):
    """A run that regards every other process as dead, on a manager whose clock is an hour ahead."""

    class Ahead(Clock):
        now, sleep = clock.now, clock.sleep

        def wall(self):
            return clock.wall() + 3600

    return Lock(swarm, Ahead(), "shop", {"run": "other"}, is_gone=lambda held: "pid" in held)


def test_others_see_who_but_no_process_and_no_time_of_day(world):
    swarm, _clock, run = world
    assert holder(swarm) == {"run": run, "who": "ann@m1", "operation": "remove", "lease": True, "ttl": TTL}


def test_it_lasts_to_its_end_whatever_the_clocks_of_others_say(world):
    swarm, clock, run = world
    start = clock.now()
    renew_lease(swarm, clock, "shop", run, 45.0)
    other(swarm, clock).acquire(100)
    assert 45 < clock.now() - start < 50
    with pytest.raises(DeployError) as lost:
        renew_lease(swarm, clock, "shop", run, 30.0)
    assert lost.value.error_code == "lock_lost"
    end_lease(swarm, clock, "shop", run)
    assert holder(swarm)["run"] == "other", "what is somebody else's by now stays"


def test_it_is_held_as_long_as_somebody_renews_it(world):
    swarm, clock, run = world
    waiting = other(swarm, clock)
    sleep = clock.sleep

    def renewing(seconds):
        sleep(seconds)
        renew_lease(swarm, clock, "shop", run, 30.0)

    waiting.clock.sleep = renewing
    with pytest.raises(DeployError) as refused:
        waiting.acquire(120)
    assert refused.value.error_code == "locked"


def test_it_is_given_back(world):
    swarm, clock, run = world
    end_lease(swarm, clock, "shop", run)
    assert not swarm.objects["configs"]
    end_lease(swarm, clock, "shop", run)
    other(swarm, clock).acquire(0)


def test_a_lock_that_somebody_removed_is_no_lease(world):
    swarm, clock, run = world
    swarm.objects["configs"].clear()
    with pytest.raises(DeployError) as lost:
        renew_lease(swarm, clock, "shop", run, 30.0)
    assert lost.value.error_code == "lock_lost"


def test_what_services_want_is_asked_for_after_the_renewal(world):
    swarm, clock, run = world
    mount = {"Type": "volume", "Source": "shop_data"}
    spec = {"ContainerSpec": {"Image": "web:1", "Mounts": [mount]}}
    calls = []
    swarm.before = lambda method, path: calls.append((method, path.rpartition("/")[2]))
    service = swarm.add("services", Name="shop_web", Labels={}, Mode={"Global": {}}, TaskTemplate=spec)
    wanted = renew_lease(swarm, clock, "shop", run, 30.0)
    assert calls[-2:] == [("POST", "update"), ("GET", "services")]
    assert wanted["used"] == {"shop_data": ["shop_web"]} and wanted["wanted_images"] == ["web:1"]
    assert wanted["services"] == [service["ID"]]


def test_a_lock_that_could_not_be_handed_on_is_still_held(world):
    del world
    swarm, clock = FakeSwarm(), Clock()
    lock = Lock(swarm, clock, "shop", ME)
    lock.acquire(0)
    (config,) = swarm.objects["configs"].values()
    config["Spec"]["Labels"][LOCK] = json.dumps({"run": "somebody"})
    with pytest.raises(DeployError):
        lock.hand_on()
    assert lock.holder["pid"] == 1 and "lease" not in lock.holder
