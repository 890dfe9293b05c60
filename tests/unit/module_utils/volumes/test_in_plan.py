"""The volumes that a plan copies or restores, and the errors before anything changes."""

from types import SimpleNamespace

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import PlanError, StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.history.revision import FAILED, HEALTHY, Revision
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import Change, Operation, Plan
from ansible_collections.stackwright.swarm.plugins.module_utils.request.options import with_defaults
from ansible_collections.stackwright.swarm.plugins.module_utils.transitions.with_snapshots import with_snapshots
from ansible_collections.stackwright.swarm.plugins.module_utils.volumes import in_plan, local

IMAGE = (Change("TaskTemplate.ContainerSpec.Image", "a", "b"),)
JOB = {"ReplicatedJob": {"MaxConcurrent": 1}}
SCALE = (Change("Mode.Replicated.Replicas", 1, 2),)


def service(name, volume, mode=None):
    mounts = [{"Type": "volume", "Source": volume, "Target": "/data"}] if volume else []
    labels = {"com.docker.stack.namespace": "shop"}
    template = {"ContainerSpec": {"Image": "a", "Mounts": mounts}}
    spec = {"Name": name, "Labels": labels, "TaskTemplate": template, "Mode": mode or {"Replicated": {"Replicas": 1}}}
    return {"ID": name, "Version": {"Index": 1}, "Spec": spec}


#: What a node says that has the volume.
THERE = {"found": True, "volumes": ["shop_data"], "whole": [["shop_data", "s"]], "restoring": {}}
SERVICES = [
    service("shop_db", "shop_data"),
    service("shop_web", None),
    service("shop_all", "shop_data", {"Global": {}}),
]


def update(name, changes):
    (live,) = [one for one in SERVICES if one["ID"] == name]
    return Operation(
        "update", "service", name, changes=changes, payload={"id": name, "version": 1, "spec": live["Spec"]}
    )


def steps(monkeypatch, operations, node="n1", tasks=True, on_node=None, revisions=(), services=SERVICES, **options):
    listed = {
        "/tasks": [{"NodeID": one, "DesiredState": "running"} for one in node.split()] if tasks else [],
        "/nodes": [{"ID": "n2", "Description": {"Hostname": "w1"}, "Status": {"Addr": "10.0.0.2"}}],
    }
    client = SimpleNamespace(list=lambda path, query=None: listed[path], node="m1", run_on_node=on_node)
    monkeypatch.setattr(local, "find", lambda client, name: {"Name": name} if node == "n1" else None)
    observed = {"services": services, "info": {"Name": "m1", "Swarm": {"NodeID": "n1"}}}
    given = with_defaults({"snapshot": ["data"], "snapshot_dest": "/x", **options})
    return in_plan.steps(client, "shop", Plan(tuple(operations)), observed, given, revisions)


@pytest.mark.parametrize(
    ("operation", "taken"),
    [(update("shop_db", IMAGE), ["shop_data"]), (update("shop_db", SCALE), []), (update("shop_web", IMAGE), [])],
    ids=["its service changes", "it is only scaled", "another one changes"],
)
def test_a_snapshot_is_taken_only_if_a_service_with_the_volume_changes(monkeypatch, operation, taken):
    assert [op.name for op in steps(monkeypatch, [operation])] == taken


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ({"snapshot": ["nothing"]}, "no_volume"),
        ({"node": "n2"}, "volume_elsewhere"),
        ({"node": "n2", "on_node": lambda asked, keep: {"why": "which does not answer"}}, "volume_elsewhere"),
        ({"node": "n2", "on_node": lambda asked, keep: THERE, "wait": False}, "volume_elsewhere"),
        ({"node": "n1 n2"}, "volume_elsewhere"),
        ({"node": "n2", "tasks": False}, "volume_elsewhere"),
    ],
    ids=["nobody mounts it", "nobody is asked", "no host is that node", "no wait", "two nodes", "nobody knows where"],
)
def test_what_is_refused(monkeypatch, how, code):
    with pytest.raises(PlanError) as refused:
        steps(monkeypatch, [update("shop_db", IMAGE)], **how)
    assert refused.value.error_code == code and "Nothing was changed" in refused.value.message


