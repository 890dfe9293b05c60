"""The order of a deployment with routes, with fakes: for each state, switch and failure."""

from __future__ import annotations

import pytest

from ansible_collections.stackwright.swarm.plugins.plugin_utils.story.asked import RoutesAsked, asked_of
from ansible_collections.stackwright.swarm.plugins.plugin_utils.story.clusters import is_elsewhere
from ansible_collections.stackwright.swarm.plugins.plugin_utils.story.story import Asked, Story

STACK = {"name": "shop", "id": "id-of-shop"}
ROUTE = {"domain": "a.example.com", "service": "shop_web"}
CREATE = {"kind": "service", "name": "shop_web", "action": "create", "phase": "change"}
REMOVE = {"kind": "service", "name": "shop_old", "action": "remove", "phase": "prune"}


class Fakes:
    """Records each step. ``proxies``: each host's answers in order; the last one is repeated."""

    def __init__(self, **answers):
        self.steps = []
        self.answers = answers
        self.proxies = {}
        self.elsewhere = ()
        self.every = {"stacks": [{"name": "shop", "routes": [ROUTE]}], "owed": [], "digest": "d"}

    def _said(self, name, default=None):
        return dict(self.answers.get(name, default or {}))

    def preflight(self):
        self.steps.append("preflight")
        return self._said("preflight")

    def deploy(self, prune):
        self.steps.append("deploy" if prune else "deploy without prune")
        return self._said("deploy", {"changed": True, "routes": [ROUTE]})

    def plan_prune(self):
        self.steps.append("plan prune")
        return self._said("plan_prune", {"changed": True, "plan": [REMOVE], "plan_id": "p", "plan_lines": ["x"]})

    def prune(self, plan_id):
        self.steps.append(f"prune {plan_id}")
        return self._said("prune", {"changed": True, "plan": [REMOVE], "plan_lines": ["x"]})

    def values(self, routes, check):
        self.steps.append("values")
        return self._said("values", {"handed_routes": [{**ROUTE, "auth": {"a": "b"}}], "live_services": {}})

    def proxy(self, host, arguments, check):
        what = "all" if "stacks" in arguments else arguments["state"]
        self.steps.append(f"{'compare' if check else 'switch'} {what} {host}")
        self.given = arguments
        told = self.proxies.get(host) or [{"changed": True, "changes": ["add a"]}]
        return dict(told.pop(0) if len(told) > 1 else told[0])

    def has_socket(self, host, path):
        self.steps.append(f"socket {host}")
        return self.answers.get("sockets", {}).get(host)

    def book(self, **options):
        self.steps.append(f"book {' '.join(sorted(options))}".strip())
        return {**self.every, **(self._said("folder") if "folder" in options else {})}

    def strangers(self, hosts):
        self.steps.append(f"clusters {' '.join(hosts)}")
        return [host for host in hosts if host in self.elsewhere]

    def names(self, hosts):
        return []


def told(fakes, looked=None, check=False, state="present", preflight=False, prune=True, takes=(), **routes):
    given = asked_of({"proxies": ["p1", "p2"], "on_unlisted_proxy": "ignore", **routes}, {}, [])
    asked = Asked(state, given, preflight, prune, list(takes), check)
    looked = {"changed": True, "plan": [CREATE], "routes": [ROUTE], **(looked or {})}
    return Story(fakes, asked, STACK).run(looked)


SAME = {"changed": False, "changes": []}
DOWN = {"failed": True, "changed": False, "error_code": "admin_unreachable", "msg": "no answer"}


def test_routes_are_switched_when_the_services_are_healthy():
    fakes = Fakes()
    done = told(fakes, preflight=True)
    compare, switch = ["compare present p1", "compare present p2"], ["switch present p1", "switch present p2"]
    assert fakes.steps == ["preflight", *compare, "deploy", *switch]
    assert done["changed"] and not done.get("failed")
    assert [one["proxy"] for one in done["routes_result"]] == ["p1", "p2"]


def test_a_run_without_changes_compares_only():
    fakes = Fakes()
    fakes.proxies = {"p1": [SAME], "p2": [SAME]}
    done = told(fakes, {"changed": False, "plan": []}, preflight=True)
    assert fakes.steps == ["compare present p1", "compare present p2"]
    assert not done["changed"]


