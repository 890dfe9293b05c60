"""Following a worker from the controller."""

import pytest

from ansible_collections.stackwright.swarm.plugins.plugin_utils.progress import PATIENCE, SILENCE, Follower


class Lost(Exception):
    pass


class World:
    """A manager that answers from ``answers``; each answer takes five seconds."""

    def __init__(self, *answers):
        self.answers, self.time, self.shown, self.asked = list(answers), 0.0, [], []

    def again(self, job, seen):
        self.time += 5.0
        self.asked.append((job, seen))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return dict(answer)

    def sleep(self, seconds):
        self.time += seconds

    def follow(self, begun):
        return Follower(self.again, self.shown.append, lambda: self.time, self.sleep, Lost).follow(begun)


def going(*lines, seen=0):
    return {"changed": False, "progress": {"job": "j", "seen": seen, "lines": list(lines), "done": False}}


def done(*lines, **result):
    return {**result, "progress": {"job": "j", "seen": 99, "lines": list(lines), "done": True}}


def test_what_has_ended_already_needs_no_lines():
    world = World()
    assert world.follow(done("one", changed=True)) == {"changed": True}
    assert world.follow({"changed": False}) == {"changed": False}
    assert (world.shown, world.asked) == ([], [])


def test_lines_are_shown_once_and_in_order():
    world = World(going("two", seen=20), done("three", changed=True))
    assert world.follow(going("one", seen=10)) == {"changed": True}
    assert world.shown == ["one", "two", "three"]
    assert world.asked == [("j", 10), ("j", 20)]


def test_a_failure_keeps_its_last_lines():
    world = World(done("the end", failed=True, msg="no"))
    assert world.follow(going("one")) == {"failed": True, "msg": "no"}
    assert world.shown == ["one", "the end"]


def test_nobody_waits_in_silence():
    world = World(*[going()] * 12, done(changed=True))
    world.follow(going("shop_web: 1/3 running"))
    assert world.shown[1] == f"shop_web: 1/3 running (for {SILENCE:.0f} s)"
    assert len(world.shown) == 1 + 60 // SILENCE


def test_a_lost_connection_is_tried_again():
    world = World(Lost(), Lost(), done(changed=True))
    assert world.follow(going("one")) == {"changed": True}
    assert world.asked == [("j", 0)] * 3
    assert "the manager goes on alone" in world.shown[1]


def test_but_not_for_ever():
    world = World(Lost("gone"))
    with pytest.raises(Lost):
        world.follow(going("one"))
    assert PATIENCE <= world.time <= PATIENCE + 30


def test_a_module_that_can_not_start_ends_it():
    world = World({"failed": True, "msg": "no Python here"})
    assert world.follow(going("one"))["failed"] is True