def test_another_node_is_asked_for_what_it_has(monkeypatch):
    asked = []
    on_node = lambda question, keep: asked.append(question) or THERE  # noqa: E731
    (made,) = steps(monkeypatch, [update("shop_db", IMAGE)], node="n2", on_node=on_node)
    assert made.reason.startswith("on w1, ") and made.payload["place"]["names"] == ["w1", "10.0.0.2"]
    assert [(one["node"]["id"], one["volume"]["do"]) for one in asked] == [("n2", "look")]


SHOT = {"volume": "shop_data", "snapshot": "s", "dest": "/x", "node": "n2"}


@pytest.mark.parametrize(
    ("how", "restored"),
    [
        ({}, True),
        ({"replicas": 1}, False),
        ({"replicas": 1, "restoring": True}, True),
        ({"noticed": 0.0}, False),
        ({"noticed": 0.0, "restoring": True}, True),
        ({"later": HEALTHY}, False),
    ],
    ids=[
        "its services are still stopped",
        "somebody has started them",
        "the volume is half filled",
        "it was part of the change",
        "which has begun",
        "a good revision came after it",
    ],
)
def test_a_restore_that_a_failed_run_owes_is_completed(monkeypatch, how, restored):
    given = {"replicas": 0, "restoring": False, "noticed": 5.0, "later": FAILED, **how}
    begun = {"shop_data": {"snapshot": "s", "dest": "/x"}} if given["restoring"] else {}
    revisions = [
        Revision("shop", number=1, status=FAILED, noticed=given["noticed"], volumes=(SHOT,), owed=(SHOT,)),
        Revision("shop", number=2, status=given["later"]),
    ]
    made = steps(
        monkeypatch,
        [update("shop_web", IMAGE)],
        node="n2",
        on_node=lambda asked, keep: {**THERE, "restoring": begun},
        revisions=revisions,
        services=[service("shop_db", "shop_data", {"Replicated": {"Replicas": given["replicas"]}}), *SERVICES[1:2]],
    )
    assert [(op.action, op.name) for op in made] == [("restore", "shop_data")] * restored


def test_a_rollback_with_data_needs_a_snapshot(monkeypatch):
    with pytest.raises(PlanError) as refused:
        steps(monkeypatch, [update("shop_db", IMAGE)], restore_snapshot=True, back_to=3)
    assert refused.value.error_code == "no_snapshot"


def test_all_that_use_the_volume_stop_before_the_snapshot(monkeypatch):
    plan = Plan((update("shop_db", IMAGE),))
    made = with_snapshots(
        plan, "shop", {"services": SERVICES}, 1, lambda spec: [], [Operation("snapshot", "volume", "shop_data")]
    )
    assert [(op.action, op.name, op.extra) for op in made.operations] == [
        ("update", "shop_all", True),
        ("update", "shop_db", True),
        ("snapshot", "shop_data", False),
        ("update", "shop_all", False),  # it does not change, and starts again
        ("update", "shop_db", False),
    ]
    stop, change = made.operations[1], made.operations[4]
    assert stop.payload["spec"]["Mode"] == {"Replicated": {"Replicas": 0}}
    assert change.payload["after"] == stop.payload["spec"]


def test_what_a_run_that_died_has_stopped_is_waited_for(monkeypatch):
    """Its containers may still be ending, which is no use of the volume by others."""
    services = [service("shop_db", "shop_data", {"Replicated": {"Replicas": 0}}), service("shop_job", "shop_data", JOB)]
    made = with_snapshots(
        Plan((update("shop_db", IMAGE),)),
        "shop",
        {"services": services},
        1,
        lambda spec: [],
        [Operation("snapshot", "volume", "shop_data")],
    )
    assert [(op.action, op.name) for op in made.operations] == [("snapshot", "shop_data"), ("update", "shop_db")]
    snapshot = made.operations[0]
    assert snapshot.payload["users"] == {"shop_db": "shop_db"}
    uses = [["shop_db"], ["shop_db"], []]
    monkeypatch.setattr(local, "running", lambda client, volume: uses.pop(0))
    monkeypatch.setattr(local, "name_of", str)
    clock = SimpleNamespace(now=lambda: 0, sleep=lambda seconds: None)
    applying = SimpleNamespace(client=SimpleNamespace(node="m1"), clock=clock, patience=1, keep=lambda: None)
    in_plan._until_unused(applying, snapshot)
    assert uses == []
    uses = [["shop_job"]]
    with pytest.raises(StackwrightError) as refused:
        in_plan._until_unused(applying, snapshot)
    assert refused.value.error_code == "volume_in_use"
