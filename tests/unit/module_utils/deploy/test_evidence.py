import struct

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.gate.evidence import (
    LINES,
    MOST,
    checks_here,
    demultiplexed,
    evidence,
)


def frame(stream, text):
    return struct.pack(">BxxxI", stream, len(text)) + text


class Engine:
    def __init__(self, log, container=None):
        self.log, self.container = log, container or {}

    def list(self, path, query=None, timeout=None):
        return [{"ID": "n1", "Description": {"Hostname": "node1"}}]

    def get(self, path, query=None, headers=None, stream=False, timeout=None):
        if path.startswith("/containers/"):
            return self.container
        if isinstance(self.log, Exception):
            raise self.log
        return self.log


def service(tty=False):
    return {"ID": "s", "Spec": {"Name": "shop_web", "TaskTemplate": {"ContainerSpec": {"TTY": tty}}}}


def task(identity, state, created, code=0, error="", container="c"):
    status = {"State": state, "Err": error, "ContainerStatus": {"ContainerID": container, "ExitCode": code}}
    return {"ID": identity, "ServiceID": "s", "NodeID": "n1", "Status": status, "CreatedAt": created}


FAILED = task("b", "failed", "2026-01-01T00:00:02Z", 3, "task: non-zero exit (3)")
TASKS = [task("a", "failed", "2026-01-01T00:00:01Z", 9, "older"), FAILED, task("c", "ready", "2026-01-01T00:00:03Z")]


def test_frames_are_taken_out_and_a_torn_one_is_cut():
    assert demultiplexed(frame(1, b"one\n") + frame(2, b"two\n") + frame(1, b"three")[:-2]) == b"one\ntwo\nthr"
    assert demultiplexed(b"") == demultiplexed(b"\x01\x00") == b""


def test_the_newest_failure_is_told_with_code_node_and_log():
    (found,) = evidence(Engine(frame(2, b"no such table\n")), [service()], TASKS, {"shop_web": "it ends"})
    assert {k: found[k] for k in ("service", "reason", "error", "exit_code", "node", "log")} == {
        "service": "shop_web",
        "reason": "it ends",
        "error": "task: non-zero exit (3)",
        "exit_code": 3,
        "node": "node1",
        "log": ["no such table"],
    }
    assert found["text"] == ("shop_web: it ends (exit code 3, node node1)\n    | no such table")


def test_a_terminals_log_has_no_frames_and_a_long_one_is_cut():
    (found,) = evidence(Engine(b"line\r\n" * 50), [service(tty=True)], TASKS, {"shop_web": "x"})
    assert found["log"] == ["line"] * LINES
    # Half of a secret would not be found as one.
    (found,) = evidence(Engine(b"x" * 50 + b"y" * MOST + b"\nlast\n"), [service(tty=True)], TASKS, {"shop_web": "x"})
    assert found["log"] == ["last"]


@pytest.mark.parametrize("error", [EngineError("no log", "not_found"), EngineError("hangs", "timeout")])
def test_without_a_log_the_error_stands(error):
    (found,) = evidence(Engine(error), [service()], TASKS, {"shop_web": "it ends"})
    assert found["log"] == []
    assert found["exit_code"] == 3


def test_a_service_without_any_task():
    (found,) = evidence(Engine(b""), [service()], [], {"shop_web": "no suitable node"})
    assert found["text"] == "shop_web: no suitable node"


def checked(streak, said, retries=0):
    state = {"Health": {"Status": "unhealthy", "FailingStreak": streak, "Log": [{"ExitCode": 1, "Output": said}]}}
    return {"State": state, "Config": {"Healthcheck": {"Retries": retries}}}


def cut_off(container):
    container["State"]["Health"]["Log"].append({"ExitCode": 137, "Output": ""})
    return container


