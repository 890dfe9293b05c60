"""Traps of Swarm itself, on a real engine: what they are, and that a deployment does not leave anybody in them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[1])]

from core import Core
from testbed.commands import wait_for

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import DeployError

QUIET = ["sh", "-c", "trap exit TERM; sleep 1d & wait"]


@pytest.fixture
def core(bed, swarm, tmp_path):
    made = Core(bed.node("m1").docker_host, swarm.name, tmp_path)
    made.lines = []
    yield made
    made.client.close()


@pytest.fixture
def label(bed):
    """``label(value)`` gives the node the label ``room``; without a value it is taken away."""
    node = bed.node("m1")

    def act(value=""):
        node.cli(
            ["docker", "node", "update", *(["--label-add", f"room={value}"] if value else ["--label-rm", "room"]), "m1"]
        )

    yield act
    node.cli(["docker", "node", "update", "--label-rm", "room", "m1"], check=False)


def compose(bed, **services):
    normal = {"image": bed.images["busybox"], "command": QUIET, "stop_grace_period": "1s"}
    return yaml.safe_dump({"services": {name: {**normal, **service} for name, service in services.items()}})


def states(swarm, service):
    (found,) = (s["ID"] for s in swarm.objects("services") if s["Spec"]["Name"].endswith(f"_{service}"))
    tasks = [task for task in swarm.tasks() if task["ServiceID"] == found and task["DesiredState"] == "running"]
    return sorted(task["Status"]["State"] for task in tasks)


@pytest.mark.parametrize("running", [0, 1])
def test_a_task_that_waits_for_a_node_still_gets_one_after_other_labels(core, bed, swarm, label, running):
    """moby 53722: after an update of labels alone the scheduler does not try a task again that no node took."""

    def text(neighbour=False, **labels):
        ports = {"ports": [{"target": 80, "published": "8096", "mode": "host"}]} if running else {}
        where = {} if running else {"placement": {"constraints": ["node.labels.room == yes"]}}
        more = {"neighbour": {}} if neighbour else {}
        return compose(bed, web={**ports, "deploy": {"replicas": 1 + running, "labels": labels, **where}}, **more)

    core.deploy(text(route="a"), wait=False)
    want = ["pending"] + ["running"] * running
    wait_for("a task to wait", lambda: states(swarm, "web") == want, 120)
    before = {task["ID"] for task in swarm.tasks() if task["Status"]["State"] == "running"}
    done = core.deploy(text(route="b"), wait=False)
    assert [op["restarts"] for op in done["plan"]] == [0]
    wait_for("it to wait again", lambda: states(swarm, "web") == want, 120)
    assert {task["ID"] for task in swarm.tasks() if task["Status"]["State"] == "running"} == before
    if running:
        return  # the port stays taken; that nothing was restarted is what counts
    # A try in vain is what makes the scheduler forget the task: a node that is updated, and a service that comes.
    label("no")
    core.deploy(text(route="b", neighbour=True), stable_for=0.3)
    label("yes")
    wait_for("it to run", lambda: states(swarm, "web") == ["running"], 120)
    assert not core.deploy(text(route="b", neighbour=True))["changed"]


def test_a_rollback_during_start_first_leaves_no_task_of_the_update(core, bed, swarm):
    """The rollback is a second update, while the new task starts beside the old one."""
    first = {"update_config": {"order": "start-first", "failure_action": "pause"}, "replicas": 2}

    def text(test):
        check = {"test": test, "interval": "1s", "retries": 100, "start_period": "0s"}
        return compose(bed, web={"deploy": first, "healthcheck": check})

    core.deploy(text("true"), stable_for=0.3)
    old = {task["ID"] for task in swarm.tasks() if task["Status"]["State"] == "running"}

    def stop(line):
        # The new task starts, and never becomes healthy.
        if "starting" in line:
            raise DeployError("enough is seen", "health_gate_failed")

    with pytest.raises(DeployError) as failed:
        core.deploy(text("false"), progress=stop, stable_for=0.3)
    assert failed.value.details["outcome"]["rollback"] == "done", failed.value.message

    def alive():
        tasks = [
            task for task in swarm.tasks() if task["Status"]["State"] in ("starting", "running", "ready", "preparing")
        ]
        return {task["ID"] for task in tasks}

    def containers():
        running = bed.node("m1").api("GET", "/containers/json")
        return [c for c in running if c["Labels"].get("com.docker.stack.namespace") == core.stack]

    wait_for("the new task to be gone", lambda: len(alive()) == 2, 120)
    wait_for("its container to be gone", lambda: len(containers()) == 2, 120)
    assert len(old & alive()) >= 1
    assert not core.deploy(text("true"), stable_for=0.3)["changed"]


def test_tasks_on_a_node_that_still_fits_stay_where_only_the_placement_changes(core, bed, swarm):
    """The plan says so. Another order of what means the same makes no difference."""
    host = [{"target": 80, "published": 7391, "mode": "host"}]

    def text(room, *env, order="stop-first"):
        deploy = {"placement": {"constraints": [f"node.labels.room != {room}"]}, "update_config": {"order": order}}
        return compose(bed, web={"deploy": deploy, "environment": list(env), "ports": host})

    core.deploy(text("east", "A=1", "B=2"), stable_for=0.3)
    (before,) = (task["ID"] for task in swarm.tasks() if task["Status"]["State"] == "running")
    done = core.deploy(text("west", "B=2", "A=1"), stable_for=0.3)
    assert [op["restarts"] for op in done["plan"] if op["kind"] == "service"] == [0]
    assert [task["ID"] for task in swarm.tasks()] == [before]
    (told,) = core.deploy(text("west", "A=2", order="start-first"), check=True)["notices"]
    assert "start-first" in told and "7391/tcp" in told
