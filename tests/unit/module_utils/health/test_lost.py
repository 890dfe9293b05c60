"""The reasons why no node takes a service's tasks."""

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.health.lost import trouble
from ansible_collections.stackwright.swarm.plugins.module_utils.health.nodes import rejoined, removal

NONE = "no suitable node (scheduling constraints not satisfied on 2 nodes; 1 node not available for new tasks)"
LOCAL = {"Type": "volume", "Source": "shop_data", "Target": "/data"}
NFS = {**LOCAL, "VolumeOptions": {"DriverConfig": {"Name": "local", "Options": {"type": "nfs"}}}}


def node(name, state="ready", availability="active", **labels):
    return {
        "ID": f"id-{name}",
        "Spec": {"Availability": availability, "Role": "worker", "Labels": labels},
        "Status": {"State": state, "Message": "heartbeat failure" if state == "down" else ""},
        "UpdatedAt": "2026-11-28T13:45:10.1Z",
        "Description": {"Hostname": name, "Platform": {"OS": "linux", "Architecture": "x86_64"}},
    }


def service(*constraints, mounts=(), mode="Replicated"):
    template = {"ContainerSpec": {"Mounts": list(mounts)}, "Placement": {"Constraints": list(constraints)}}
    return {"ID": "s", "Spec": {"Name": "shop_db", "Mode": {mode: {}}, "TaskTemplate": template}}


def task(state, desired, where="", error=""):
    return {"ID": state + where, "DesiredState": desired, "Status": {"State": state, "Err": error}, "NodeID": where}


def said(found, nodes, error=NONE, ran=""):
    stuck = [task("pending", "running", error=error)]
    return trouble(found, [*stuck, task("running", "shutdown", ran)], stuck, False, nodes)


AWAY = "is down since 2026-11-28 13:45 UTC (heartbeat failure)"


@pytest.mark.parametrize(
    ("found", "nodes", "ran", "why"),
    [
        (
            service("node.hostname==w2", mounts=[LOCAL]),
            [node("w1"), node("w2", "down")],
            "id-w2",
            f"no node can run it: w2, the only one with node.hostname == w2, {AWAY}; its volume shop_data is there",
        ),
        (
            service("node.labels.disk == ssd", "node.role != manager", mounts=[NFS]),
            [node("w1", disk="hdd"), node("w2", "down", disk="ssd"), node("w3", "down", disk="ssd")],
            "id-w2",
            f"no node can run it: the only ones with node.labels.disk == ssd and node.role != manager: w2 {AWAY}, "
            f"w3 {AWAY}",
        ),
        (
            service(),
            [node("w1", availability="drain"), node("w2", "down")],
            "",
            f"no node can run it: w1 is drained, w2 {AWAY}",
        ),
        (
            service(mounts=[LOCAL, {**LOCAL, "Source": "a"}]),
            [node("w2", "down")],
            "id-w2",
            f"no node can run it: w2, the only one, {AWAY}; its volumes a and shop_data are there",
        ),
        (
            service(mounts=[{**LOCAL, "Source": "db_{{.Node.Hostname}}"}]),
            [node("w2", "down")],
            "id-w2",
            f"no node can run it: w2, the only one, {AWAY}; its volume db_w2 is there",
        ),
    ],
)
def test_the_nodes_that_could_take_it_are_named_with_what_they_are(found, nodes, ran, why):
    assert said(found, nodes, ran=ran) == (why, why)


def test_a_node_that_somebody_has_drained_is_named_and_is_not_lost():
    why, lost = said(service("node.hostname==w2"), [node("w1"), node("w2", availability="pause")])
    assert why == "no node can run it: w2, the only one with node.hostname == w2, is paused"
    assert lost == ""


def test_where_others_are_up_that_could_but_have_no_room_both_are_said():
    error = "no suitable node (insufficient resources on 1 node)"
    why, lost = said(service(), [node("w1"), node("w2", "down")], error)
    assert why == lost == f"{error}; w2 could run it too, but {AWAY}"


@pytest.mark.parametrize("nodes", [[], [node("w1")], [node("w1"), node("w3", "down")]])
def test_without_such_a_node_swarms_own_words_stand(nodes):
    assert said(service("node.hostname==w2"), nodes) == (NONE, "")


def test_what_is_known_of_the_nodes_is_said_before_the_swarm_has_tried():
    """A new task is pending without a message of the scheduler."""
    found, nodes = service("node.hostname==w2"), [node("w1"), node("w2", "down")]
    told = f"no node can run it: w2, the only one with node.hostname == w2, {AWAY}"
    assert said(found, nodes, error="") == (told, told)
    assert said(service(), nodes, error="") == ("", ""), "w1 may take it yet"
    waiting = task("pending", "running")
    lost = f"its task was on w2, which {AWAY}"
    assert trouble(service(), [waiting, task("running", "shutdown", "id-w2")], [waiting], True, nodes) == ("", lost)


def test_an_old_entry_of_a_node_that_has_joined_again_is_named_as_such():
    old, new = node("w2", "down", disk="ssd"), {**node("w2"), "ID": "id-new"}
    why, lost = said(service("node.labels.disk==ssd"), [node("w1"), old, new])
    again = "the node has joined again as id-new (remove the stale entry: docker node rm id-w2)"
    told = f"no node can run it: w2, the only one with node.labels.disk == ssd, is a stale entry: {again}"
    assert (why, lost) == (told, told)
    # The new one fits as well, and has no room: the old one has nothing to do with that.
    error = "no suitable node (insufficient resources on 1 node)"
    assert said(service("node.hostname==w2"), [old, new], error) == (error, "")
    manager = {**old, "Spec": {**old["Spec"], "Role": "manager"}, "ManagerStatus": {"Reachability": "unreachable"}}
    assert removal(manager) == "docker node demote id-w2 && docker node rm id-w2"
    assert rejoined(old, [old]) == rejoined(new, [old, new]) == ""
    assert rejoined(old, [old, {**new, "Status": {"State": "down"}}]) == ""


def test_a_task_that_is_not_started_again():
    left = task("running", "shutdown", "id-w2")
    nodes = [node("w1"), node("w2", "down")]
    lost = f"its task was on w2, which {AWAY}"
    assert trouble(service(), [left], [], False, nodes) == (f"{lost}, and it is not replaced", lost)
    assert trouble(service(), [left], [], True, nodes) == ("", lost)
    assert trouble(service(), [left], [], True, nodes, {left["ID"]}) == ("", "")
    assert trouble(service(mode="Global"), [left], [], False, nodes) == ("", ""), "it is to run nothing of it"
    two = [left, {**left, "ID": "b"}]
    assert trouble(service(), two, [], True, nodes).lost == f"2 tasks of it were on w2, which {AWAY}"
