"""Many stacks: the list, the order, the limit, the effect of a failure, and the table."""

import os
import signal
import time

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.plugin_utils.stacks.listed import each_stack, merged, shared
from ansible_collections.stackwright.swarm.plugins.plugin_utils.stacks.order import Order, resolved
from ansible_collections.stackwright.swarm.plugins.plugin_utils.stacks.side_by_side import run_all
from ansible_collections.stackwright.swarm.plugins.plugin_utils.stacks.table import message, rows

CHANGE = {"changed": True}
SAME = {"changed": False}
FAILURE = {"failed": True, "changed": False, "error_code": "health_gate_failed", "msg": "It did not run.\nexit 3"}


# -- the list


def listed(given, folder="/nowhere"):
    return each_stack(given, lambda path: str(folder), ["show", "docker_host"])


def test_dictionaries_and_folders_can_be_mixed(tmp_path):
    for name, file in (("web", "compose.yaml"), ("db", "docker-compose.yml"), (".git", "x")):
        (tmp_path / name).mkdir()
        (tmp_path / name / file).write_text("services: {}\n")
    (tmp_path / "README.md").write_text("no stack")
    (tmp_path / "web" / "stack.yml").write_text("after: db\nenv_files: web.env\nproject: acme\n")
    found = listed([{"name": "first", "src": "a.yml"}, "stacks"], tmp_path)
    assert found == [
        {"name": "first", "src": "a.yml", "after": []},
        {"name": "db", "src": [f"{tmp_path}/db/docker-compose.yml"], "after": []},
        {
            "name": "web",
            "project": "acme",
            "src": [f"{tmp_path}/web/compose.yaml"],
            "env_files": [f"{tmp_path}/web/web.env"],
            "after": ["db"],
        },
    ]


def test_the_file_of_options_can_name_the_stack_and_its_files(tmp_path):
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "stack.yml").write_text("name: front\nsrc: [a.yml, b.yml]\n")
    (found,) = listed(["stacks"], tmp_path)
    assert found == {"name": "front", "src": [f"{tmp_path}/web/a.yml", f"{tmp_path}/web/b.yml"], "after": []}


@pytest.mark.parametrize("text", ["[a]", "a: [", "1: x", "\x00"])
def test_a_file_of_options_that_is_none_is_named(tmp_path, text):
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "stack.yml").write_text(text)
    (tmp_path / "web" / "compose.yml").write_text("services: {}\n")
    with pytest.raises(StackwrightError, match=f"{tmp_path}/web/stack.yml") as caught:
        listed(["stacks"], tmp_path)
    assert caught.value.error_code == "invalid_stack_list"


def test_all_mistakes_of_a_list_are_told_at_once(tmp_path):
    (tmp_path / "empty").mkdir()
    given = [7, {"src": "x"}, {"name": "a", "after": {"b": 1}}, {"name": "c", "show": True}, "stacks"]
    with pytest.raises(StackwrightError) as caught:
        listed(given, tmp_path)
    for part in (
        "stacks[0]",
        "stacks[1]: name",
        "stacks[2]: after",
        "stack c: show",
        f"{tmp_path}/empty has no Compose",
    ):
        assert part in str(caught.value)
    (tmp_path / "empty").rmdir()
    for folder, part in ((tmp_path, "no sub-folders"), (tmp_path / "gone", "not a folder")):
        with pytest.raises(StackwrightError, match=part):
            listed(["stacks"], folder)


def test_options_for_all_are_merged_with_those_of_a_stack():
    every = shared({"stacks": [], "prune": False, "rollout": {"mode": "fast", "timeout": 9}}, ["stacks"])
    one = {"name": "a", "after": ["b"], "rollout": {"timeout": 3}, "variables": {"A": 1}}
    assert merged(every, one) == {
        "name": "a",
        "rollout": {"mode": "fast", "timeout": 3},
        "variables": {"A": 1},
        "prune": False,
    }
    assert merged({"prune": True}, {"name": "a", "prune": False})["prune"] is False
    with pytest.raises(StackwrightError, match="src, plan_id can't be used with stacks"):
        shared({"stacks": [], "src": "x", "plan_id": "y"}, ["stacks"])


# -- the order

