"""stack_logs with ``until`` and ``wait_timeout``: each line once, in the order of time, and it always ends."""

import itertools

import pytest
from fake_clock import Clock

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.info import logs_until
from ansible_collections.stackwright.swarm.plugins.module_utils.info.logs import Wanted, since
from ansible_collections.stackwright.swarm.plugins.module_utils.info.logs_until import follow_logs, look_at_logs

START = 1_000_000_000.0  # 2001-09-09T01:46:40Z


class Engine:
    """Two nodes write ``texts``; each line is (second when it arrives, clock of its node, node, text)."""

    where, calls = "m1", 0

    def __init__(self, clock, *lines):
        self.clock, self.lines, self.asked = clock, lines, []

    def get(self, path, query=None, stream=False, timeout=None):
        if path == "/info":
            return {"Swarm": {"ControlAvailable": True, "LocalNodeState": "active", "Cluster": {"ID": "c1"}}}
        self.asked.append(query)
        start = float(query.get("since", 0))
        found = [line for line in self.lines if line[0] <= self.clock.time and START + line[1] + 0.5 >= start]
        frames = b""
        for _arrives, written, node, text in found[-query.get("tail", 5000) :]:
            moment = f"2001-09-09T01:{46 + int(40 + written) // 60:02}:{int(40 + written) % 60:02}.5Z"
            attributes = f"com.docker.swarm.node.id={node},com.docker.swarm.task.id=t-{node}"
            data = f"{moment} {attributes} {text}\n".encode()
            frames += b"\1\0\0\0" + len(data).to_bytes(4, "big") + data
        return frames

    def list(self, path, query=None, timeout=None):
        service = {"ID": "s1", "Spec": {"Name": "shop_web", "TaskTemplate": {"ContainerSpec": {}}}}
        tasks = [{"ID": f"t-{node}", "ServiceID": "s1", "Slot": 1, "NodeID": node} for node in ("n1", "n2")]
        nodes = [{"ID": node, "Description": {"Hostname": node}} for node in ("n1", "n2")]
        return {"/services": [service], "/tasks": tasks, "/nodes": nodes}[path]


LINES = [(0, 0, "n1", "start"), (3, 3, "n1", "one"), (5, -20, "n2", "late, by a slow clock"), (6, 6, "n1", "ready 7")]


def follow(*lines, until="ready", timeout=10, **wanted):
    clock, told = Clock(START + 0.3), []
    engine = Engine(clock, *lines)
    found = follow_logs(engine, clock, "shop", Wanted(**wanted), until, timeout, told.append)
    return found, [line.partition(" | ")[2] for line in told], clock.time, engine


def test_each_line_is_told_once_until_one_matches():
    found, told, spent, _engine = follow(*LINES)
    assert told == ["start", "one", "late, by a slow clock", "ready 7"]
    assert (found["matched"]["text"], found["matched"]["node"], spent) == ("ready 7", "n1", 6)
    assert [line["text"] for line in found["lines"]] == ["late, by a slow clock", "start", "one", "ready 7"]
    assert found["text"].count("\n") == 4


def test_what_is_there_already_matches_at_once_and_since_leaves_it_out():
    assert follow(*LINES, until="start")[2] == 0
    later = follow(*LINES, until="start", since="2001-09-09T01:46:42Z", timeout=4)
    assert later[0]["matched"] is None and later[1] == ["one"]


def test_a_line_of_the_second_in_which_it_begins_is_told_once():
    _found, told, _spent, _engine = follow((0, 0, "n1", "start"), until="", timeout=3, since="0s")
    assert told == ["start"]


@pytest.mark.parametrize("until", ["never", ""])
def test_it_ends_when_the_time_is_over(until):
    found, told, spent, _engine = follow(*LINES, until=until, timeout=8)
    assert (found["matched"], spent, len(told)) == (None, 8, 4)


def test_a_stack_that_says_nothing_yet():
    found, told, spent, _engine = follow((4, 4, "n1", "ready"))
    assert (told, spent, found["matched"]["text"]) == (["ready"], 4, "ready")


def test_only_the_last_lines_are_kept_and_only_the_last_moments_are_read_again():
    lines = [(second, second, "n1", f"line {second}") for second in range(200)]
    found, told, _spent, engine = follow(*lines, until="", timeout=199, tail=5)
    assert [line["text"] for line in found["lines"]] == [f"line {second}" for second in range(195, 200)]
    assert told == [f"line {second}" for second in range(200)]
    assert "since" not in engine.asked[0]
    assert all(
        float(query["since"]) >= START + number - 62
        for number, query in itertools.islice(enumerate(engine.asked), 1, None)
    )


def test_all_of_a_burst_is_looked_at():
    burst = [(3, 3, "n1", f"line {number}") for number in range(1000)]
    found, _told, _spent, _engine = follow((0, 0, "n1", "start"), burst[0], (3, 3, "n1", "ready"), *burst[1:], tail=5)
    assert found["matched"]["text"] == "ready"


def params(**given):
    return {
        "name": "shop",
        "project": None,
        "environment": None,
        "label_prefix": "stackwright",
        "services": [],
        "task": None,
        "tail": 100,
        "since": None,
        "contains": None,
        "until": None,
        "wait_timeout": None,
        **given,
    }


def run(**given):
    return {"check": False, "detach": None, "progress": None, **given}


@pytest.mark.parametrize("wrong", [{"until": "("}, {"until": "(", "timeout": 5}, {"contains": "("}])
@pytest.mark.parametrize("check", [True, False])
def test_options_that_are_wrong_ask_nothing_of_the_engine(wrong, check):
    with pytest.raises(StackwrightError) as caught:
        look_at_logs(None, params(**wrong), run(check=check))
    assert caught.value.error_code == "invalid_options" and next(iter(wrong)) in str(caught.value)


@pytest.fixture
def clock(monkeypatch):
    made = Clock(START + 0.3)
    monkeypatch.setattr(logs_until, "SystemClock", lambda: made)
    monkeypatch.setattr(logs_until, "without_values", lambda _client, _stack, _options, work: work())
    return made


def test_no_line_matches(clock):
    with pytest.raises(StackwrightError) as caught:
        look_at_logs(Engine(clock, *LINES), params(until="never", wait_timeout=8), run())
    assert (caught.value.error_code, clock.time) == ("timeout", 8)
    assert "matched 'never' within 8 s. The last lines:\n" in str(caught.value)
    assert str(caught.value).endswith("| ready 7") and len(caught.value.details["lines"]) == 4
    with pytest.raises(StackwrightError, match="There are no lines"):
        look_at_logs(Engine(clock), params(until="x"), run())


def test_check_mode_does_not_wait(clock):
    done = look_at_logs(Engine(clock, *LINES), params(until="ready"), run(check=True))
    assert clock.time == 0 and [line["text"] for line in done["lines"]] == ["start"] and "failed" not in done


@pytest.mark.parametrize(("shows", "shown"), [(True, 4), (False, 0)])
def test_one_host_shows_the_lines(clock, shows, shown):
    told, detached = [], []
    given = run(shows=shows, progress=told.append, detach=lambda: detached.append(1))
    assert look_at_logs(Engine(clock, *LINES), params(until="ready"), given)["matched"]
    assert (len(told), len(detached)) == (shown, 1)


def test_moments():
    assert since("2001-09-09T01:46:40Z", 0) == f"{START:.6f}"
