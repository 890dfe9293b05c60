"""Decisions of the autoscaler: within bounds, once, and without oscillation."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.stackwright.swarm.plugins.plugin_utils.care.autoscale import Policy, decisions


def results(cpu=(), **service):
    tasks = [f"t{number}" for number in range(len(cpu))]
    given = {"name": "s_web", "replicas": len(cpu), "tasks": tasks, "low": 2, "high": 10, "busy": "", **service}
    given.setdefault("unchanged_for", 10000)
    measured = [{"task": task, "service": "s_web", "cpu_percent": one} for task, one in zip(tasks, cpu)]
    half = len(measured) // 2
    manager = {"manager": True, "cluster_id": "c", "services": [given], "tasks": measured[:half]}
    return [{"manager": False, "cluster_id": "", "services": [], "tasks": measured[half:]}, manager]


def decided(found, policy=None):
    (one,) = decisions(found, "c", policy or Policy())
    return one["to"], one["reason"]


@pytest.mark.parametrize(
    ("cpu", "to"),
    [
        ([70, 70], 2),
        ([77, 77], 2),  # within the tolerance
        ([78, 78], 3),
        ([100, 100], 3),
        ([400, 400], 10),
        ([0, 0], 2),
        ([10, 10, 10], 2),
        ([60, 60, 60], 3),  # two would have 90 each
        ([40, 40, 40], 2),
        ([43, 43, 43], 3),  # two would have 64.5 each: more than the tolerance leaves
    ],
)
def test_as_many_as_the_load_needs(cpu, to):
    assert decided(results(cpu))[0] == to


def test_tasks_on_nodes_that_were_not_asked_are_like_the_others():
    found = results([100, 100, 100, 100])
    found[0]["tasks"] = []
    assert decided(found)[0] == 6
    found[1]["tasks"] = []
    assert decided(found) == (4, "none of its tasks was measured")


def test_tasks_of_other_clusters_and_services_do_not_count():
    found = results([70, 70])
    found.append({"manager": True, "cluster_id": "other", "services": [], "tasks": []})
    found[-1]["tasks"] = [{"task": "x", "service": "s_web", "cpu_percent": 100}]
    assert decided(found)[0] == 2 and decisions(found, "other", Policy()) == decisions([], "c", Policy()) == []


def test_a_number_of_another_source():
    assert decided(results([0, 0]), Policy(target=10, number=45))[0] == 5
    assert decided(results([100, 100, 100]), Policy(target=10, number=0))[0] == 2


def test_nothing_is_done_while_something_else_is():
    assert decided(results([100, 100], busy="locked by ann")) == (2, "locked by ann")


@pytest.mark.parametrize(("replicas", "to"), [(0, 2), (1, 2), (12, 10)])
def test_what_is_out_of_bounds_comes_back(replicas, to):
    assert decided(results((), replicas=replicas, unchanged_for=0))[0] == to


def test_it_waits_after_a_change():
    assert decided(results([100, 100], unchanged_for=29))[0] == 2
    assert decided(results([100, 100], unchanged_for=30))[0] == 3
    assert decided(results([10, 10, 10], unchanged_for=299))[0] == 3
    assert decided(results([10, 10, 10], unchanged_for=300))[0] == 2
    assert "waits" in decided(results([100, 100], unchanged_for=29))[1]


@given(
    load=st.floats(0, 3000),
    start=st.integers(1, 30),
    target=st.floats(1, 200),
    tolerance=st.floats(0, 0.5),
    cap=st.one_of(st.none(), st.floats(100, 400)),
)
def test_a_steady_load_is_answered_by_moves_in_one_direction(load, start, target, tolerance, cap):
    """Even if tasks can't show more load than ``cap``, the changes end, and none is reversed."""
    policy, replicas, moves = Policy(target, tolerance, 0, 0), start, []
    for _number in range(60):
        one = min(load / replicas, cap) if cap else load / replicas
        to = decided(results([one] * replicas, low=1, high=30), policy)[0]
        if to == replicas:
            break
        moves.append(to - replicas)
        replicas = to
    else:
        pytest.fail(f"it never rests: {moves}")
    assert 1 <= replicas <= 30 and (all(move > 0 for move in moves) or all(move < 0 for move in moves))
    if cap is None:
        assert len(moves) <= 1
        assert load / replicas <= target * (1 + tolerance) + 1e-6 or replicas == 30
        assert replicas == 1 or math.ceil(load / (target * (1 - tolerance)) - 1e-9) >= replicas or moves == []
