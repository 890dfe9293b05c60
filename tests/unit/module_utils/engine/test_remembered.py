"""The file of a run without changes: its result is reused only if all is the same, and it never makes a run fail."""

import json
import os
import stat

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.remembered import (
    Remembered,
    content_digest,
    proxy_key,
    run_key,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.trace import Trace

PARAMS = {"name": "shop", "docker_host": None}
PLACE = run_key(PARAMS, "compose_stack present", False, False)
RESULT = {"changed": False, "status": "healthy", "plan": []}


class Client:
    def __init__(self, answer="one"):
        self.answer, self.asked = answer, 0

    def get(self, path, query=None):
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def trace():
    made = Trace()
    made.sent("GET", "/services", None, False)
    made.answered("/services", {"status": True}, "one")
    return made


@pytest.fixture
def root(tmp_path):
    return str(tmp_path / "stackwright-0")


@pytest.fixture
def kept(root):
    made = Remembered(root, PLACE, "r1")
    made.save(trace().calls, {}, RESULT)
    return made


def test_the_same_request_and_answers_give_the_same_result(kept):
    assert kept.result(Client()) == RESULT


@pytest.mark.parametrize(
    "client", [Client("another"), Client(EngineError("gone", "daemon_unreachable"))], ids=["changed", "unreachable"]
)
def test_another_answer_or_none_gives_nothing(kept, client):
    assert kept.result(client) is None


def test_without_a_record_of_this_very_request_the_engine_is_not_asked(kept, root):
    client = Client()
    assert Remembered(root, PLACE, "r2").result(client) is None
    present = "compose_stack present"
    for place in (
        run_key({**PARAMS, "name": "other"}, present, False, False),
        run_key({**PARAMS, "docker_host": "unix:///x"}, present, False, False),
        run_key(PARAMS, "compose_stack stopped", False, False),
        run_key(PARAMS, present, True, False),
        run_key(PARAMS, present, False, True),
    ):
        assert Remembered(root, place, "r1").result(client) is None
    assert client.asked == 0


def test_a_run_of_another_request_takes_its_place(kept, root):
    Remembered(root, PLACE, "r2").save(trace().calls, {}, {**RESULT, "plan": ["x"]})
    assert kept.result(Client()) is None
    assert len(os.listdir(root)) == 1


def test_a_file_that_the_run_has_read_counts(root, tmp_path):
    facts = tmp_path / "shop.fact"
    facts.write_text("one")
    facts.chmod(0o600)
    made = Remembered(root, PLACE, "r1")
    made.save(trace().calls, {str(facts): content_digest(str(facts))}, RESULT)
    assert made.result(Client()) == RESULT
    facts.write_text("two")
    assert made.result(Client()) is None
    facts.unlink()
    assert made.result(Client()) is None
    made.save(trace().calls, {str(facts): content_digest(str(facts))}, RESULT)
    assert made.result(Client()) == RESULT
    facts.write_text("new")
    assert made.result(Client()) is None


def test_the_file_is_its_owner_s_alone(kept, root):
    (name,) = os.listdir(root)
    assert stat.S_IMODE(os.stat(os.path.join(root, name)).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(root).st_mode) == 0o700


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "null",
        "1e999",
        "[" * 100_000,
        json.dumps({"request": "r1"}),
        json.dumps({"request": "r1", "calls": [[]], "files": {}, "result": {}}),
        json.dumps({"request": "r1", "calls": [{"path": 1, "query": {}, "digest": ""}], "files": {}, "result": {}}),
        json.dumps({"request": "r1", "calls": [], "files": {"/x": 1}, "result": {}}),
        json.dumps({"request": "r1", "calls": [], "files": {}, "result": []}),
        json.dumps({"request": "r1", "calls": [], "files": {}, "result": {}}),
    ],
)
def test_a_damaged_one_is_as_none(kept, root, content):
    (name,) = os.listdir(root)
    with open(os.path.join(root, name), "w") as file:
        file.write(content)
    assert kept.result(Client()) is None


def test_one_of_another_user_is_as_none(kept, root):
    (name,) = os.listdir(root)
    os.chown(os.path.join(root, name), 12345, 12345)
    assert kept.result(Client()) is None


def test_where_it_can_not_be_written_the_run_goes_on(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    made = Remembered(str(blocked / "stackwright-0"), PLACE, "r1")
    made.save(trace().calls, {}, RESULT)
    assert made.result(Client()) is None
    huge = Remembered(str(tmp_path / "there"), PLACE, "r1")
    huge.save(trace().calls, {}, {"x": "y" * (5 << 20)})
    assert huge.result(Client()) is None


def test_what_is_known_says_of_which_request_it_is(kept, root):
    assert Remembered(root, PLACE).last(Client()) == {"request": "r1", "result": RESULT}
    assert Remembered(root, PLACE).last(Client("another")) == {}
    assert Remembered(root, proxy_key("shop", "unix:///x")).last(Client()) == {}