@pytest.mark.parametrize(
    ("container", "expected"),
    [
        pytest.param(
            checked(3, "HTTP/1.1 404\n"),
            "shop_web: it has ended (its health check fails, node node1)\n    health check: HTTP/1.1 404",
            id="its last words",
        ),
        pytest.param(
            cut_off(checked(3, "HTTP/1.1 404\n")),
            "shop_web: it has ended (its health check fails, node node1)\n    health check: HTTP/1.1 404",
            id="the words before, where Docker stopped the container during a check",
        ),
        pytest.param(
            cut_off(checked(3, "")),
            "shop_web: it has ended (its health check fails, node node1)\n    health check: exit code 137",
            id="no check that said anything",
        ),
        pytest.param(
            checked(3, "\n"),
            "shop_web: it has ended (its health check fails, node node1)\n    health check: exit code 1",
            id="a silent check",
        ),
        pytest.param(checked(3, "x", 4), "shop_web: it has ended (node node1)", id="it was stopped before"),
        pytest.param({"State": {}}, "shop_web: it has ended (node node1)", id="without a check"),
    ],
)
def test_a_command_that_ends_well_for_its_failing_health_check(container, expected):
    tasks = [task("b", "complete", "2026-01-01T00:00:02Z"), task("c", "ready", "2026-01-01T00:00:03Z", container="")]
    (found,) = evidence(Engine(b"", container), [service()], tasks, {"shop_web": "it has ended"})
    assert found["text"] == expected


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        (
            "the command has ended (exit code 0); Swarm paused the update",
            "did not become healthy before it was stopped (exit code 0); Swarm paused the update",
        ),
        (
            "did not become healthy before it was stopped (health check `wget ...`); Swarm paused the update",
            "did not become healthy before it was stopped (health check `wget ...`); Swarm paused the update",
        ),
    ],
)
def test_what_the_check_wrote_settles_how_the_command_ended(reason, expected):
    tasks = [task("b", "complete", "2026-01-01T00:00:02Z")]
    (found,) = evidence(Engine(b"", checked(3, "404")), [service()], tasks, {"shop_web": reason})
    assert found["text"] == f"shop_web: {expected} (node node1)\n    health check: 404"


def test_a_failing_health_check_is_said_in_plain_words():
    killed = task(
        "b", "failed", "2026-01-01T00:00:02Z", 137, "task: non-zero exit (137): dockerexec: unhealthy container"
    )
    (found,) = evidence(Engine(b"", checked(3, "no")), [service()], [killed], {"shop_web": killed["Status"]["Err"]})
    assert found["text"] == "shop_web: its health check fails (node node1)\n    health check: no"


@pytest.mark.parametrize(
    ("said", "lacks"),
    [
        ("/bin/sh: curl: not found", "curl"),
        ("/bin/sh: 1: curl: not found", "curl"),
        ("/bin/bash: line 1: wget: command not found", "wget"),
        (
            'OCI runtime exec failed: exec failed: exec: "python3": executable file not found in $PATH: unknown',
            "python3",
        ),
        ("curl: (22) The requested URL returned error: 404 not found", ""),
    ],
)
def test_a_check_that_needs_what_the_image_does_not_have_says_so(said, lacks):
    tasks = [task("b", "starting", "2026-01-01T00:00:02Z")]
    (found,) = evidence(Engine(b"", checked(3, said)), [service()], tasks, {"shop_web": "not healthy yet"})
    assert (f"its image has no {lacks}, which the health check needs" in found["text"]) is bool(lacks)
    assert ("its image has no" in found["text"]) is bool(lacks)


def test_a_check_that_fails_in_the_start_period_is_told():
    tasks = [task("b", "starting", "2026-01-01T00:00:02Z")]
    (found,) = evidence(Engine(b"", checked(0, "not yet")), [service()], tasks, {"shop_web": "not healthy yet"})
    assert found["text"] == (
        "shop_web: not healthy yet (its health check fails, node node1)\n    health check: not yet"
    )


class Elsewhere(Engine):
    """An Engine of a node without tasks of these services; ``said`` are the answers of the others."""

    def __init__(self, said, nodes=()):
        super().__init__(b"")
        self.said, self.nodes, self.asked = said, [*super().list("/nodes"), *nodes], []
        self.ask_nodes = self._ask if said is not None else None

    def _ask(self, question):
        self.asked.append(question)
        return self.said

    def list(self, path, query=None, timeout=None):
        return self.nodes

    def get(self, path, query=None, headers=None, stream=False, timeout=None):
        if path.startswith("/containers/"):
            raise EngineError("no such container", "not_found")
        return super().get(path, query, headers, stream, timeout)


UNHEALTHY = "task: non-zero exit (137): dockerexec: unhealthy container"


