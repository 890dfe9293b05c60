"""The services that a restart would spread better, by a model of Swarm's scheduler."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from test_moving import FIRST, HOST, VOLUME, node, service, task

from ansible_collections.stackwright.swarm.plugins.module_utils.nodes.spread import difference, predicted, spread


def settle(nodes, services, tasks, dips=False, limit=100):
    """Repeats the best move; returns the moves, and the tasks at the end."""
    by_name = {found["Spec"]["Name"]: found for found in services}
    done = []
    while True:
        found = spread(nodes, services, tasks, dips)
        if not found.gains:
            return done, tasks
        done.append(found.gains[0])
        assert len(done) < limit
        tasks = predicted(tasks, by_name[done[-1].service], done[-1])


def test_thirty_services_after_a_node_came_back():
    nodes = [node(name) for name in "abcdef"]
    services = [service(f"s{number:02}", 2, update=FIRST) for number in range(30)]
    places = ["ab", "cd", "ea", "bc", "de", "ac", "bd", "ce", "da", "eb"] * 3
    tasks = [task(one, place) for one, two in zip(services, places) for place in two]
    assert spread(nodes, services, tasks, False).totals == {"a": 12, "b": 12, "c": 12, "d": 12, "e": 12, "f": 0}
    done, after = settle(nodes, services, tasks)
    last = spread(nodes, services, after, False)
    assert difference(last.totals) == 0, last.totals
    assert len(done) == 10, "10 tasks have to move, one for each move"
    assert all(sum(gain.before.values()) == sum(gain.after.values()) == 2 for gain in done)
    assert {*last.kept.values()} == {"it gains nothing"}


@pytest.mark.parametrize(
    ("services", "limit"),
    [
        ([("web", 12, "a" * 12)], 0),
        ([("web", 7, "aaaabbb"), ("api", 3, "aab"), ("one", 1, "a")], 1),
        ([(f"s{n}", 1, "a") for n in range(9)], 0),
        ([(f"s{n}", 3, "aab") for n in range(5)], 0),
    ],
)
def test_it_ends_evenly(services, limit):
    nodes = [node(name) for name in "abc"]
    made = [(service(name, count, update=FIRST), places) for name, count, places in services]
    tasks = [task(one, place) for one, places in made for place in places]
    done, after = settle(nodes, [one for one, _places in made], tasks)
    last = spread(nodes, [one for one, _places in made], after, False)
    assert difference(last.totals) <= max(limit, 0), (last.totals, done)


def one(of, places, nodes=None, dips=False, others=()):
    nodes = nodes or [node("a"), node("b"), node("c")]
    tasks = [task(of, place) for place in places] + [task(o, place) for o, place in others]
    found = spread(nodes, [of, *(o for o, _place in others)], tasks, dips)
    gains = {gain.service: gain for gain in found.gains}
    return gains.get(of["Spec"]["Name"]), found.kept.get(of["Spec"]["Name"], "")


@pytest.mark.parametrize(
    ("of", "places", "after"),
    [
        (service("web", 2, update=FIRST), "aa", {"a": 1, "b": 1}),
        (service("web", 2), "aa", {"a": 1, "b": 1}),
        (service("web", 3, update=FIRST), "aaa", {"b": 2, "c": 1}),
        (service("web", 3, update=FIRST), "aab", {"a": 1, "b": 1, "c": 1}),
    ],
)
def test_what_gains(of, places, after):
    gain, _kept = one(of, places)
    assert gain is not None and gain.dip == 0
    assert sorted(gain.after.values()) == sorted(after.values())


@pytest.mark.parametrize(
    ("of", "places", "nodes", "why"),
    [
        (service("web", 2, update=FIRST), "ab", None, "it gains nothing"),
        (service("web", 1, update=FIRST), "a", None, "it gains nothing"),
        (service("web", 3, update=FIRST), "abc", None, "it gains nothing"),
        (service("db", 2, mounts=[VOLUME], update=FIRST), "aa", None, "its volume data is local"),
        (service("web", 2, update=FIRST), "aa", [node("a")], "only one node can run it"),
        (service("web", 2, update=FIRST), "aa", [node("a"), node("b", "pause")], "only one node can run it"),
        (service("web", 3, update=FIRST), "aa", None, "not all of its tasks run"),
        (
            service("web", 2, update=FIRST, Placement={"Constraints": ["node.hostname == a"]}),
            "aa",
            None,
            "only one node can run it",
        ),
        (
            service("web", 3, update=FIRST, ports=[HOST]),
            "abc",
            None,
            "it gains nothing",
        ),
    ],
)
def test_what_stays_and_why(of, places, nodes, why):
    gain, kept = one(of, places, nodes)
    assert gain is None and kept.startswith(why), kept


def test_a_dip_has_to_be_allowed():
    """One task alone can't leave its node without a dip, unless it is start-first."""
    nodes, others = [node("a"), node("b")], [(service("o"), "a")]
    gain, kept = one(service("web"), "a", nodes, others=others)
    assert gain is None and kept.startswith("its update order is not start-first"), kept
    gain, _kept = one(service("web"), "a", nodes, dips=True, others=others)
    assert (gain.away, gain.dip) == ("a", 1)


def test_an_update_that_is_not_over():
    web = {**service("web", 2, update=FIRST), "UpdateStatus": {"State": "updating"}}
    assert one(web, "aa")[1] == "its update is still in progress"


def test_global_services_and_jobs_are_not_looked_at():
    for mode in ({"Global": {}}, {"ReplicatedJob": {"TotalCompletions": 2}}, {"Replicated": {"Replicas": 0}}):
        assert one(service("x", mode=mode), "aa") == (None, "")


def test_preferences_count_first():
    """Of two zones, one has three tasks, although on different nodes."""
    nodes = [node(name, labels={"zone": zone}) for name, zone in (("a", "1"), ("b", "1"), ("c", "1"), ("d", "2"))]
    preference = {"Preferences": [{"Spread": {"SpreadDescriptor": "node.labels.zone"}}]}
    gain, kept = one(service("web", 3, update=FIRST, Placement=preference), "abc", nodes)
    assert gain is not None, kept
    assert gain.after.get("d", 0) >= 1


def test_a_difference_of_one_is_even():
    others = [(service(f"o{number}"), "a") for number in range(1)]
    assert one(service("web", 1, update=FIRST), "a", [node("a"), node("b")], others=others)[0] is not None
    assert one(service("web", 1, update=FIRST), "a", [node("a"), node("b")])[0] is None
