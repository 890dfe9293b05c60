"""A run over fake hosts: the order of questions, the choice of managers, clocks, and the results of each host."""

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.membership.steps import Goal
from ansible_collections.stackwright.swarm.plugins.module_utils.parts.cluster_options import SWARM_CLUSTER
from ansible_collections.stackwright.swarm.plugins.module_utils.values.seal import seal
from ansible_collections.stackwright.swarm.plugins.plugin_utils.enrolment.known import Asked, HostOptions
from ansible_collections.stackwright.swarm.plugins.plugin_utils.enrolment.play_hosts import role_of
from ansible_collections.stackwright.swarm.plugins.plugin_utils.enrolment.results import results
from ansible_collections.stackwright.swarm.plugins.plugin_utils.enrolment.run import Enrolment

TOKEN = "SWMTKN-1-digest-the-secret-part"
OPTIONS = {name: option.get("default") for name, option in SWARM_CLUSTER.items()}


class Fakes:
    """Fakes of the module's parts on Engines that are in one Swarm, or in none."""

    def __init__(self, members=(), others=()):
        self.members = dict(members)  # host -> role
        self.hosts = [*self.members, *others]
        self.broken, self.clocks, self.asked, self.time = {}, {}, [], 1000.0

    def now(self):
        return self.time

    def sleep(self, seconds):
        self.time += seconds

    def facts(self, host):
        member = self.members.get(host)
        facts = {
            "name": host,
            "state": "active" if member else "inactive",
            "node_id": f"id-{host}" if member else "",
            "control": member == "manager",
            "cluster_id": "c1" if member == "manager" else "",
            "address": f"10.0.0.{host}" if member else "",
            "addresses": [f"10.0.0.{host}"],
            "interfaces": {},
            "error": "",
            "wall": self.time + self.clocks.get(host, 0.0),
            "calls": 1,
        }
        if member == "manager":
            facts.update(nodes=[self.node(name) for name in self.members], busy={}, settings={}, fixed={})
        return facts

    def node(self, name):
        manager = self.members[name] == "manager"
        leader = name == next(iter(self.members))
        raft = {"Reachability": "reachable", "Leader": leader, "Addr": f"10.0.0.{name}:2377"}
        return {
            "ID": f"id-{name}",
            "Spec": {"Role": self.members[name]},
            "Status": {"State": "ready", "Addr": f"10.0.0.{name}"},
            "Description": {"Hostname": name},
            **({"ManagerStatus": raft} if manager else {}),
        }

    def ask(self, host, part):
        self.asked.append((host, part["part"]))
        self.time += 0.01
        if host in self.broken:
            return self.broken[host]
        if part["part"] == "tokens":
            return {"sealed_values": seal(part["key"], b"0" * 16, {"worker": TOKEN, "manager": TOKEN})}
        if part["part"] == "hold":
            return {"run": "r", "facts": self.facts(host)}
        if part["part"] == "create":
            self.members[host] = "manager"
        if part["part"] == "join":
            assert part["body"]["JoinToken"] == TOKEN
            self.members[host] = "worker"
        return {"facts": self.facts(host)}

    def run(self, wanted, helpers=(), absent=None, check=False, **options):
        shown = []
        asked = Asked(
            self.ask,
            lambda hosts: {host: self.ask(host, {"part": "look"}) for host in hosts},
            lambda host, line: shown.append(f"[{host}] {line}"),
            self.now,
            self.sleep,
            "ann",
        )
        run = Enrolment(
            asked,
            wanted,
            {host: HostOptions.of({**OPTIONS, **options}) for host in wanted},
            helpers,
            absent or {},
            Goal(),
        )
        run.go(check)
        return run, results(run, None), shown


def test_a_token_is_in_no_result_and_no_line():
    fakes = Fakes({"m1": "manager"}, ["w1"])
    run, told, shown = fakes.run({"m1": "manager", "w1": "worker"})
    assert [step.kind for step in run.steps] == ["join"]
    assert TOKEN not in f"{told}{shown}{vars(run)}"
    assert fakes.asked[-1] == ("m1", "end")


def test_a_host_joins_through_a_manager_that_stays_one():
    fakes = Fakes({"m1": "manager", "m2": "manager", "m3": "manager"}, ["w1"])
    wanted = {"m1": "absent", "m2": "worker", "m3": "manager", "w1": "worker"}
    run, _told, _shown = fakes.run(wanted, check=True)
    assert run._addresses() == ["10.0.0.m3:2377", "10.0.0.m1:2377", "10.0.0.m2:2377"]


def test_managers_outside_the_play_are_asked_and_not_changed():
    fakes = Fakes({"m1": "manager", "m2": "manager", "m3": "manager"}, ["w1"])
    run, told, _shown = fakes.run({"w1": "worker"}, helpers=["m1", "m2", "m3"])
    assert fakes.members["w1"] == "worker"
    assert [step.host for step in run.steps] == ["w1"]
    assert set(told) == {"w1", "*"}


def test_a_helper_that_can_not_be_asked_may_have_a_swarm():
    fakes = Fakes({}, ["m1", "m2"])
    fakes.broken["m1"] = {"unreachable": True, "msg": "no route"}
    with pytest.raises(StackwrightError) as refused:
        fakes.run({"m2": "manager"}, helpers=["m1"])
    assert refused.value.error_code == "host_unreachable"
    assert {part for _host, part in fakes.asked} == {"look"}