NAMES = {"acme-prod-db": "db", "acme-prod-web": "web", "acme-test-db": "db", "solo": "solo"}


def test_after_takes_full_names_and_given_ones():
    after = {"acme-prod-db": [], "acme-test-db": [], "solo": [], "acme-prod-web": ["acme-prod-db", "solo", "solo"]}
    assert resolved(after, NAMES)["acme-prod-web"] == ["acme-prod-db", "solo"]


@pytest.mark.parametrize(
    ("after", "code", "part"),
    [
        ({"acme-prod-web": ["db"]}, "unknown_stack", "acme-prod-db or acme-test-db"),
        ({"solo": ["gone"]}, "unknown_stack", "solo: after names gone"),
        ({"solo": ["solo"]}, "stack_cycle", "solo -> solo"),
        (
            {"solo": ["web"], "acme-prod-web": ["acme-prod-db"], "acme-prod-db": ["solo"]},
            "stack_cycle",
            "acme-prod-db -> solo",
        ),
    ],
)
def test_an_order_that_can_not_be_is_refused(after, code, part):
    with pytest.raises(StackwrightError) as caught:
        resolved({**{name: [] for name in NAMES}, **after}, NAMES)
    assert caught.value.error_code == code and part in str(caught.value)
    assert "Nothing was changed." in str(caught.value)


def played(order, results):
    """Ends the runs one after the other in the order of their start. Returns those that ran at the same time."""
    running, rounds = [], []
    while True:
        running += order.begin()
        if not running:
            return rounds
        rounds.append(list(running))
        stack = running.pop(0)
        order.end(stack, dict(results[stack]))


def test_at_most_so_many_run_and_none_before_those_it_comes_after():
    after = {"a": [], "b": [], "c": ["a"], "d": ["a", "b"], "e": []}
    assert played(Order(after, {}, 2), dict.fromkeys(after, CHANGE)) == [
        ["a", "b"],
        ["b", "c"],
        ["c", "d"],
        ["d", "e"],
        ["e"],
    ]
    alone = played(Order(after, {}, 1), dict.fromkeys(after, CHANGE))
    assert alone == [["a"], ["b"], ["c"], ["d"], ["e"]]
    assert played(Order(after, {}, 9), dict.fromkeys(after, CHANGE))[0] == ["a", "b", "e"]


def test_a_failure_stops_those_after_it_at_any_distance_and_no_other():
    after = {"a": [], "b": ["a"], "c": ["b"], "d": [], "e": ["d"]}
    order = Order(after, {}, 4)
    played(order, {**dict.fromkeys(after, CHANGE), "a": FAILURE})
    assert {name: one["result"] for name, one in order.results.items()} == {
        "a": "failed", "b": "skipped", "c": "skipped", "d": "changed", "e": "changed",
    }  # fmt: skip
    assert "after a, which was" in order.results["b"]["msg"] and order.results["c"]["error_code"] == "skipped"


def test_a_host_that_is_lost_is_a_failure():
    order = Order({"a": [], "b": ["a"]}, {}, 4)
    played(order, {"a": {"unreachable": True, "changed": True}})
    assert [one["result"] for one in order.results.values()] == ["failed", "skipped"]


def test_what_is_known_to_be_unchanged_does_not_run_unless_something_before_it_changes():
    after = {"a": [], "b": ["a"], "c": []}
    order = Order(after, {"a": SAME, "b": SAME, "c": SAME}, 4)
    assert played(order, {}) == [] and {one["result"] for one in order.results.values()} == {"unchanged"}
    order = Order(after, {"b": SAME, "c": SAME}, 4)
    assert played(order, {"a": CHANGE, "b": SAME}) == [["a"], ["b"]]
    order = Order(after, {"b": SAME, "c": SAME}, 4)
    assert played(order, {"a": SAME}) == [["a"]]
    order = Order(after, {"b": SAME}, 4)
    played(order, {"a": FAILURE, "c": SAME})
    assert order.results["b"]["result"] == "skipped"


