"""The state before a run that died during its rollback, or whose rollback failed."""

import json

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import HANDING_OVER
from ansible_collections.stackwright.swarm.plugins.module_utils.transitions.restore import (
    before_extra_steps,
    interrupted,
)

BEGAN, UNDONE = "2026-01-01T00:00:10.5Z", "2026-01-01T00:00:20.5Z"


def service(updated):
    return {
        "ID": "s",
        "CreatedAt": "2026-01-01T00:00:00Z",
        "UpdatedAt": updated,
        "Spec": {"Name": "shop_web", "Labels": {"com.docker.stack.namespace": "shop"}, "mark": "now"},
        "PreviousSpec": {"Name": "shop_web", "Labels": {}, "mark": "before"},
    }


@pytest.mark.parametrize(
    ("updated", "undone", "was"),
    [
        ("2026-01-01T00:00:05Z", (), "now"),
        ("2026-01-01T00:00:15Z", (), "before"),
        ("2026-01-01T00:00:15Z", [(UNDONE, "")], "before"),
        ("2026-01-01T00:00:25Z", [(UNDONE, "")], "now"),
        ("2026-01-01T00:00:25Z", (), "before"),
        # Another run followed the one that had rolled back.
        ("2026-01-01T00:00:25Z", [(UNDONE, "2026-01-01T00:00:30Z")], "now"),
        ("2026-01-01T00:00:35Z", [(UNDONE, "2026-01-01T00:00:30Z")], "before"),
    ],
)
def test_a_service_that_was_put_back_already_is_as_before(updated, undone, was):
    observed = {"services": [service(updated)], "networks": [], "configs": [], "secrets": []}
    assert interrupted("shop", observed, BEGAN, set(), undone)["services"][0]["Spec"]["mark"] == was


def left(name, replicas=1, **was):
    """A service that a run stopped for an extra step, and whose rollback failed."""
    mode = {"Replicated": {"Replicas": replicas}}
    fields = {
        "EndpointSpec": None,
        "Mode": mode,
        "Networks": [{"Target": "old"}],
        "Placement": None,
        "networks": [],
        **was,
    }
    labels = {"com.docker.stack.namespace": "shop", HANDING_OVER: json.dumps(fields)}
    now = {"Replicated": {"Replicas": 0}}
    return {"ID": name, "Spec": {"Name": name, "Labels": labels, "TaskTemplate": {"ContainerSpec": {}}, "Mode": now}}


def test_extra_steps_of_a_run_whose_rollback_failed_are_no_state_to_return_to():
    given_up = [{"Id": "old", "Name": "shop_front"}, {"Id": "gone", "Name": "shop_back"}]
    services = [
        left("shop_db"),
        left("shop_stopped", stopped=True),
        left("shop_web", networks=given_up, Networks=[{"Target": "old"}, {"Target": "gone"}]),
    ]
    front = {"Id": "new", "Name": "shop_front", "Labels": {}}
    was = before_extra_steps("shop", {"services": services, "networks": [front], "configs": [], "secrets": []})
    db, stopped, web = (service["Spec"] for service in was["services"])
    assert db["Mode"] == {"Replicated": {"Replicas": 1}} and HANDING_OVER not in db["Labels"]
    assert stopped == services[1]["Spec"], "somebody has stopped it by stack_service"
    assert web["TaskTemplate"]["Networks"] == [{"Target": "new"}, {"Target": "gone"}]
    assert [network["Id"] for network in was["networks"]] == ["new", "gone"]
    assert before_extra_steps("other", {"services": services, "networks": []})["services"] == services
