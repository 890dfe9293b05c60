"""Changes of a node: labels, availability, role, and the checks for a role."""

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import (
    EngineError,
    PlanError,
    StackwrightError,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.nodes.change import (
    Wanted,
    changed_spec,
    check_role,
    differences,
    find_node,
)


def node(name, role="manager", up=True, leader=False, labels=None, availability="active", number=1):
    found = {
        "ID": f"id-{name}-{number}",
        "Spec": {"Role": role, "Availability": availability, "Labels": labels or {}},
        "Description": {"Hostname": name},
        "Status": {"State": "ready" if up else "down"},
    }
    if role == "manager":
        found["ManagerStatus"] = {"Reachability": "reachable" if up else "unreachable", "Leader": leader}
    return found


def after(have, **wanted):
    one = node("w1", labels=have)
    spec = changed_spec(one, Wanted(**wanted))
    return spec["Labels"], [str(change) for change in differences(one, spec)]


@pytest.mark.parametrize(
    ("labels", "wanted", "then", "said"),
    [
        ({"a": "1"}, {"labels": {"b": "2"}}, {"a": "1", "b": "2"}, ["label b absent → 2"]),
        ({"a": "1"}, {"labels": {"a": "2"}}, {"a": "2"}, ["label a 1 → 2"]),
        ({"a": "1", "b": "2"}, {"labels": {"a": None}}, {"b": "2"}, ["label a 1 → absent"]),
        ({"a": "1"}, {"labels": {"x": None}}, {"a": "1"}, []),
        ({"a": "1", "b": "2"}, {"labels": {"a": "1"}, "labels_mode": "exact"}, {"a": "1"}, ["label b 2 → absent"]),
        ({"a": "1"}, {"labels": {}, "labels_mode": "exact"}, {}, ["label a 1 → absent"]),
        ({"a": "1"}, {"labels": {"a": None, "b": "2"}, "labels_mode": "exact"}, {"b": "2"}, None),
        ({"a": "1"}, {"labels": {"a": ""}}, {"a": ""}, ['label a 1 → ""']),
        ({"a": "1"}, {"labels": None}, {"a": "1"}, []),
    ],
)
def test_labels(labels, wanted, then, said):
    found, changes = after(labels, **wanted)
    assert found == then
    assert said is None or changes == said


def test_nothing_else_changes():
    one = {**node("w1"), "Spec": {"Role": "worker", "Availability": "active", "Labels": None, "Name": "x"}}
    assert changed_spec(one, Wanted(availability="pause")) == {**one["Spec"], "Availability": "pause"}
    assert differences(one, changed_spec(one, Wanted(labels={}))) == []


def test_a_node_is_found_by_name_or_id():
    nodes = [node("m1"), node("w1", "worker")]
    assert find_node(nodes, "w1") is nodes[1] and find_node(nodes, "id-m1-1") is nodes[0]
    with pytest.raises(EngineError) as caught:
        find_node(nodes, "W1")
    assert caught.value.error_code == "no_node" and "m1, w1" in str(caught.value)


def test_of_a_node_that_joined_again_the_living_entry_counts():
    old, new = node("w1", "worker", up=False), node("w1", "worker", number=2)
    assert find_node([old, new], "w1") is new
    assert find_node([old, new], old["ID"]) is old
    with pytest.raises(EngineError) as caught:
        find_node([new, node("w1", "worker", number=3)], "w1")
    assert caught.value.error_code == "ambiguous_node" and "id-w1-2" in str(caught.value)


def managers(*up):
    return [node(f"m{number}", up=here, leader=number == 1) for number, here in enumerate(up, 1)]


@pytest.mark.parametrize(
    ("up", "leaves", "why"),
    [
        ((True, True, True), "m2", ""),
        ((True, True, False), "m2", "3 managers, 1 down: demoting m2 leaves 1 of 2, and 2 are needed"),
        ((True, True, False), "m3", ""),
        ((True, True), "m2", ""),
        ((True,), "m1", "1 manager: demoting m1 leaves none"),
        ((True, True, True, False), "m2", ""),
        ((True, True, True, False, False), "m2", "5 managers, 2 down: demoting m2 leaves 2 of 4, and 3 are needed"),
        ((True, True, True, False, False), "m5", ""),
    ],
)
def test_a_demotion_keeps_the_quorum(up, leaves, why):
    nodes = managers(*up)
    if not why:
        check_role(nodes, find_node(nodes, leaves), "worker")
        return
    with pytest.raises(StackwrightError) as caught:
        check_role(nodes, find_node(nodes, leaves), "worker")
    assert caught.value.error_code == "quorum" and why in str(caught.value)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({}, "could not read through which"),
        ({"node_id": "another", "joins_by": "10.0.0.9:2377"}, "could not read through which"),
        ({"node_id": "w1"}, ""),
        ({"node_id": "w1", "joins_by": "10.0.0.1:2377"}, ""),
        ({"node_id": "w1", "joins_by": "10.0.0.9:2377"}, None),
    ],
)
def test_a_promotion_goes_through_a_manager_that_is_there(asked, told):
    nodes = [*managers(True, True), {**node("w1", "worker"), "ID": "w1"}]
    nodes[0]["ManagerStatus"]["Addr"] = "10.0.0.1:2377"
    if told is None:
        with pytest.raises(StackwrightError) as caught:
            check_role(nodes, nodes[2], "manager", asked)
        assert (caught.value.error_code, "10.0.0.9:2377" in str(caught.value)) == ("join_address_gone", True)
    else:
        assert [told in text for text in check_role(nodes, nodes[2], "manager", asked)] == [True] * bool(told)


def test_warnings_of_a_role():
    nodes = [*managers(True, True, True), node("w1", "worker")]
    only, unchecked = check_role(nodes, nodes[3], "manager")
    assert unchecked.startswith("The task could not read through which manager w1 joined")
    assert only.startswith("4 managers tolerate the loss of 1, as 3 do")
    (first, second) = check_role(nodes, nodes[0], "worker")
    assert first.startswith("2 managers tolerate the loss of 0") and "m1 is the leader" in second
    assert check_role(nodes, nodes[0], "manager") == [] == check_role(nodes, nodes[3], "worker")
    with pytest.raises(PlanError) as caught:
        check_role(nodes, node("w2", "worker", up=False), "manager")
    assert caught.value.error_code == "node_down"
