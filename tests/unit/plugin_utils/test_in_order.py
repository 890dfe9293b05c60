"""The hosts of a play take their turns in the order of the inventory, without waiting for absent ones."""

from __future__ import annotations

import pytest

from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.in_order import (
    GRACE,
    LONGEST,
    LOOKED,
    failed_alike,
    wait_for_earlier,
    wait_for_result,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.meeting import DONE, Meeting


class Time:
    """A clock that advances with each pause; ``then`` runs at the first pause."""

    def __init__(self, then=lambda: None):
        self.seconds, self._then = 0.0, then

    def now(self):
        return self.seconds

    def sleep(self, seconds):
        self.seconds += max(seconds, 0.5)
        then, self._then = self._then, lambda: None
        then()


@pytest.fixture
def meet(tmp_path):
    made = []

    def come(host):
        made.append(Meeting(str(tmp_path), "task", host).__enter__())
        return made[-1]

    yield come
    for meeting in made:
        meeting.leave()


def waited(meeting, earlier, cluster="c", at_once=5, then=lambda: None):
    time = Time(then)
    wait_for_earlier(meeting, earlier, cluster, at_once, time.now, time.sleep)
    return time.seconds


def test_the_first_waits_for_nobody(meet):
    assert waited(meet("m1"), []) == 0


def test_an_earlier_one_that_looks_is_waited_for_until_it_has_begun(meet):
    first, second = meet("m1"), meet("m2")
    assert waited(second, ["m1"], then=lambda: first.say(DONE)) == 0.5
    first.say(LOOKED, cluster="c")
    assert waited(second, ["m1"], then=lambda: first.say(DONE)) == 0.5


def test_one_of_another_cluster_is_not_waited_for(meet):
    first, second = meet("m1"), meet("m2")
    first.say(LOOKED, cluster="other")
    assert waited(second, ["m1"]) == 0
    # Who does not know its cluster waits for all: it only compares what they say.
    assert waited(second, ["m1"], cluster="", then=lambda: first.say(DONE)) == 0.5


def test_one_that_dies_or_hangs_blocks_nobody(meet):
    first, second = meet("m1"), meet("m2")
    assert waited(second, ["m1"], then=first.leave) == 0.5
    assert waited(second, ["m1"]) == 0
    third = meet("m3")
    assert waited(meet("m4"), ["m3"]) >= LONGEST
    assert third is not None


def test_one_that_does_not_come_costs_a_moment_unless_it_can_not_come_yet(meet):
    assert GRACE <= waited(meet("m2"), ["m1"]) < 2 * GRACE
    # With one fork, the earlier ones have been served before, or were left out.
    assert waited(meet("m3"), ["m1"], at_once=1) == 0


def test_the_same_failure_is_told_by_the_first(meet):
    first, second, third = meet("m1"), meet("m2"), meet("m3")
    first.say(DONE, failed="a")
    assert failed_alike(second, ["m1"], "a") == "m1"
    assert failed_alike(second, ["m1"], "b") == ""
    second.say(DONE, failed="b")
    first.leave()
    assert failed_alike(third, ["m1", "m2"], "b") == "m2"
    assert failed_alike(third, ["m1", "m2"], "a") == "m1"


def test_a_failure_of_an_earlier_try_is_no_news(meet):
    first, second = meet("m1"), meet("m2")
    first.say(DONE, failed="a")
    second.leave()
    assert failed_alike(meet("m2"), ["m1"], "a") == ""


def test_a_result_is_waited_for_until_the_process_of_its_host_ends(meet):
    first, second = meet("m1"), meet("m2")
    time = Time()
    first.leave()
    wait_for_result(second, "m1", time.now, time.sleep)
    assert time.seconds == 0
    again = meet("m1")
    again.say(DONE)
    again.stay()
    again.leave()
    wait_for_result(second, "m1", time.now, time.sleep)
    assert time.seconds >= GRACE
    # Tried again by the same process: it must not wait for itself.
    third = meet("m1")
    assert third.visit == again.visit + 1
    third.leave()
    time = Time()
    wait_for_result(second, "m1", time.now, time.sleep)
    assert time.seconds == 0


def test_a_host_with_a_long_message_is_read_as_any_other(meet):
    first, second = meet("m1"), meet("m2")
    first.say(DONE, proxy={"changes": ["a route"] * 20000})
    assert waited(second, ["m1"]) == 0
