"""The effect of losing a node, the state of the managers, and tasks by node."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from test_moving import VOLUME, node, service, task

from ansible_collections.stackwright.swarm.plugins.module_utils.nodes.loss import loss, raft, tasks_by_node


def manager(name, up=True, leader=False):
    status = {"Reachability": "reachable" if up else "unreachable", "Leader": leader}
    made = node(name, state="ready" if up else "down")
    return {**made, "Spec": {**made["Spec"], "Role": "manager"}, "ManagerStatus": status}


def test_the_managers():
    nodes = [manager("m1", leader=True), manager("m2"), manager("m3", up=False), node("w1")]
    assert raft(nodes) == {
        "managers": 3,
        "reachable": 2,
        "needed": 2,
        "quorum": True,
        "may_fail": 0,
        "leader": "m1",
        "unreachable": ["m3"],
    }


@pytest.mark.parametrize(
    ("nodes", "lost", "kept"),
    [
        ([manager("m1"), manager("m2"), manager("m3")], "m1", True),
        ([manager("m1"), manager("m2"), manager("m3", up=False)], "m1", False),
        ([manager("m1"), manager("m2"), manager("m3", up=False)], "m3", True),
        ([manager("m1"), manager("m2")], "m2", False),
        ([manager("m1"), node("w1")], "w1", True),
        ([manager("m1"), node("w1")], "m1", False),
    ],
)
def test_the_quorum_without_a_node(nodes, lost, kept):
    found = loss(next(n for n in nodes if n["ID"] == lost), nodes, [], [])
    assert found["managers"]["quorum"] is kept


def test_the_services_without_a_node():
    nodes = [manager("m1"), manager("m2"), manager("m3"), node("w1", labels={"disk": "ssd"})]
    web = service("shop_web", 2)
    db = service("shop_db", mounts=[VOLUME], Placement={"Constraints": ["node.labels.disk == ssd"]})
    agent = service("agent", mode={"Global": {}})
    tasks = [task(web, "w1"), task(web, "m1"), task(db, "w1"), task(agent, "w1")]
    found = loss(nodes[3], nodes, [web, db, agent], tasks)
    assert found["fewer"] == ["shop_db"] and found["global_services"] == ["agent"]
    first, second = found["services"]
    assert (first["service"], first["missing"]) == ("shop_db", 1)
    assert "node.labels.disk == ssd rules out m1" in first["why"] and "data is on this node only" in first["why"]
    assert (second["service"], second["lost"], second["missing"], second["why"]) == ("shop_web", 1, 0, "")


def test_without_a_quorum_nothing_is_replaced():
    nodes = [manager("m1"), manager("m2"), manager("m3", up=False)]
    web = service("shop_web", 2)
    found = loss(nodes[1], nodes, [web], [task(web, "m1"), task(web, "m2")])
    assert found["fewer"] == ["shop_web"] and "quorum" in found["services"][0]["why"]


def test_tasks_by_node():
    web, loose = service("shop_web", 3), service("x", stack="")
    nodes = [node("b"), node("a"), node("c")]
    found = tasks_by_node(
        nodes, [web, loose], [task(web, "a"), task(web, "a"), task(loose, "b"), task(web, "b", "failed")]
    )
    assert [(item["node"], item["tasks"]) for item in found] == [("a", 2), ("b", 1), ("c", 0)]
    assert found[0]["services"] == [{"service": "shop_web", "stack": "shop", "tasks": 2}]
    assert found[1]["services"] == [{"service": "x", "stack": "", "tasks": 1}]