@pytest.mark.parametrize(
    ("state", "error"), [("complete", ""), ("starting", ""), ("failed", UNHEALTHY)], ids=lambda value: value[:8]
)
def test_a_check_that_ran_on_another_node_is_asked_for_there(state, error):
    more = {"ID": "n2", "Status": {"Addr": "192.0.2.2"}, "ManagerStatus": {"Addr": "198.51.100.2:2377"}}
    client = Elsewhere({"checks": {"c": "HTTP/1.1 404\nTOKEN=hunter2hunter2 \x1b[2J\n"}}, [more])
    (found,) = evidence(client, [service()], [task("b", state, "2026-01-01T00:00:02Z", 0, error)], {"shop_web": "x"})
    asked = {"container": "c", "starting": state == "starting", "node": ["node1"]}
    assert client.asked == [{"checks": [asked], "others": ["n2", "192.0.2.2", "198.51.100.2"]}]
    assert found["health_check"][0] == "HTTP/1.1 404" and "    health check: HTTP/1.1 404" in found["text"]
    assert "hunter2" not in found["text"] and "\x1b" not in found["text"]


@pytest.mark.parametrize("said", [None, {}, {"checks": None}, {"checks": {"other": "x"}}, {"checks": {"c": ""}}])
def test_without_an_answer_all_is_as_without_the_question(said):
    client = Elsewhere(said)
    (found,) = evidence(client, [service()], [task("b", "complete", "2026-01-01T00:00:02Z")], {"shop_web": "it ended"})
    assert (found["health_check"], found["text"]) == ([], "shop_web: it ended (node node1)")


@pytest.mark.parametrize(
    ("tasks", "reason"),
    [
        pytest.param([FAILED], "it ends", id="it failed by itself"),
        pytest.param([task("b", "running", "2026-01-01T00:00:02Z")], "1/2 running", id="it runs"),
        pytest.param([task("b", "complete", "2026-01-01T00:00:02Z", container="")], "x", id="it never ran"),
        pytest.param([], "no suitable node", id="no task"),
    ],
)
def test_nobody_is_asked_where_no_check_can_have_failed(tasks, reason):
    client = Elsewhere({})
    evidence(client, [service()], tasks, {"shop_web": reason})
    assert client.asked == []


def test_a_node_that_is_away_is_not_asked():
    client = Elsewhere({})
    client.nodes[0]["Status"] = {"State": "down"}
    evidence(client, [service()], [task("b", "complete", "2026-01-01T00:00:02Z")], {"shop_web": "it ended"})
    assert client.asked == []


def test_one_question_for_all_services():
    services, tasks = [], []
    for number in range(8):
        name = f"shop_{number}"
        services.append({**service(), "ID": name, "Spec": {**service()["Spec"], "Name": name}})
        tasks.append(
            {**task(f"t{number}", "complete", "2026-01-01T00:00:02Z", container=f"c{number}"), "ServiceID": name}
        )
    client = Elsewhere({"checks": {f"c{number}": f"said {number}" for number in range(8)}})
    found = evidence(client, services, tasks, {entry["ID"]: "it ended" for entry in services})
    (question,) = client.asked
    assert [check["container"] for check in question["checks"]] == [f"c{number}" for number in range(5)]
    assert [entry["health_check"] for entry in found] == [[f"said {number}"] for number in range(5)] + [[]] * 3


def test_what_a_node_tells_of_its_containers_is_without_their_secrets():
    container = checked(3, "404\npassword is planted-7f3a\nby planted-1b2c\nTOKEN=planted-9d8e\n")
    container["Config"].update(Env=["DB_PASSWORD=planted-7f3a", "A=b"], Cmd=["run", "--password", "planted-1b2c"])
    (told,) = checks_here(Engine(b"", container), {"abc0": False}).values()
    assert told.startswith("password is ") and "planted" not in told and len(told.splitlines()) == 3


@pytest.mark.parametrize("container", ["../secrets", "", "ABC", "a?x=1"])
def test_nothing_is_read_but_a_container(container):
    assert checks_here(None, {container: True}) == {}


def test_a_container_that_is_not_there_is_no_answer():
    assert checks_here(Elsewhere({}), {"abc0": True}) == {}
