"""The run of swarm_node on a model of nodes: races, lost answers, waits that end, and the state after a failure."""

import copy
import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "deploy")]

from fake_clock import Clock
from test_moving import node, service, task

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import (
    DeployError,
    EngineError,
    StackwrightError,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks import relocate
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.node import change_node
from ansible_collections.stackwright.swarm.plugins.module_utils.transitions.one_service import (
    AWAY,
    SETTLED,
    service_plan,
)

USUAL = {"labels_mode": "merge", "move": "safe", "unmovable": "fail", "timeout": 30}
FIRST = {"Order": "start-first", "Parallelism": 1}


class Nodes:
    """Nodes, services and tasks with the client's interface. A drained node loses its tasks at once."""

    where, api_version = "fake", (1, 41)

    def __init__(self, services=(), tasks=()):
        self.calls, self.writes, self.faults = 0, [], []
        self.nodes = {name: {**node(name), "Version": {"Index": 1}} for name in "abc"}
        self.services, self.tasks = list(services), list(tasks)

    def get(self, path, query=None, timeout=None):
        self.calls += 1
        if path == "/info":
            swarm = {"LocalNodeState": "active", "ControlAvailable": True, "Cluster": {"ID": "cluster"}}
            return {"Name": "a", "Swarm": swarm}
        if path.startswith("/nodes/"):
            return copy.deepcopy(self.nodes[path.rpartition("/")[2]])
        return copy.deepcopy({"/nodes": [*self.nodes.values()], "/services": self.services, "/tasks": self.tasks}[path])

    list = get

    def post(self, path, query=None, body=None, headers=None, timeout=None):
        self.calls += 1
        name = path.split("/")[2]
        fault = self.faults.pop(0) if self.faults else None
        if fault is not None and fault.error_code == "out_of_sequence":
            raise fault
        assert query["version"] == self.nodes[name]["Version"]["Index"]
        self.nodes[name]["Spec"], self.nodes[name]["Version"] = body, {"Index": query["version"] + 1}
        self.writes.append(body["Availability"])
        if body["Availability"] == "drain":
            self.tasks = [t for t in self.tasks if t["NodeID"] != name]
        if fault is not None:
            raise fault


def change(client, name="a", **options):
    return change_node(client, Clock(), name, {**USUAL, **options})


def test_a_change_and_no_change():
    client = Nodes()
    shown = change(client, labels={"disk": "ssd"}, check=True)
    assert shown["changed"] and client.writes == [] and shown["labels"] == {"disk": "ssd"}
    done = change(client, labels={"disk": "ssd"})
    assert done["changed"] and done["plan_lines"] == ["update node a: label disk absent → ssd"]
    client.calls = 0
    again = change(client, labels={"disk": "ssd"})
    assert not again["changed"] and again["calls"] == 2 and len(client.writes) == 1
    assert change(client, labels={"disk": "hdd"}, defer=True)["changed"] and len(client.writes) == 1


@pytest.mark.parametrize(
    "fault",
    [
        EngineError("update out of sequence", "out_of_sequence", status=500),
        EngineError("no answer", "timeout"),
        EngineError("closed", "daemon_unreachable"),
    ],
)
def test_a_race_or_a_lost_answer_makes_the_change_once(fault):
    client = Nodes()
    client.faults = [fault]
    assert change(client, labels={"disk": "ssd"})["changed"]
    assert client.nodes["a"]["Spec"]["Labels"] == {"disk": "ssd"} and len(client.writes) == 1


def test_somebody_elses_label_of_the_same_moment_is_kept():
    client = Nodes()
    client.faults = [EngineError("update out of sequence", "out_of_sequence", status=500)]
    seen = client.list

    def meanwhile(path, query=None, timeout=None):
        found = seen(path, query)
        client.nodes["a"]["Spec"]["Labels"] = {"theirs": "1"}
        return found

    client.list = meanwhile
    change(client, labels={"ours": "1"})
    assert client.nodes["a"]["Spec"]["Labels"] == {"theirs": "1", "ours": "1"}


def test_a_node_without_tasks_is_drained_at_once():
    client = Nodes()
    assert change(client, availability="drain")["changed"] and client.writes == ["drain"]
    assert not change(client, availability="drain")["changed"]


def test_a_safe_drain_pauses_moves_and_drains(monkeypatch):
    web = service("web", 1, update=FIRST)
    client = Nodes([web], [task(web, "a")])
    moved = []

    def move_away(engine, clock, services, away, options):
        moved.append(([s["Spec"]["Name"] for s in services], away))
        client.tasks = [task(web, "b")]

    monkeypatch.setattr(relocate, "move_away", move_away)
    done = change(client, availability="drain")
    assert client.writes == ["pause", "drain"] and moved == [(["web"], "a")]
    assert done["moves"][0]["way"] == "start-first" and done["notices"] == []


def test_a_move_that_fails_gives_the_node_back(monkeypatch):
    web = service("web", 1, update=FIRST)
    client = Nodes([web], [task(web, "a")])

    def move_away(engine, clock, services, away, options):
        raise DeployError("it does not start", "health_gate_failed")

    monkeypatch.setattr(relocate, "move_away", move_away)
    with pytest.raises(DeployError) as caught:
        change(client, availability="drain", labels={"x": "1"})
    assert caught.value.error_code == "health_gate_failed" and client.writes == ["pause", "active"]


def test_what_leaves_but_does_not_run_elsewhere_is_told():
    web = service("web", 1)
    client = Nodes([web], [task(web, "a")])
    with pytest.raises(DeployError) as caught:
        change(client, availability="drain")
    assert caught.value.error_code == "not_drained" and "service web runs 0 of 1" in str(caught.value)


def test_without_waiting_nothing_is_asked_afterwards():
    web = service("web", 1)
    client = Nodes([web], [task(web, "a")])
    assert change(client, availability="drain", wait=False)["changed"] and client.writes == ["drain"]


def test_swarms_own_drain_moves_nothing_itself():
    web = service("web", 2, update=FIRST)
    client = Nodes([web], [task(web, "a"), task(web, "b")])
    change(client, availability="drain", move="swarm", wait=False)
    assert client.writes == ["drain"]


def test_what_cannot_move_stops_before_the_first_change():
    web = service("web", 1, Placement={"Constraints": ["node.hostname == a"]})
    client = Nodes([web], [task(web, "a")])
    with pytest.raises(StackwrightError) as caught:
        change(client, availability="drain")
    assert caught.value.error_code == "cannot_move" and client.writes == []
    assert caught.value.details["moves"][0]["service"] == "web"
    done = change(client, availability="drain", unmovable="stop")
    assert client.writes == ["drain"] and "can't move from a" in done["notices"][0]


def back_after(client, looks, **left):
    """The node ``a`` is down, and restored (except ``left``) after a number of reads."""
    seen = client.get
    client.nodes["a"]["Status"] = {"State": "down"}

    def look(path, query=None, timeout=None):
        client.looks = getattr(client, "looks", 0) + (path == "/nodes/a")
        if client.looks == looks:
            client.nodes["a"]["Status"] = {"State": "ready"}
        return seen(path, query, timeout)

    client.get = look


def test_a_restarted_node_is_waited_for_before_the_change():
    client = Nodes()
    client.nodes["a"]["Spec"]["Availability"] = "drain"
    back_after(client, 5)
    told = []
    done = change(client, availability="active", wait_ready=True, progress=told.append)
    assert done["changed"] and client.looks >= 5 and client.writes == ["active"]
    assert told[0] == "waiting for a: it is down"
    assert not change(client, availability="active", wait_ready=True)["changed"]


def test_a_node_that_does_not_come_back_stays_as_it_is():
    client = Nodes()
    client.nodes["a"]["Spec"]["Availability"] = "drain"
    back_after(client, 10**9)
    shown = change(client, availability="active", wait_ready=True, check=True)
    assert shown["changed"], "check mode does not wait"
    with pytest.raises(DeployError) as caught:
        change(client, availability="active", wait_ready=True)
    assert caught.value.error_code == "not_back" and client.writes == []
    said = "a did not come back after 30 s: it is down. Nothing was changed: it stays drained."
    assert str(caught.value).startswith(said)


def test_an_engine_that_starts_is_waited_for_only_if_asked():
    client = Nodes()
    seen, tries = client.get, []

    def starting(path, query=None, timeout=None):
        tries.append(path)
        if len(tries) < 9:
            raise EngineError("nobody there", "daemon_unreachable")
        return seen(path, query, timeout)

    client.get = starting
    with pytest.raises(EngineError):
        change(client, availability="active")
    assert len(tries) == 1
    assert not change(client, availability="active", wait_ready=True)["changed"] and len(tries) == 9


@pytest.mark.parametrize(
    ("version", "wanted", "waits"),
    [
        ("28.5.2", "28.5.2", False),
        ("28.5.2+dfsg1", "28.5.2", False),
        ("28.5.21", "28.5.2", True),
        ("20.10.24+dfsg1", "28.5.2", True),
        ("", "28.5.2", True),
        ("28.5.2", None, False),
    ],
)
def test_the_expected_engine(version, wanted, waits):
    client = Nodes()
    client.nodes["a"]["Description"]["Engine"] = {"EngineVersion": version}
    if not waits:
        assert not change(client, availability="active", wait_ready=True, engine_version=wanted)["changed"]
        return
    with pytest.raises(DeployError, match=f"its Engine is .* instead of {wanted}") as caught:
        change(client, availability="active", wait_ready=True, engine_version=wanted)
    assert caught.value.error_code == "not_back"


def test_a_manager_is_back_when_the_others_reach_it():
    client = Nodes()
    client.nodes["a"]["Spec"]["Role"] = "manager"
    client.nodes["a"]["ManagerStatus"] = {"Reachability": "unreachable"}
    with pytest.raises(DeployError, match="as a manager it is unreachable"):
        change(client, availability="active", wait_ready=True)
    client.nodes["a"]["ManagerStatus"] = {"Reachability": "reachable"}
    assert not change(client, availability="active", wait_ready=True)["changed"]


def test_a_settled_service_restarts_no_task():
    live = service("web", 2)
    live["Spec"]["Labels"]["stackwright.moving"] = "a"
    live["Spec"]["TaskTemplate"]["Placement"] = {"Constraints": ["node.id!=a"]}
    (back,) = service_plan(live, SETTLED, "", 3).operations
    assert back.action == "update" and back.restarts == 0 and "restarts" not in str(back)
    (away,) = service_plan(service("web", 2), AWAY, "", 3, old=["a"]).operations
    assert "(restarts at most 2 tasks)" in str(away)


class Updating:
    """A service of no stack. Its update replaces a task every ``each`` seconds; with ``fails``, the last task then
    fails again and again."""

    def __init__(self, clock, count, each, fails=False):
        self.clock, self.count, self.each, self.fails = clock, count, each, fails

    def replaced(self):
        return int(self.clock.now() / self.each)

    def get(self, path):
        spec = {"Name": "tool", "Mode": {"Replicated": {"Replicas": self.count}}}
        state = "updating" if self.replaced() < self.count else "completed"
        return {"ID": "tool", "Spec": spec, "UpdateStatus": {"State": state}}

    def list(self, path, query=None):
        done = self.replaced()
        tasks = [{"ID": f"{slot} {done > slot}", "Status": {"State": "running"}} for slot in range(self.count)]
        if self.fails and done >= self.count:
            tasks[-1] = {"ID": f"try {done}", "Status": {"State": "starting"}}
        return [{**task, "DesiredState": "running"} for task in tasks]


def test_a_service_of_no_stack_has_the_timeout_without_progress():
    clock = Clock()
    tool = {"ID": "tool", "Spec": {"Name": "tool"}}
    relocate._wait(Updating(clock, 5, 20), clock, tool, 30)
    assert 100 <= clock.now() < 101
    for client in (Updating(clock, 5, 100), Updating(clock, 1, 5, fails=True)):
        clock.time = 0.0
        with pytest.raises(DeployError, match="service tool made no progress for 30 s") as failed:
            relocate._wait(client, clock, tool, 30)
        assert failed.value.error_code == "timeout" and clock.now() < 60
