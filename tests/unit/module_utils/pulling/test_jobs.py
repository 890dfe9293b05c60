"""The images to pull on each node, the jobs for them, and the outcome of their tasks."""

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import Change, Operation
from ansible_collections.stackwright.swarm.plugins.module_utils.pulling.jobs import (
    NOWHERE,
    Pull,
    job_of,
    outcome_of,
    pulls_of,
    reason_of,
)

ON_W1 = "node.hostname==w1"
IMAGE = "TaskTemplate.ContainerSpec.Image"


def node(name, availability="active", state="ready"):
    return {
        "ID": f"id-{name}",
        "Description": {"Hostname": name, "Platform": {"OS": "linux", "Architecture": "x86_64"}},
        "Spec": {"Availability": availability, "Role": "worker", "Labels": {}},
        "Status": {"State": state},
    }


def operation(key, image="r/a:1", action="create", path=None, constraints=(), **more):
    template = {
        "ContainerSpec": {"Image": image, "Env": ["PASSWORD=x"], "Secrets": [{}], "Mounts": [{}]},
        "Placement": {"Constraints": list(constraints)},
        "Networks": [{"Target": "net"}],
    }
    changes = (Change(path, "a", "b"),) if path else ()
    return Operation(
        action, "service", f"shop_{key}", key, changes=changes, payload={"spec": {"TaskTemplate": template}}, **more
    )


def places(*operations, nodes=("m1", "w1")):
    found = pulls_of(operations, [node(name) for name in nodes])
    return [(pull.image, pull.host, *pull.services) for pull in found]


def test_each_image_is_pulled_once_per_node_that_may_run_it():
    assert places(operation("a"), operation("b"), operation("c", "r/c:1", constraints=[ON_W1])) == [
        ("r/a:1", "m1", "shop_a", "shop_b"),
        ("r/a:1", "w1", "shop_a", "shop_b"),
        ("r/c:1", "w1", "shop_c"),
    ]


@pytest.mark.parametrize(
    ("changed", "pulled"),
    [
        pytest.param({"action": "update", "path": IMAGE}, True, id="image"),
        pytest.param({"action": "update", "path": "TaskTemplate.Placement.Constraints"}, True, id="placement"),
        pytest.param({"action": "update", "path": "TaskTemplate.ContainerSpec.Env"}, False, id="environment"),
        pytest.param({"action": "update", "path": "Mode.Replicated.Replicas"}, False, id="replicas"),
        pytest.param({"action": "update"}, False, id="restart"),
        pytest.param({"action": "remove"}, False, id="removed"),
        pytest.param({"action": "update", "path": IMAGE, "extra": True}, False, id="extra-step"),
        pytest.param({"image": "sha256:" + 64 * "a"}, False, id="image-by-id"),
    ],
)
def test_only_what_may_be_new_on_a_node_is_pulled(changed, pulled):
    assert bool(places(operation("a", **changed))) == pulled


def test_nodes_that_take_no_task_are_left_out():
    nodes = [node("m1", "drain"), node("w1", state="down"), node("w2", "pause"), node("w3")]
    assert [pull.host for pull in pulls_of([operation("a")], nodes)] == ["w3"]


def test_a_job_has_nothing_of_the_service_but_its_image():
    spec = job_of("shop", Pull("r/a:1", "id-w1", "w1", ("a",)))
    container = spec["TaskTemplate"]["ContainerSpec"]
    assert set(container) == {"Image", "Command", "Dir", "User", "Init", "Healthcheck", "CapabilityDrop"}
    assert container["Image"] == "r/a:1" and container["Command"] == [NOWHERE] and not container["Init"]
    assert set(spec["TaskTemplate"]) == {"ContainerSpec", "LogDriver", "RestartPolicy", "Placement"}
    assert spec["TaskTemplate"]["Placement"] == {"Constraints": ["node.id==id-w1"]}
    assert spec["Mode"] == {"ReplicatedJob": {"MaxConcurrent": 1, "TotalCompletions": 1}}
    assert spec["Labels"] == {"stackwright.pull": "shop"}


def test_names_of_jobs_differ_by_image_and_node_and_are_short_enough():
    pulls = [Pull(image, where, "", ()) for image in ("r/a:1", "r/a:2") for where in ("id-1", "id-2")]
    names = {job_of(stack, pull)["Name"] for pull in pulls for stack in ("shop", "x" * 63)}
    assert len(names) == 8 and all(len(name) <= 63 for name in names)


def task(state, err="", container=""):
    return {"Status": {"State": state, "Err": err, "ContainerStatus": {"ContainerID": container}}}


@pytest.mark.parametrize(
    ("found", "outcome"),
    [
        pytest.param(None, None, id="no-task-yet"),
        pytest.param(task("preparing"), None, id="preparing"),
        pytest.param(task("pending", "no suitable node"), None, id="pending"),
        pytest.param(task("failed", "stat /nowhere: no such file or directory", "c1"), "", id="no-such-program"),
        pytest.param(task("failed", "unable to find user", "c1"), "", id="container-that-does-not-start"),
        pytest.param(task("rejected", "No such image: r/a:1"), "No such image: r/a:1", id="no-image"),
        pytest.param(task("rejected"), "rejected", id="no-reason"),
        pytest.param({"Status": {"State": "failed", "Err": "no space left"}}, "no space left", id="no-container"),
    ],
)
def test_a_container_means_that_the_image_is_there(found, outcome):
    assert outcome_of(found) == outcome


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        pytest.param({"refused": "registry_auth"}, "registry_auth", id="refused"),
        pytest.param({"image": "r/a:1@sha256:0"}, "image_not_pulled", id="registry-has-it"),
        pytest.param({}, "image_not_found", id="no-answer"),
    ],
)
def test_the_code_says_what_the_registry_knows(answer, code):
    assert reason_of(answer) == code
