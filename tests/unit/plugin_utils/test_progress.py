"""Following a detached process from the controller."""

import pytest

from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.progress import PATIENCE, SILENCE, Follower


class Lost(Exception):
    pass


class World:
    """A manager that answers from ``answers``; each answer takes five seconds."""

    def __init__(self, *answers):
        self.answers, self.time, self.shown, self.asked, self.said = list(answers), 0.0, [], [], []

    def again(self, job, seen, answer):
        self.time += 5.0
        self.asked.append((job, seen))
        self.said.append(answer)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return dict(answer)

    def sleep(self, seconds):
        self.time += seconds

    def follow(self, begun):
        now, answer = (lambda: self.time), (lambda question: {"checks": {question["of"]: "404"}})
        return Follower(self.again, self.shown.append, now, self.sleep, Lost, answer).follow(begun)


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


def test_what_a_worker_asks_is_answered_once_beside_its_lines():
    asking = going("one", seen=10)
    asking["progress"]["question"] = {"number": 3, "of": "c1"}
    world = World(Lost(), going("two", seen=20), done(changed=True))
    assert world.follow(asking) == {"changed": True}
    answer = {"checks": {"c1": "404"}, "number": 3}
    assert world.said == [answer, answer, {}]  # said again where the connection was lost


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
    assert "the manager continues on its own" in world.shown[1]


@pytest.mark.parametrize(("line", "changed"), [("one", False), ("create network shop_default", True)])
def test_but_not_for_ever(line, changed):
    world = World(Lost("gone"))
    with pytest.raises(Lost) as caught:
        world.follow(going(line))
    assert PATIENCE <= world.time <= PATIENCE + 30
    assert caught.value.changed is changed


#: What Ansible makes of a module that was killed, by its version; and of one that could not start.
KILLED = {"failed": True, "changed": False, "msg": "Module result deserialization failed: No start of json char found"}
UNREADABLE = [KILLED, {"failed": True, "msg": "MODULE FAILURE", "rc": 137}, {"failed": True, "msg": "no Python here"}]


@pytest.mark.parametrize("answer", UNREADABLE)
def test_a_question_that_was_killed_is_asked_again(answer):
    world = World(answer, Lost(), answer, done("two", changed=True))
    assert world.follow(going("one")) == {"changed": True}
    assert world.asked == [("j", 0)] * 4
    assert world.shown[0] == "one" and world.shown[-1] == "two"
    assert world.shown[1].startswith("no answer; the manager continues on its own")


@pytest.mark.parametrize("answer", UNREADABLE)
@pytest.mark.parametrize(
    ("line", "changed"), [("waiting for the lock", False), ("update service shop_web: image", True)]
)
def test_and_fails_as_a_lost_connection_does(answer, line, changed):
    world = World(answer)
    found = world.follow(going(line))
    assert (found["failed"], found["error_code"], found["changed"]) == (True, "host_unreachable", changed)
    assert answer["msg"] in found["msg"] and "run the task again" in found["msg"]
    assert PATIENCE <= world.time <= PATIENCE + 30


def test_a_refusal_ends_it_at_once_and_forgets_no_change():
    refused = {"failed": True, "changed": False, "error_code": "job_unknown", "msg": "no such job"}
    world = World(refused)
    assert world.follow(going("remove service shop_old")) == {**refused, "changed": True}
    assert len(world.asked) == 1
    assert World(refused).follow(going("one")) == refused
