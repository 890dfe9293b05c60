"""Comparing many stacks together: which ones need no run. In doubt, a stack has its own run."""

from types import SimpleNamespace

import pytest

from ansible_collections.stackwright.swarm.plugins.plugin_utils.stacks import together
from ansible_collections.stackwright.swarm.plugins.plugin_utils.stacks.together import Part, look, unchanged

SAME = {"changed": False, "stack": "x", "cluster_id": "c", "plan": []}


class Action:
    """An action that has prepared a stack; ``memory`` is empty if its runs are not remembered."""

    def __init__(self, name, memory=True, **options):
        given = {"routes": {}, "takes": [], "state": "present", "label_prefix": "stackwright", **options}
        self.prepared = SimpleNamespace(
            options=given,
            variables={"ansible_play_hosts_all": ["m1", "m2"], "groups": {}},
            stack={"id": f"id-{name}"},
            arguments={"name": name, "docker_host": "unix:///x", "rollout": {"mode": "safe", "deadline": None}},
            handed={"desired": {"of": name}},
        )
        self._memory = {"run": "compose_stack present", "request": f"digest of {name}"} if memory else {}

    def memory_of(self, arguments, handed):
        assert handed["defer"] is True and "deadline" not in arguments["rollout"]
        return self._memory

    def finished(self, done):
        return {"routes": [{"domain": f"{done['stack']}.example.com"}], **done}


class Leader:
    """The task's action. ``known``: the manager's memory; ``looks``: the results of comparisons."""

    def __init__(self, known=(), looks=None, failure=None):
        self.known, self.looks, self.failure, self.asked = known, looks or {}, failure, []

    def connection_arguments(self, options):
        return {}

    def _execute_module(self, module, module_args, task_vars):
        names = [one["name"] for one in module_args["runs"]]
        self.asked.append((module.rpartition(".")[2], names))
        return {"told": {name: {**SAME, "stack": name, "deferred": False} for name in names if name in self.known}}

    def _call(self, arguments, handed, variables):
        names = [one["params"]["name"] for one in handed["looks"]]
        assert all(one["handed"]["defer"] and one["handed"]["request"] for one in handed["looks"])
        self.asked.append(("looks", names))
        if self.failure:
            return self.failure
        return {"cluster_id": "c", "looks": [{**SAME, "stack": name, **self.looks.get(name, {})} for name in names]}


def parts_of(*names, **options):
    return [Part(name, Action(name, **options)) for name in names]


def test_stacks_that_a_manager_remembers_take_one_question():
    leader = Leader(known="abc")
    cluster, told = look(leader, parts_of(*"abc"), {}, {})
    assert leader.asked == [("stack_glance", ["a", "b", "c"])]
    assert cluster["cluster_id"] == "c" and told == {name: {**SAME, "stack": name} for name in "abc"}


def test_all_others_are_looked_at_in_one_more():
    leader = Leader(known="b", looks={"c": {"changed": True}})
    parts = [*parts_of(*"abc"), *parts_of("d", memory=False)]
    _cluster, told = look(leader, parts, {}, {})
    assert leader.asked == [("stack_glance", ["a", "b", "c"]), ("looks", ["a", "c"])]
    assert set(told) == {"a", "b", "c"} and told["c"]["changed"]


def test_a_manager_that_can_not_look_is_a_failure_of_the_host():
    failure = {"failed": True, "error_code": "not_a_manager"}
    cluster, told = look(Leader(failure=failure), parts_of("a"), {}, {})
    assert cluster == failure and told == {}


class Proxies:
    """A fake of ``Hosts``: ``answers`` by host; ``asked``: the stacks in each host's questions."""

    def __init__(self, answers=None):
        self.answers, self.asked = answers or {}, []

    def __call__(self, action, variables):
        return self

    def run(self, module, arguments, host="", check=None, secret=False, engine=""):
        assert module.endswith("caddy_route") and check is True and secret
        self.asked.append((host, [one["name"] for one in arguments["stacks"]]))
        return {"changed": False, "changes": [], "fresh": False, "conflicts": [], **self.answers.get(host, {})}


def settled(monkeypatch, parts, told=None, answers=None):
    proxies = Proxies(answers)
    monkeypatch.setattr(together, "Hosts", proxies)
    told = {part.name: {**SAME, "stack": part.name, **(told or {}).get(part.name, {})} for part in parts}
    return unchanged(Leader(), parts, told), proxies.asked


def test_each_proxy_is_asked_once_for_all_stacks(monkeypatch):
    found, asked = settled(monkeypatch, parts_of("a", "b"))
    assert asked == [("m1", ["a", "b"]), ("m2", ["a", "b"])]
    assert [proxy["proxy"] for proxy in found["b"]["routes_result"]] == ["m1", "m2"]


def test_stacks_that_ask_for_other_proxies_are_asked_for_apart(monkeypatch):
    parts = [*parts_of("a", "c"), *parts_of("b", routes={"proxies": ["m2"]}), *parts_of("d", routes=None)]
    parts[2].action.prepared.variables["groups"] = {"all": ["m1", "m2"]}
    found, asked = settled(monkeypatch, parts)
    assert asked == [("m1", ["a", "c"]), ("m2", ["a", "c"]), ("m2", ["b"])]
    assert set(found) == set("abcd") and "routes_result" not in found["d"]


@pytest.mark.parametrize(
    "answer",
    [
        {"changes": ["add x"]},
        {"fresh": True},
        {"conflicts": [{}]},
        {"failed": True, "error_code": "admin_unreachable"},
        {"unreachable": True},
    ],
    ids=["differs", "new", "conflict", "down", "host down"],
)
def test_a_proxy_that_is_not_as_it_should_be_leaves_all_to_their_own_runs(monkeypatch, answer):
    found, _asked = settled(monkeypatch, [*parts_of("a", "b"), *parts_of("c", routes=None)], answers={"m2": answer})
    assert set(found) == {"c"}


@pytest.mark.parametrize(
    ("told", "options"),
    [
        ({"changed": True}, {}),
        ({"failed": True, "error_code": "not_shared"}, {}),
        ({"locked_by": {"who": "root"}}, {}),
        ({"owed": ["m1"]}, {}),
        ({}, {"takes": ["x.example.com"]}),
        ({}, {"routes": {"maintenance": "true"}}),
        ({}, {"routes": {"proxies": ["nowhere"]}}),
    ],
    ids=["changes", "more than a look", "locked", "owed", "takes", "maintenance", "invalid"],
)
def test_what_is_more_than_a_comparison_has_its_own_run(monkeypatch, told, options):
    parts = [*parts_of("a", **options), *parts_of("b")]
    parts[0].action.prepared.variables["groups"] = {"all": ["m1", "m2"]}
    found, _asked = settled(monkeypatch, parts, {"a": told})
    assert set(found) == {"b"}


def test_a_stack_that_could_not_be_compiled_was_not_looked_at(monkeypatch):
    part = Part("a", SimpleNamespace())
    monkeypatch.setattr(together, "Hosts", Proxies())
    assert unchanged(Leader(), [part], {}) == {}