def test_a_proxy_that_lost_its_routes_gets_them_without_a_deployment():
    fakes = Fakes()
    fakes.proxies = {"p1": [SAME]}
    done = told(fakes, {"changed": False, "plan": []})
    assert fakes.steps[2:] == ["switch present p1", "switch present p2"]
    assert done["changed"]
    assert [one["changed"] for one in done["routes_result"]] == [False, True]


def test_check_mode_changes_nothing_and_tells_what_would_change():
    fakes = Fakes()
    fakes.proxies = {"p1": [{**SAME, "fresh": True}]}
    done = told(fakes, check=True, preflight=True)
    assert fakes.steps == [
        "preflight",
        "compare present p1",
        "compare present p2",
        "book secrets",
        "compare all p1",
    ]
    assert done["changed"]
    only_routes = told(Fakes(), {"changed": False, "plan": []}, check=True)
    assert only_routes["changed"]


def test_a_failed_preflight_ends_it():
    fakes = Fakes(preflight={"failed": True, "msg": "1 check failed", "error_code": "constraints", "findings": [1]})
    done = told(fakes, preflight=True)
    assert fakes.steps == ["preflight"]
    assert (done["failed"], done["changed"], done["error_code"]) == (True, False, "constraints")
    assert done["findings"] == [1]


def test_a_failed_deployment_leaves_the_routes():
    fakes = Fakes(deploy={"failed": True, "msg": "it exits", "error_code": "tasks_fail", "changed": True})
    done = told(fakes, {"plan": [CREATE, REMOVE]})
    assert fakes.steps[2:] == ["deploy without prune"]
    assert (done["failed"], done["msg"], done["changed"]) == (True, "it exits", True)


def test_before_the_routes_come_first_and_go_back_after_a_failure():
    fakes = Fakes(deploy={"failed": True, "msg": "it exits", "error_code": "tasks_fail", "changed": True})
    done = told(fakes, switch="before")
    switch = ["switch present p1", "switch present p2"]
    assert fakes.steps[2:] == [*switch, "deploy", "book", *switch]
    assert done["msg"] == "it exits (tasks_fail) The routes of the running services were restored."
    assert done["error_code"] == "tasks_fail"


def test_before_a_proxy_that_refuses_takes_the_others_back():
    refused = {"failed": True, "changed": False, "error_code": "route_conflict", "msg": "not yours."}
    fakes = Fakes()
    fakes.proxies = {"p2": [SAME, refused, SAME]}
    done = told(fakes, switch="before")
    assert "deploy" not in fakes.steps
    assert fakes.steps[-3:] == ["book", "switch present p1", "switch present p2"]
    assert done["error_code"] == "route_conflict" and "were restored" in done["msg"]


def test_where_the_routes_can_not_be_restored_both_are_told():
    fakes = Fakes(deploy={"failed": True, "msg": "it exits", "error_code": "tasks_fail"})
    fakes.every = {"failed": True, "msg": "no manager", "error_code": "not_a_manager"}
    done = told(fakes, switch="before")
    assert done["error_code"] == "tasks_fail"
    assert done["msg"] == "it exits (tasks_fail) The routes could not be restored: no manager"


def test_a_service_loses_its_route_before_it_goes():
    fakes = Fakes()
    done = told(fakes, {"plan": [CREATE, REMOVE]})
    assert fakes.steps[2:] == [
        "deploy without prune",
        "switch present p1",
        "switch present p2",
        "plan prune",
        "prune p",
    ]
    assert done["plan"] == [REMOVE]
    same = Fakes()
    same.proxies = {"p1": [SAME], "p2": [SAME]}
    told(same, {"plan": [CREATE, REMOVE]})
    assert "deploy" in same.steps and "plan prune" not in same.steps