def test_a_host_that_can_not_be_looked_at_fails_alone():
    fakes = Fakes({"m1": "manager"}, ["w1", "w2"])
    fakes.broken["w1"] = {"failed": True, "msg": "No Engine answers", "error_code": "daemon_unreachable"}
    _run, told, _shown = fakes.run({"m1": "manager", "w1": "worker", "w2": "worker"})
    assert (told["w1"]["failed"], told["w1"]["error_code"]) == (True, "daemon_unreachable")
    assert told["w2"]["changed"]
    assert "failed" not in told["w2"]
    assert any("w1 was left as it is: No Engine answers" in text for text in told["m1"]["warnings"])


def test_another_manager_serves_if_the_first_does_not():
    fakes = Fakes({"m1": "manager", "m2": "manager", "m3": "manager"}, ["w1"])
    ask = fakes.ask

    def flaky(host, part):
        if host == "m1" and part["part"] != "look":
            return {"failed": True, "msg": "gone", "error_code": "daemon_unreachable"}
        return ask(host, part)

    fakes.ask = flaky
    fakes.run({"m1": "manager", "m2": "manager", "m3": "manager", "w1": "worker"})
    assert fakes.members["w1"] == "worker"
    assert ("m2", "end") in fakes.asked


@pytest.mark.parametrize(("behind", "refused"), [(-4000.0, True), (-30.0, False), (4000.0, False)])
def test_a_clock_that_is_an_hour_behind_is_refused_before_the_join(behind, refused):
    fakes = Fakes({"m1": "manager"}, ["w1"])
    fakes.clocks["w1"] = behind
    wanted = {"m1": "manager", "w1": "worker"}
    if not refused:
        run, _told, _shown = fakes.run(wanted)
        assert any("clock" in warning for warning in run.warnings) == (abs(behind) > 60)
        return
    with pytest.raises(StackwrightError) as stopped:
        fakes.run(wanted)
    assert stopped.value.error_code == "clock_skew"
    assert "The clock of w1 is 4000 s behind that of the managers" in str(stopped.value)
    assert "w1" not in fakes.members


def test_an_error_of_the_swarm_fails_all_hosts_and_says_what_was_done():
    fakes = Fakes({"m1": "manager"}, ["w1", "w2"])
    ask = fakes.ask

    def failing(host, part):
        if (host, part["part"]) == ("w2", "join"):
            return {"failed": True, "msg": "connection refused", "error_code": "managers_unreachable"}
        return ask(host, part)

    fakes.ask = failing
    asked = Asked(
        fakes.ask,
        lambda hosts: {host: fakes.ask(host, {"part": "look"}) for host in hosts},
        lambda *line: None,
        fakes.now,
        fakes.sleep,
        "ann",
    )
    wanted = {"m1": "manager", "w1": "worker", "w2": "worker"}
    run = Enrolment(asked, wanted, dict.fromkeys(wanted, HostOptions.of(OPTIONS)), [], {}, Goal())
    with pytest.raises(StackwrightError) as refused:
        run.go(False)
    told = results(run, refused.value)
    assert {told[host]["error_code"] for host in wanted} == {"managers_unreachable"}
    assert told["w2"]["msg"].startswith("w2: connection refused")
    assert [told[host]["changed"] for host in wanted] == [False, True, False]
    assert fakes.asked[-1][1] == "end"


GROUPS = {"swarm_managers": ["m1"], "swarm_nodes": ["m1", "w1"], "core": ["x1"]}


@pytest.mark.parametrize(
    ("host", "options", "role"),
    [
        ("m1", {}, "manager"),
        ("w1", {}, "worker"),
        ("w1", {"role": "manager"}, "manager"),
        ("m1", {"state": "absent"}, "absent"),
        ("x1", {"manager_groups": ["core"]}, "manager"),
        ("x1", {}, "unknown_role"),
        ("m1", {"manager_groups": ["nobody"], "worker_groups": []}, "unknown_role"),
    ],
)
def test_roles_come_from_the_inventory_unless_the_task_says_them(host, options, role):
    full = {**OPTIONS, **options}
    if role != "unknown_role":
        assert role_of(host, full, GROUPS) == role
        return
    with pytest.raises(StackwrightError) as refused:
        role_of(host, full, GROUPS)
    assert refused.value.error_code == role


def test_a_promoted_manager_is_waited_for_until_it_answers_itself():
    """The raft has a new manager shortly before its own Engine answers as one."""
    fakes = Fakes({"m1": "manager", "m2": "manager"})
    known = fakes.facts
    fakes.facts = lambda host: {**known(host), **({"control": False} if host == "m2" and fakes.time < 1003 else {})}
    run, _told, _shown = fakes.run({"m1": "manager", "m2": "manager"})
    assert run.steps == []
    assert 1003 <= fakes.time < 1005
    assert run.facts["m2"]["control"]


@pytest.mark.parametrize("back", [1003, None])
def test_a_node_whose_agent_looks_for_a_manager_is_waited_for_once(back):
    fakes = Fakes({"m1": "manager", "w1": "worker"}, ["w2", "w3"])
    known = fakes.node

    def node(name):
        away = name == "w1" and not (back and fakes.time >= back)
        return {**known(name), **({"Status": {"State": "down"}} if away else {})}

    fakes.node = node
    run, _told, _shown = fakes.run({"m1": "manager", "w1": "worker", "w2": "worker", "w3": "worker"})
    assert [step.kind for step in run.steps] == ["join", "join"]
    assert [text for text in run.warnings if text.startswith("w1 is down according to the managers")] == run.warnings
    assert len(run.warnings) == (not back)
    assert fakes.time < 1005 if back else 1040 <= fakes.time < 1045
