"""The findings of care: each one once, and none for a healthy Swarm."""

import re

import pytest

from ansible_collections.stackwright.swarm.plugins.plugin_utils.care.findings import findings

RAFT = {"managers": 3, "reachable": 3, "needed": 2, "unreachable": []}
WELL = {
    "cluster_id": "c1",
    "cluster": {"raft": RAFT},
    "nodes": [{"name": "m1", "state": "ready", "message": ""}],
    "stacks": [{"name": "shop", "status": "healthy", "running": 2, "desired": 2}],
}


def found(swarm=None, accept=(), **more):
    return findings([{"inventory_hostname": "m1", "care_swarm": {**WELL, **(swarm or {})}, **more}], accept)


def test_nothing():
    drift = {"results": [{"item": {"name": "shop"}, "drift_lines": []}, {"item": {"name": "x"}, "skipped": True}]}
    assert found(care_nodes={"findings": []}, care_drift=drift) == []
    assert (
        findings(
            [
                {
                    "inventory_hostname": "w1",
                    "care_swarm": {"skipped": True},
                    "care_nodes": {"findings": []},
                    "care_drift": {},
                }
            ]
        )
        == []
    )
    assert findings([]) == []


@pytest.mark.parametrize(
    ("swarm", "text"),
    [
        (
            {"cluster": {"raft": {**RAFT, "reachable": 2, "unreachable": ["m3"]}}},
            "managers: m3 can't be reached; 2 of 3 managers are reachable, 2 are needed",
        ),
        ({"nodes": [{"name": "w1", "state": "down", "message": "heartbeat"}]}, "node w1: down: heartbeat"),
        ({"nodes": [{"name": "w1", "state": "unknown", "message": ""}]}, "node w1: unknown"),
        (
            {"stacks": [{"name": "shop", "status": "degraded", "running": 1, "desired": 2}]},
            "stack shop: degraded, 1 of 2 tasks run",
        ),
        ({"warnings": ["The root certificate expires in 12 days."]}, "The root certificate expires in 12 days."),
    ],
)
def test_of_the_swarm(swarm, text):
    assert found(swarm) == [text]
    # Each manager of the cluster knows the same.
    assert findings([{"inventory_hostname": host, "care_swarm": {**WELL, **swarm}} for host in ("m1", "m2")]) == [text]
    assert found(swarm, accept=[re.escape(text)]) == []


def test_hosts_that_do_not_answer():
    hosts = [
        {"inventory_hostname": "m1", "care_swarm": {"unreachable": True, "msg": "no route\nto host"}},
        {
            "inventory_hostname": "m2",
            "care_swarm": {"error_code": "no_quorum", "msg": "No leader."},
        },
        {"inventory_hostname": "w1", "care_nodes": {"unreachable": True, "msg": "timed out"}},
    ]
    assert findings(hosts) == ["m1: no route", "m2: No leader.", "w1: timed out"]


def test_of_nodes_and_of_drift():
    nodes = {"findings": [{"level": "warning", "message": "the disk of m1 is 91 % full"}], "msg": "x", "failed": True}
    drift = {
        "results": [
            {"item": {"name": "shop"}, "drift_lines": ["scaled service shop_web: replicas 2 → 5"]},
            {"item": {"name": "blog"}, "failed": True, "msg": "revision 3 is damaged\nmore"},
            {"item": {"name": "docker"}, "error_code": "no_revision", "failed": False},
        ]
    }
    assert found(care_nodes=nodes, care_drift=drift) == [
        "warning: the disk of m1 is 91 % full",
        "stack shop: drift: scaled service shop_web: replicas 2 → 5",
        "stack blog: revision 3 is damaged",
    ]


def test_an_expression_that_is_not_valid():
    with pytest.raises(re.error):
        found(accept=["("])