@pytest.mark.parametrize(
    "plan",
    [
        [REMOVE, {**CREATE, "action": "update"}],
        [REMOVE, {**REMOVE, "name": "shop_new"}],
    ],
    ids=["changed", "more"],
)
def test_the_last_step_removes_nothing_of_a_deployment_that_came_in_between(plan):
    fakes = Fakes(plan_prune={"changed": True, "plan": plan, "plan_lines": ["remove service shop_new"]})
    done = told(fakes, {"plan": [CREATE, REMOVE]})
    assert fakes.steps[-1] == "plan prune"
    assert (done["failed"], done["error_code"], done["changed"]) == (True, "conflict", True)
    assert "ran in between" in done["msg"] and "remove service shop_new" in done["msg"]


def test_networks_that_go_with_the_services_are_no_conflict():
    network = {"kind": "network", "name": "n", "action": "remove", "phase": "prune"}
    kept = {"kind": "network", "name": "m", "action": "keep", "phase": "change"}
    fakes = Fakes(plan_prune={"changed": True, "plan": [REMOVE, network, kept], "plan_id": "p"})
    assert not told(fakes, {"plan": [CREATE, REMOVE]}).get("failed")
    assert fakes.steps[-1] == "prune p"


def test_domains_are_recorded_between_the_gate_and_the_switch():
    fakes = Fakes()
    told(fakes, takes=["a.example.com"])
    assert fakes.steps[2:] == ["deploy", "book takes", "switch present p1", "switch present p2"]


def test_a_removal_takes_the_routes_first():
    fakes = Fakes(sockets={"p1": True, "p2": False})
    done = told(fakes, {"plan": []}, state="absent")
    assert fakes.steps == ["socket p1", "socket p2", "switch absent p1", "deploy"]
    assert done["changed"]
    idle = Fakes(sockets={"p1": True, "p2": None})
    told(idle, {"changed": False}, state="absent")
    assert idle.steps[2:] == ["switch absent p1", "switch absent p2"]


def test_a_stopped_stack_keeps_its_routes():
    fakes = Fakes()
    done = told(fakes, state="stopped")
    assert fakes.steps == ["deploy"] and "routes_result" not in done


def test_a_proxy_that_is_down_ends_it_before_anything_is_changed():
    fakes = Fakes()
    fakes.proxies = {"p1": [DOWN], "p2": [{"unreachable": True, "msg": "ssh"}]}
    done = told(fakes)
    assert fakes.steps == ["compare present p1", "compare present p2"]
    assert done["error_code"] == "admin_unreachable" and not done["changed"]
    assert done["msg"].startswith(
        "No routes for the proxy of p1: no answer No routes for the proxy of p2: its host is unreachable. "
        "Nothing was changed."
    )


def test_by_option_it_goes_on_without_and_records_it():
    fakes = Fakes()
    fakes.proxies = {"p1": [DOWN]}
    done = told(fakes, on_lost_proxy="warn")
    assert fakes.steps[2:] == ["book gone missed", "deploy", "switch present p2"]
    assert not done.get("failed")
    assert done["warnings"] == ["No routes for the proxy of p1: no answer"]
    assert done["routes_result"][0]["error_code"] == "admin_unreachable"


def test_what_a_proxy_misses_is_recorded_once():
    """If a run ended before this step, the next run does it, even if there is nothing else to do."""
    fakes = Fakes()
    fakes.proxies = {"p1": [DOWN], "p2": [SAME]}
    told(fakes, {"changed": False, "plan": []}, on_lost_proxy="warn")
    assert fakes.steps[2:] == ["book gone missed"]
    known = Fakes()
    known.proxies = {"p1": [DOWN], "p2": [SAME]}
    told(known, {"changed": False, "plan": [], "owed": ["p1"]}, on_lost_proxy="warn")
    assert not [step for step in known.steps if "missed" in step]
    without = Fakes()
    without.proxies = {"p1": [DOWN], "p2": [SAME]}
    told(without, {"changed": False, "plan": [], "routes": []}, on_lost_proxy="warn")
    assert not [step for step in without.steps if "missed" in step]


def test_a_proxy_that_dies_between_compare_and_switch_is_recorded_and_fails():
    fakes = Fakes()
    fakes.proxies = {"p1": [SAME, DOWN]}
    done = told(fakes)
    assert fakes.steps[-1] == "book gone missed"
    assert done["failed"] and "The missed routes are recorded." in done["msg"] and done["changed"]


