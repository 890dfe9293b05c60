"""A node of the Swarm is lost: the status of its services, and the changes that it prevents."""

import sys
from pathlib import Path

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import DeployError
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.transaction import (
    deploy_stack,
    remove_stack,
    stop_stack,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.info.stack_info import stack_info
from ansible_collections.stackwright.swarm.plugins.module_utils.info.status import stack_status
from ansible_collections.stackwright.swarm.plugins.module_utils.info.swarm_info import swarm_info
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.rollback import roll_back
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.service import change_service

sys.path.insert(0, str(Path(__file__).parent))
from builders import desired, service
from fake_clock import Clock
from fake_nodes import NO_NODE, NodedSwarm

OPTIONS = {"resolve_image": "never", "stable_for": 0.5, "timeout": 60}


def placed(key, node, image="app:1", **more):
    made = service(key, image, **more)
    made["spec"]["TaskTemplate"]["Placement"] = {"Constraints": [f"node.hostname=={node}"]}
    return made


def shop(image="app:1", **more):
    """``web`` can run on any node, ``db`` only on w2."""
    return desired([placed("db", "w2"), service("web", image, **more)])


@pytest.fixture
def swarm():
    return NodedSwarm(Clock())


def deploy(swarm, state, **options):
    return deploy_stack(swarm, swarm.clock, state, {**OPTIONS, **options})


def statuses(result):
    return {found["name"][5:]: found["status"] for found in result["services"]}


# -- no false green


@pytest.mark.parametrize("state", ["down", "disconnected", "unknown"])
def test_the_engines_counts_are_believed_only_while_all_nodes_are_ready(swarm, state):
    deploy(swarm, shop())
    swarm.calls = 0
    assert statuses(deploy(swarm, shop())) == {"db": "healthy", "web": "healthy"}
    quick = swarm.calls
    swarm.lose("w1", state)  # nothing that matters runs there
    swarm.calls = 0
    assert statuses(deploy(swarm, shop())) == {"db": "healthy", "web": "healthy"}
    assert quick < swarm.calls <= quick + 2, "the tasks, and once more the nodes"


def test_a_service_whose_node_is_lost_is_not_healthy_although_the_engine_counts_its_task(swarm):
    deploy(swarm, shop())
    swarm.lose("w2")
    assert statuses(deploy(swarm, shop(), wait=False))["db"] != "healthy"
    assert statuses(deploy(swarm, shop("app:2"), wait=False))["db"] != "healthy"
    found = swarm_info(swarm, ["stacks", "services"])
    assert [item["status"] for item in found["services"] if item["name"] == "shop_db"] != ["healthy"]
    assert found["stacks"][0]["status"] != "healthy"
    with pytest.raises(DeployError) as failed:
        deploy(swarm, shop("app:2"))
    assert "Nothing was changed" in str(failed.value)


def test_a_lone_node_is_not_asked_for_its_state(swarm):
    alone = NodedSwarm(Clock(), ["m1"])
    state = desired([service("web")])
    deploy(alone, state)
    alone.calls, looked = 0, []
    alone.before = lambda method, path: looked.append(path)
    assert statuses(deploy(alone, state)) == {"web": "healthy"}
    assert "/nodes" not in looked and "/tasks" not in looked


# -- no reason for a rollback

DOWN = "is down since 2025-11-28 13:36 UTC (heartbeat failure)"
ONLY = f"no node can run it: w2, the only one with node.hostname == w2, {DOWN}"


def version(swarm, name):
    (found,) = [s for s in swarm.objects["services"].values() if s["Spec"]["Name"] == f"shop_{name}"]
    return found["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"]


def test_a_change_of_another_service_stays_and_the_node_is_named(swarm):
    deploy(swarm, shop())
    swarm.lose("w2")
    done = deploy(swarm, shop(), check=True)
    assert done["notices"] == []
    state = shop()
    state["services"][1] = service("web", "app:2")
    done = deploy(swarm, state)
    assert done["changed"] and version(swarm, "web") == "app:2"
    assert statuses(done) == {"db": "failed", "web": "healthy"}
    assert done["notices"] == [f"shop_db does not run (0/1): {ONLY}."]
    assert roll_back(swarm, swarm.clock, "shop", {**OPTIONS, "to": 1})["notices"] == done["notices"]
    assert version(swarm, "web") == "app:1"


def test_nor_is_one_that_waited_for_a_node_before_the_swarm_had_said_why(swarm):
    waits = service("waits")
    waits["spec"]["TaskTemplate"]["Placement"] = {"Constraints": ["node.labels.room==yes"]}
    deploy(swarm, desired([waits]), wait=False)

    def says(error):
        (task,) = [task for task in swarm.tasks if task["Status"]["State"] == "pending"]
        task["Status"]["Err"] = error

    says("")
    swarm.before = lambda method, path: says(NO_NODE) if path == "/services/create" else None
    assert statuses(deploy(swarm, desired([waits, service("web")])))["web"] == "healthy"


def test_nor_is_one_that_is_lost_while_the_change_is_made(swarm):
    deploy(swarm, shop())

    def lose(method, path):
        if (method, path.endswith("/update")) == ("POST", True):
            swarm.after = lambda method, path: None
            swarm.lose("w2")

    swarm.after = lose
    state = shop()
    state["services"][1] = service("web", "app:2")
    done = deploy(swarm, state)
    assert version(swarm, "web") == "app:2" and "w2" in done["notices"][0]


def test_nor_one_that_comes_up_badly_where_it_was_moved_to(swarm):
    state = desired([service("db", "data:1"), service("web")])
    swarm.nodes["m1"]["Spec"]["Availability"] = "drain"
    deploy(swarm, state)
    swarm.fails["data:1"] = 'invalid mount config for type "bind": bind source path does not exist: /srv/data'

    def lose(method, path):
        if (method, path.endswith("/update")) == ("POST", True):
            swarm.after = lambda method, path: None
            swarm.lose("w1")

    swarm.after = lose
    done = deploy(swarm, desired([service("db", "data:1"), service("web", "app:2")]))
    assert version(swarm, "web") == "app:2"
    (told,) = done["notices"]
    assert "invalid mount config" in told and f"its task was on w1, which {DOWN}" in told


def test_what_breaks_by_itself_while_another_node_is_lost_still_fails_the_change(swarm):
    swarm.nodes["m1"]["Spec"]["Availability"] = "drain"
    state = desired([service("db", "data:1"), service("web")])
    deploy(swarm, state)
    swarm.lose("w1")  # its tasks run on w2 since then
    deploy(swarm, state, wait=False)

    def breaks(method, path):
        if (method, path.endswith("/update")) == ("POST", True):
            swarm.after = lambda method, path: None
            swarm.fails["data:1"] = "task: non-zero exit (1)"
            for task in swarm.tasks:
                if task["Spec"]["ContainerSpec"]["Image"] == "data:1" and task["DesiredState"] == "running":
                    task.update(DesiredState="shutdown", Status={"State": "failed", "Err": "task: non-zero exit (1)"})

    swarm.after = breaks
    with pytest.raises(DeployError):
        deploy(swarm, desired([service("db", "data:1"), service("web", "app:2")]))


def test_other_labels_of_a_service_whose_node_is_lost_are_kept(swarm):
    deploy(swarm, shop())
    swarm.lose("w2")
    state = shop()
    state["services"][0]["spec"]["Labels"]["new"] = "label"
    assert "w2" in deploy(swarm, state)["notices"][0]


def test_a_change_of_the_service_itself_fails_with_the_nodes_name_and_is_undone(swarm):
    deploy(swarm, shop())
    swarm.lose("w2")
    state = shop()
    state["services"][0] = placed("db", "w2", "app:2")
    with pytest.raises(DeployError) as failed:
        deploy(swarm, state)
    assert failed.value.error_code == "health_gate_failed"
    assert failed.value.details["outcome"]["rollback"] == "done"
    assert f"shop_db: {ONLY}\n" in failed.value.message
    assert f"1 service restored, 1 other service unchanged. shop_db does not run (0/1): {ONLY}." in failed.value.message
    with pytest.raises(DeployError) as failed:
        change_service(swarm, swarm.clock, "shop", {**OPTIONS, "service": "db", "state": "restarted"})
    assert failed.value.details["outcome"]["rollback"] == "done"


@pytest.mark.parametrize("busy", [False, True])
def test_a_run_without_changes_fails_with_the_nodes_name(swarm, busy):
    deploy(swarm, shop())
    swarm.lose("w2")
    swarm.clock.sleep(3600 * busy)
    with pytest.raises(DeployError) as failed:
        deploy(swarm, shop())
    assert ONLY in str(failed.value)
    assert str(failed.value).split("\n")[1] == f"  shop_db: {ONLY}", "Swarm's own words add nothing"
    swarm.find("w2")
    assert statuses(deploy(swarm, shop())) == {"db": "healthy", "web": "healthy"}


# -- stopping and removing


def test_what_is_on_a_lost_node_is_named_and_not_waited_for(swarm):
    deploy(swarm, shop())
    swarm.lose("w2")
    told = f"1 task is left of shop_db on w2, which {DOWN}. It ends when the node is back."
    done = stop_stack(swarm, swarm.clock, "shop", OPTIONS)
    assert done["changed"] and done["notices"] == [told]
    assert stack_status(swarm, swarm.clock, "shop", {})["status"] == "asleep"
    # The next start is an ordinary one.
    with pytest.raises(DeployError) as failed:
        deploy(swarm, shop())
    assert failed.value.error_code == "health_gate_failed" and ONLY in str(failed.value)
    assert failed.value.details["outcome"]["rollback"] == "done"
    done = remove_stack(swarm, swarm.clock, "shop", OPTIONS)
    assert done["changed"] and swarm.names("services") == []
    assert done["notices"] == [told]


def test_it_starts_elsewhere_where_it_may(swarm):
    swarm.nodes["m1"]["Spec"]["Availability"] = "drain"
    deploy(swarm, desired([service("web")]))
    swarm.lose("w1")
    stop_stack(swarm, swarm.clock, "shop", OPTIONS)
    assert statuses(deploy(swarm, desired([service("web")]))) == {"web": "healthy"}


def test_a_removal_names_what_a_lost_node_still_has(swarm):
    deploy(swarm, shop())
    swarm.lose("w2")
    done = remove_stack(swarm, swarm.clock, "shop", OPTIONS)
    assert done["notices"] == [f"1 task is left of shop_db on w2, which {DOWN}. It ends when the node is back."]


def test_a_task_that_is_pending_for_minutes_is_a_failure_everywhere_and_one_for_seconds_is_not(swarm):
    lost = [service("db"), placed("web", "nowhere")]
    deploy(swarm, desired(lost), wait=False)

    def seen():
        info = stack_info(swarm)["stacks"][0]
        overview = swarm_info(swarm, ["stacks"])["stacks"][0]
        return {stack_status(swarm, swarm.clock, "shop", {})["overall"], info["status"], overview["status"]}

    swarm.clock.sleep(5)
    assert seen() == {"DEPLOYING", "progressing"}
    swarm.clock.sleep(20)
    assert seen() == {"FAILED", "failed"}
    (web,) = [s for s in stack_status(swarm, swarm.clock, "shop", {})["services"] if s["name"] == "shop_web"]
    assert web["message"].startswith("no suitable node (scheduling constraints")


def test_an_old_entry_of_a_node_is_named_in_the_overview(swarm):
    swarm.lose("w2")
    swarm.nodes["new"] = {**swarm.nodes["w2"], "ID": "id-new", "Status": {"State": "ready"}}
    found = {item["id"]: item["message"] for item in swarm_info(swarm, ["nodes"])["nodes"]}
    told = "w2 is a stale entry: the node has joined again as id-new (remove the stale entry: docker node rm id-w2)"
    assert (found["id-w2"], found["id-new"]) == (told, "")


# -- Swarm drops a task that waits for a node when its service is updated


def tasks_of(swarm, name):
    (found,) = [key for key, s in swarm.objects["services"].items() if s["Spec"]["Name"] == f"shop_{name}"]
    return [task["ID"] for task in swarm.tasks if task["ServiceID"] == found and task["DesiredState"] == "running"]


@pytest.mark.parametrize("change", ["labels", "replicas"])
def test_a_task_that_waits_is_made_anew_after_an_update_that_keeps_it(swarm, change):
    deploy(swarm, shop())
    swarm.lose("w2")
    (waiting,) = tasks_of(swarm, "db")
    web = tasks_of(swarm, "web")
    state = shop()
    if change == "labels":
        for entry in state["services"]:
            entry["spec"]["Labels"]["new"] = "label"
    else:
        state["services"][0]["spec"]["Mode"]["Replicated"]["Replicas"] = 2
    deploy(swarm, state, wait=False)
    assert waiting not in tasks_of(swarm, "db") and len(tasks_of(swarm, "db")) == 1 + (change == "replicas")
    assert tasks_of(swarm, "web") == web, "what runs is left alone"
    assert not deploy(swarm, state, wait=False)["changed"]
    swarm.find("w2")
    assert statuses(deploy(swarm, state)) == {"db": "healthy", "web": "healthy"}


def test_where_all_tasks_run_nothing_is_looked_at_nor_scaled(swarm):
    deploy(swarm, shop())
    state = shop()
    state["services"][0]["spec"]["Labels"]["new"] = "label"
    swarm.writes.clear()
    deploy(swarm, state, wait=False)
    assert len([path for _method, path in swarm.writes if path.startswith("/services/")]) == 1
