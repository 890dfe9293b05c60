"""A worker waits for a manager as long as one can still run the task."""

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.meeting import DONE, WAITING, Meeting
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.waiting import (
    IDLE,
    Hosts,
    wait_for_all,
    wait_for_cluster,
)


class Clock:
    """A clock that advances with each pause; ``then`` runs after the first pause."""

    def __init__(self, then=lambda: None):
        self.time, self.then = 0.0, then

    def now(self):
        return self.time

    def sleep(self, seconds):
        self.then()
        self.then = lambda: None
        self.time += IDLE / 4 if seconds else 0


def meet(folder, host, state=WAITING):
    meeting = Meeting(str(folder), "task", host).__enter__()
    meeting.say(state)
    return meeting


def wait(meeting, hosts, at_once=5, then=lambda: None):
    clock = Clock(then)
    return wait_for_cluster(meeting, Hosts(set(hosts), at_once, "node-w1", "w1"), clock.now, clock.sleep)


def refused(meeting, hosts, at_once=5):
    with pytest.raises(StackwrightError) as caught:
        wait(meeting, hosts, at_once)
    assert caught.value.error_code == "no_manager"
    return str(caught.value)


CLUSTER = {"cluster_id": "c", "nodes": ["node-m1", "node-w1"], "host": "m1"}
TOLD = {**CLUSTER, "number": 1}


def test_what_a_manager_has_published_is_found(tmp_path):
    worker, manager = meet(tmp_path, "w1"), meet(tmp_path, "m1", "here")
    assert wait(worker, ["w1", "m1"], then=lambda: manager.publish("c", CLUSTER)) == TOLD


def test_another_cluster_does_not_count(tmp_path):
    worker = meet(tmp_path, "w1")
    worker.publish("d", {**CLUSTER, "nodes": ["node-x"]})
    assert "None of the hosts" in refused(worker, ["w1"])


def test_a_manager_that_ended_without_a_word(tmp_path):
    worker, manager = meet(tmp_path, "w1"), meet(tmp_path, "m1", "here")
    with pytest.raises(StackwrightError):
        wait(worker, ["w1", "m1"], then=manager.leave)


def test_as_many_wait_as_can(tmp_path):
    first, second = meet(tmp_path, "w1"), meet(tmp_path, "w2")
    assert "raise forks" in refused(first, ["w1", "w2", "m1"], 2)
    # One has given up: its place is free for the manager, and the other goes on waiting.
    manager = meet(tmp_path, "m1", "here")
    assert wait(second, ["w1", "w2", "m1"], 2, then=lambda: manager.publish("c", CLUSTER)) == TOLD


def test_a_host_that_never_comes(tmp_path):
    assert f"For {IDLE:.0f} s" in refused(meet(tmp_path, "w1"), ["w1", "m1"])


def test_seats_tell_who_is_there(tmp_path):
    one, two = meet(tmp_path, "one", DONE), meet(tmp_path, "two")
    one.leave()
    assert [(seat.host, seat.alive, seat.facts["state"]) for seat in sorted(two.seats())] == [
        ("one", False, DONE),
        ("two", True, WAITING),
    ]


def others(meeting, hosts, at_once=5, then=lambda: None):
    clock = Clock(then)
    seats = wait_for_all(meeting, set(hosts), at_once, clock.now, clock.sleep)
    return {seat.host: seat.facts["state"] for seat in seats}


def test_all_wait_until_all_are_done(tmp_path):
    one, two = meet(tmp_path, "one", DONE), meet(tmp_path, "two", "here")
    assert others(one, ["one", "two"], then=lambda: two.say(DONE)) == {"one": DONE, "two": DONE}


def test_nobody_waits_for_a_host_that_has_died(tmp_path):
    one, two = meet(tmp_path, "one", DONE), meet(tmp_path, "two", "here")
    assert others(one, ["one", "two"], then=two.leave) == {"one": DONE, "two": "here"}


def test_a_place_is_given_to_those_that_have_not_begun(tmp_path):
    one, _two = meet(tmp_path, "one", DONE), meet(tmp_path, "two", "here")

    def never():
        raise AssertionError("it waited")

    assert others(one, ["one", "two", "three"], 2, never) == {"one": DONE, "two": "here"}
    assert others(meet(tmp_path / "alone", "one", DONE), ["one", "two"], 1, never) == {"one": DONE}


def test_a_host_that_does_not_come_is_not_waited_for_long(tmp_path):
    assert others(meet(tmp_path, "one", DONE), ["one", "two"]) == {"one": DONE}


def test_a_host_that_tries_again_waits_for_what_others_find_then(tmp_path):
    one, two = meet(tmp_path, "one", DONE), meet(tmp_path, "two")
    two.say(DONE, codes={"error": ["port_in_use"]})
    two.leave()
    one.leave()
    one = meet(tmp_path, "one", DONE)
    again = []
    others(one, ["one", "two"], then=lambda: again.append(meet(tmp_path, "two", DONE)))
    assert [seat.facts.get("codes") for seat in one.seats()] == [None, None]


def test_a_worker_that_tries_again_waits_for_what_the_manager_finds_then(tmp_path):
    worker, manager = meet(tmp_path, "w1"), meet(tmp_path, "m1", "here")
    manager.publish("c", CLUSTER)
    assert wait(worker, ["w1", "m1"])["number"] == 1
    worker.leave()
    worker = meet(tmp_path, "w1")
    worker.used = 1
    worker.say(WAITING)
    assert wait(worker, ["w1", "m1"], then=lambda: manager.publish("c", CLUSTER))["number"] == 2
    manager.say(DONE)
    assert wait(worker, ["w1", "m1"])["number"] == 2, "the manager does not try again"