@pytest.mark.parametrize("codes", [("route_conflict",), ("route_conflict", "invalid_route")])
def test_all_proxies_are_asked_before_a_refusal_ends_it(codes):
    fakes = Fakes()
    fakes.proxies = {
        host: [{"failed": True, "changed": False, "msg": f"{code}.", "error_code": code}]
        for host, code in zip(("p1", "p2"), codes)
    }
    done = told(fakes)
    assert fakes.steps == ["compare present p1", "compare present p2"]
    assert done["error_code"] == "route_conflict"
    assert done["msg"] == f"{' '.join(f'{code}.' for code in codes)} ({', '.join(codes)})"


def test_new_and_owed_proxies_get_all_routes():
    fakes = Fakes()
    fakes.proxies = {"p1": [{**SAME, "fresh": True}]}
    told(fakes, {"owed": ["p2"], "changed": False, "plan": []})
    assert fakes.steps[2:6] == ["book secrets", "switch all p1", "switch all p2", "book settled"]


def test_all_routes_are_written_again_while_they_change():
    fakes = Fakes()
    fakes.proxies = {"p1": [{**SAME, "fresh": True}], "p2": [SAME]}
    digests = iter("abcc")
    real = fakes.book
    fakes.book = lambda **options: {**real(**options), "digest": next(digests)}
    told(fakes, {"changed": False, "plan": []})
    assert fakes.steps[2:] == ["book secrets", "switch all p1", "book settled"] * 2


def test_what_all_routes_leave_out_is_told():
    fakes = Fakes()
    fakes.proxies = {"p1": [{**SAME, "fresh": True}, {**SAME, "conflicts": [{"text": "left out"}]}], "p2": [SAME]}
    assert told(fakes, {"changed": False, "plan": []})["warnings"] == ["left out"]


@pytest.mark.parametrize("way", ["warn", "fail", "ignore"])
def test_nodes_with_a_proxy_that_nobody_names(way):
    fakes = Fakes(folder={"unlisted": ["node3"], "warnings": ["node3 runs one"]})
    done = told(fakes, on_unlisted_proxy=way)
    assert ("book folder listed" in fakes.steps) == (way != "ignore")
    assert ("deploy" in fakes.steps) == (way != "fail")
    assert done.get("warnings", []) == (["node3 runs one"] if way == "warn" else [])
    if way == "fail":
        assert done["error_code"] == "unlisted_proxy" and "node3" in done["msg"] and not done["changed"]


def test_what_a_worker_can_not_read_is_handed_to_its_proxy():
    fakes = Fakes()
    told(fakes, {"routes": [{**ROUTE, "from_labels": {"auth": "x"}}]}, check=True)
    assert fakes.steps[0] == "values"
    assert fakes.given["routes"][0]["auth"] == {"a": "b"}
    wrong = Fakes(values={"failed": True, "msg": "no label", "error_code": "not_found"})
    done = told(wrong, take_over="gone")
    assert wrong.steps == ["values"]
    assert (done["msg"], done["error_code"]) == ("no label (not_found)", "not_found")


def told_by_default(fakes, looked=None, state="present", check=False):
    given = asked_of({"on_unlisted_proxy": "ignore"}, {"swarm_proxies": ["p1", "p2"]}, [])
    looked = {"changed": True, "plan": [CREATE], "routes": [ROUTE], **(looked or {})}
    return Story(fakes, Asked(state, given, False, True, [], check), STACK).run(looked)


CONFLICT = {"failed": True, "changed": False, "error_code": "route_conflict", "msg": "not yours."}


@pytest.mark.parametrize(
    "answer", [{"changes": ["add a"]}, {**SAME, "fresh": True}, DOWN, CONFLICT, {"unreachable": True}]
)
@pytest.mark.parametrize("check", [False, True])
def test_a_proxy_of_another_swarm_neither_gets_routes_nor_stops_a_run(answer, check):
    fakes = Fakes()
    fakes.elsewhere = ("p2",)
    fakes.proxies = {"p1": [SAME], "p2": [answer]}
    done = told_by_default(fakes, check=check)
    assert not done.get("failed") and "warnings" not in done
    assert [one["proxy"] for one in done["routes_result"]] == ["p1"]
    assert not [step for step in fakes.steps if step.endswith("p2") and step.startswith("switch")]