def test_in_check_mode_what_another_stack_may_bring_is_no_failure():
    after = {"a": [], "b": ["a"], "c": ["b"], "d": []}
    order = Order(after, {}, 4, check=True)
    played(order, {"a": CHANGE, "b": FAILURE, "c": FAILURE, "d": FAILURE})
    assert [order.results[name]["result"] for name in "abcd"] == ["changed", "unplanned", "unplanned", "failed"]
    assert not order.results["b"]["failed"]
    order = Order(after, {}, 4, check=True)
    played(order, {"a": SAME, "b": FAILURE, "d": CHANGE})
    assert [order.results[name]["result"] for name in "abcd"] == ["unchanged", "failed", "skipped", "changed"]


# -- processes


def ran(after, work, at_once=4):
    order, shown = Order(after, {}, at_once), []
    run_all(order, work, lambda stack, line: shown.append((stack, line)), time.monotonic)
    return order.results, shown


def test_stacks_run_in_processes_of_their_own_at_the_same_time(tmp_path):
    def work(stack, say):
        say(f"{stack} begins")
        (tmp_path / stack).touch()
        while not (tmp_path / ("b" if stack == "a" else "a")).exists():
            time.sleep(0.01)
        return {"changed": True, "text": "é" * 100_000, "pid": os.getpid()}

    results, shown = ran({"a": [], "b": []}, work)
    assert sorted(shown) == [("a", "a begins"), ("b", "b begins")]
    assert results["a"]["pid"] != results["b"]["pid"] and len(results["a"]["text"]) == 100_000
    assert all(one["seconds"] >= 0 and one["result"] == "changed" for one in results.values())


@pytest.mark.parametrize("end", ["signal", "exit", "raise"])
def test_a_process_that_dies_is_a_failure_of_its_stack(end):
    def work(stack, say):
        if stack == "a":
            say("on the way")
            if end == "raise":
                raise ValueError
            os.kill(os.getpid(), signal.SIGKILL) if end == "signal" else os._exit(0)
        return SAME

    results, shown = ran({"a": [], "b": ["a"], "c": []}, work)
    assert shown == [("a", "on the way")]
    assert [results[name]["result"] for name in "abc"] == ["failed", "skipped", "unchanged"]
    assert results["a"]["error_code"] == "run_died" and ("signal 9" in results["a"]["msg"]) == (end == "signal")


def test_a_run_that_is_stopped_leaves_no_process(tmp_path):
    def work(stack, say):
        say(str(os.getpid()))
        time.sleep(60)

    seen = []

    def show(stack, line):
        seen.append(int(line))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_all(Order({"a": [], "b": []}, {}, 2), work, show, time.monotonic)
    with pytest.raises(ProcessLookupError):
        os.kill(seen[0], 0)


# -- what is shown

RESULTS = [
    {"stack": "acme-db", "result": "unchanged", "changed": False},
    {
        "stack": "shop",
        "result": "changed",
        "changed": True,
        "plan": [{}, {}],
        "revision": 7,
        "seconds": 12.34,
        "routes_result": [{"changed": True, "changes": ["add x"]}, {"changed": False, "changes": ["add y"]}],
    },
    {"stack": "mail", "result": "failed", "seconds": 3, **FAILURE},
    {"stack": "front", "result": "skipped", "error_code": "skipped", "msg": "Not deployed: it comes after mail."},
    {"stack": "late", "result": "unplanned", "seconds": 0.5, "error_code": "not_found", "msg": "no network"},
]


def test_the_table_has_a_row_for_each_stack():
    assert rows(RESULTS, check=False) == [
        "stack    result       seconds  details",
        "acme-db  unchanged    -",
        "shop     changed      12.3     2 operations, 1 route, revision 7",
        "mail     failed       3.0      health_gate_failed: It did not run.",
        "front    skipped      -        Not deployed: it comes after mail.",
        "late     not planned  0.5      not_found: no network",
    ]
    assert "shop     would change  12.3" in rows(RESULTS, check=True)[2]


def test_the_message_names_each_stack_that_was_not_deployed():
    assert message(RESULTS).splitlines() == [
        "2 of 5 stacks were not deployed:",
        "  mail (health_gate_failed): It did not run.",
        "    exit 3",
        "  front: Not deployed: it comes after mail.",
    ]
    assert message(RESULTS[:2]) == "" and "1 of 1 stacks was" in message(RESULTS[2:3])