def test_the_swarm_of_a_proxy_is_asked_for_only_before_it_is_changed():
    fakes = Fakes()
    fakes.proxies = {"p1": [SAME], "p2": [SAME]}
    told_by_default(fakes, {"changed": False, "plan": []})
    assert fakes.steps == ["compare present p1", "compare present p2"]
    first = Fakes()
    told_by_default(first)
    assert first.steps[2:] == ["clusters p1 p2", "deploy", "switch present p1", "switch present p2"]


def test_a_removal_leaves_the_proxies_of_another_swarm():
    fakes = Fakes()
    fakes.elsewhere = ("p1",)
    told_by_default(fakes, {"plan": []}, state="absent")
    assert fakes.steps[2:] == ["clusters p1 p2", "switch absent p2", "deploy"]


def test_what_a_proxy_of_another_swarm_has_missed_is_not_filled_in():
    fakes = Fakes()
    fakes.elsewhere = ("p2",)
    fakes.proxies = {"p1": [SAME], "p2": [SAME]}
    told_by_default(fakes, {"changed": False, "plan": [], "owed": ["p2"]})
    assert not [step for step in fakes.steps if "all" in step]


@pytest.mark.parametrize(
    ("looked", "expected"),
    [
        ({"cluster_id": "c"}, False),
        ({"cluster_id": "d"}, True),
        ({"cluster_id": "", "node_id": "n"}, False),
        ({"cluster_id": None, "node_id": "x"}, True),
        ({"cluster_id": "", "node_id": ""}, False),
        ({}, False),
    ],
)
def test_a_host_that_is_known_to_be_elsewhere(looked, expected):
    assert is_elsewhere(looked, "c", ["m", "n"]) is expected
    assert not is_elsewhere({"node_id": "x"}, "c", [])


def test_a_connection_that_breaks_leaves_what_was_changed_before():
    cut = {"unreachable": True, "changed": False, "error_code": "host_unreachable", "msg": "ssh."}
    fakes = Fakes(deploy=cut)
    done = told(fakes, switch="before")
    assert fakes.steps[-1] == "deploy"
    assert (done["unreachable"], done["changed"], done.get("failed")) == (True, True, None)
    assert done["msg"].startswith("ssh. The proxies have the routes of the new version already")
    assert [one["changed"] for one in done["routes_result"]] == [True, True]
    last = Fakes(prune=cut)
    done = told(last, {"plan": [CREATE, REMOVE]})
    assert (done["unreachable"], done["changed"], done["msg"]) == (True, True, "ssh.")
    untouched = told(Fakes(deploy=cut))
    assert (untouched["unreachable"], untouched["changed"]) == (True, False)


def test_several_that_hang_cost_together_what_one_does():
    fakes = Fakes()
    told(fakes, check=True)
    assert fakes.given["admin_timeout"] == 5
    one = Fakes()
    told(one, proxies=["p1"], check=True)
    assert "admin_timeout" not in one.given


def test_without_routes_only_the_preflight_is_added():
    fakes = Fakes()
    asked = Asked("present", None, True, True, [], False)
    done = Story(fakes, asked, STACK).run({"changed": True, "plan": [CREATE]})
    assert fakes.steps == ["preflight", "deploy"] and "routes_result" not in done


def test_the_addresses_of_proxies():
    assert RoutesAsked(("p",), "unix:///a").admin_of("p") == ["unix:///a"]
    several = RoutesAsked(("p", "q"), {"p": ["unix:///a"], "q": "unix:///b"})
    assert (several.admin_of("q"), several.admin_of("r")) == (
        ["unix:///b"],
        ["unix:///var/lib/stackwright/caddy/admin.sock"],
    )
    assert several.socket() == ""
    assert asked_of({}, {"swarm_proxies": ["x"]}, ["m1"]).proxies == ("x",)
    assert asked_of({}, {}, ["m1"]).proxies == ("m1",)
    assert asked_of({"proxies": []}, {}, ["m1"]).proxies == ()
    assert asked_of(None, {}, []) is None
