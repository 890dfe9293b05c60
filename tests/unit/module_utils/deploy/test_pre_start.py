"""``pre_start``, from the file to the Swarm: steps run as jobs before a task of the service is created or replaced."""

import sys
from pathlib import Path

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import DeployError, PlanError
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.transaction import deploy_stack
from ansible_collections.stackwright.swarm.plugins.module_utils.revisions.history import History
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.compile import CompileRequest, compile_stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.load import Source
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.file_source import MemoryFiles

sys.path.insert(0, str(Path(__file__).parent))
from fake_clock import Clock
from fake_tasks import TaskSwarm
from runs import OPTIONS, back, drift
from test_after_a_run_that_died import Died, dead, gone

FIRST, SECOND = "shop_web_pre_start_1", "shop_web_pre_start_2"
STEPS = [{"command": ["migrate"]}, {"image": "busybox:1", "command": "chown -R 7 /data"}]


def compiled(web=None, **services):
    """A shop: ``db``; ``web`` with two steps, which waits for it; ``front``, which waits for ``web``; and ``other``."""
    given = {
        "db": {"image": "db:1"},
        "front": {"image": "front:1", "depends_on": ["web"]},
        "other": {"image": "other:1"},
        "web": {"image": "app:1", "depends_on": ["db"], "pre_start": STEPS, **(web or {})},
    }
    for key, more in services.items():
        given[key] = {**given[key], **more}
    volumes = {
        "data": None,
        "shared": {"driver_opts": {"type": "nfs", "o": "addr=x", "device": ":/x"}},
        "theirs": {"external": True, "name": "theirs"},
    }
    tree = {"name": "shop", "services": given, "volumes": volumes}
    return compile_stack(CompileRequest([Source("compose.yml", tree)]), MemoryFiles({}))


def deploy(swarm, web=None, services=None, **options):
    given = {**OPTIONS, "wait": True, "stable_for": 0, "timeout": 5, **options}
    return deploy_stack(swarm, Clock(), compiled(web, **(services or {})), given)


@pytest.fixture
def swarm():
    made = TaskSwarm()
    deploy(made)
    made.story.clear()
    return made


def steps_there(swarm):
    return [name for name in swarm.names("services") if "pre_start" in name]


def ran(swarm):
    return [name for what, name in swarm.story if what == "runs"]


def test_steps_run_in_order_after_what_the_service_waits_for_and_before_it():
    swarm = TaskSwarm()
    done = deploy(swarm)
    made = [entry for entry in swarm.story if entry[0] in ("made", "runs")]
    assert made == [
        ("made", "shop_db"), ("runs", FIRST), ("runs", SECOND),
        ("made", "shop_other"), ("made", "shop_web"), ("made", "shop_front"),
    ]  # fmt: skip
    assert steps_there(swarm) == [] and swarm.story[-2:] == [("removed", FIRST), ("removed", SECOND)]
    assert done["changed"]
    assert {s["name"]: s["status"] for s in done["services"]}[FIRST] == "complete"
    # The history has them, with their specs.
    revision = History(swarm, Clock(), "shop").read()[0]
    assert revision.status == "HEALTHY" and {FIRST, SECOND} <= {s["name"] for s in revision.services}


def test_a_step_that_fails_stops_all_and_nothing_is_made():
    swarm = TaskSwarm()
    swarm.exits[SECOND] = 3
    with pytest.raises(DeployError) as caught:
        deploy(swarm)
    assert caught.value.error_code == "health_gate_failed"
    assert "exit code 3" in str(caught.value) and "log of task" in str(caught.value)
    assert "step 2 of pre_start of web" in str(caught.value)
    assert [name for what, name in swarm.story if what == "made"] == ["shop_db"]
    assert swarm.names("services") == []


def test_a_failed_migration_replaces_no_task(swarm):
    swarm.exits[FIRST] = 1
    before = {key: list(tasks) for key, tasks in swarm.tasks.items()}
    with pytest.raises(DeployError) as caught:
        changed = {"image": "app:2"}
        deploy(swarm, changed, {"other": {"image": "other:2"}, "front": {"image": "front:2"}})
    assert caught.value.details["outcome"]["rollback"] == "done"
    assert swarm.story == [("runs", FIRST), ("removed", FIRST)]
    assert swarm.tasks == before
    # After a fix, everything continues.
    swarm.exits.clear()
    swarm.story.clear()
    deploy(swarm, {"image": "app:2"})
    assert swarm.story[:3] == [("runs", FIRST), ("runs", SECOND), ("replaced", "shop_web")]


def test_a_run_without_changes_runs_nothing(swarm):
    calls = swarm.calls
    assert not deploy(swarm)["changed"]
    assert swarm.story == [] and swarm.calls - calls <= 5
    assert deploy(swarm, check=True)["plan"] == []


@pytest.mark.parametrize("replicas", [{"deploy": {"replicas": 3}}, {"scale": 3}], ids=str)
def test_scale_runs_nothing(swarm, replicas):
    assert deploy(swarm, replicas)["changed"]
    assert ran(swarm) == []
    deploy(swarm)
    assert ran(swarm) == []


def test_stopped_and_started_again_runs_nothing(swarm):
    from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.transaction import stop_stack

    stop_stack(swarm, Clock(), "shop", {**OPTIONS, "prefix": "stackwright"})
    assert deploy(swarm)["changed"]
    assert ran(swarm) == []


CHANGES = {
    "image": {"image": "app:2"},
    "environment": {"environment": {"A": "b"}},
    "deploy.labels": {"deploy": {"labels": {"a": "b"}}},
    "update_config": {"deploy": {"update_config": {"delay": "1s"}}},
    "the command of a step": {"pre_start": [{"command": ["migrate", "more"]}, STEPS[1]]},
    "the environment of a step": {"pre_start": [STEPS[0], {**STEPS[1], "environment": ["A=b"]}]},
    "the user of a step": {"pre_start": [{**STEPS[0], "user": "7"}, STEPS[1]]},
    "the folder of a step": {"pre_start": [{**STEPS[0], "working_dir": "/x"}, STEPS[1]]},
    "the image of a step": {"pre_start": [STEPS[0], {**STEPS[1], "image": "busybox:2"}]},
    "their order": {"pre_start": STEPS[::-1]},
}


@pytest.mark.parametrize("change", CHANGES)
def test_any_change_of_the_service_or_of_a_step_runs_them_again(swarm, change):
    deploy(swarm, CHANGES[change])
    assert ran(swarm) == [FIRST, SECOND] and steps_there(swarm) == []
    changed = [name for what, name in swarm.story if what == "replaced"]
    only_labels = change in ("deploy.labels", "update_config")
    assert changed == ([] if only_labels else ["shop_web"])
    swarm.story.clear()
    assert not deploy(swarm, CHANGES[change])["changed"] and swarm.story == []


def test_one_more_and_one_less(swarm):
    deploy(swarm, {"pre_start": [*STEPS, {"command": ["third"]}]})
    assert ran(swarm) == [FIRST, SECOND, "shop_web_pre_start_3"]
    swarm.story.clear()
    deploy(swarm, {"pre_start": []})
    assert ran(swarm) == [] and ("replaced", "shop_web") in swarm.story


def test_a_change_of_another_service_runs_nothing(swarm):
    deploy(swarm, services={"db": {"image": "db:2"}, "front": {"image": "front:2"}})
    assert ran(swarm) == []


def test_a_forced_restart_runs_them(swarm):
    given = {**OPTIONS, "wait": True, "stable_for": 0, "restart": ["web"]}
    deploy_stack(swarm, Clock(), compiled(), given)
    assert ran(swarm) == [FIRST, SECOND]


def test_a_service_that_was_removed_by_hand_is_made_again_after_its_steps(swarm):
    swarm.delete("/services/shop_web")
    swarm.story.clear()
    deploy(swarm)
    assert swarm.story[:3] == [("runs", FIRST), ("runs", SECOND), ("made", "shop_web")]


@pytest.mark.parametrize("mode", ["safe", "fast"])
@pytest.mark.parametrize("wait", [True, False])
def test_they_are_waited_for_whatever_the_rollout(swarm, mode, wait):
    swarm.exits[SECOND] = 7
    with pytest.raises(DeployError, match="exit code 7"):
        deploy(swarm, {"image": "app:2"}, wait=wait, mode=mode, on_failure="rollback")
    assert ("replaced", "shop_web") not in swarm.story and steps_there(swarm) == []


def test_neither_a_rollback_nor_a_heal_runs_them(swarm):
    deploy(swarm, {"image": "app:2"})
    swarm.story.clear()
    done = back(swarm, wait=True, stable_for=0)
    assert swarm.story == [("replaced", "shop_web")] and done["notices"] == []
    assert drift(swarm)["drift_lines"] == []
    web = next(s for s in swarm.objects["services"].values() if s["Spec"]["Name"] == "shop_web")
    web["Spec"]["TaskTemplate"]["ContainerSpec"]["Env"] = ["A=hand"]
    swarm.story.clear()
    assert drift(swarm, heal=True)["changed"] and ran(swarm) == []
    swarm.delete("/services/shop_web")
    assert drift(swarm, heal=True)["changed"] and ran(swarm) == []
    assert not drift(swarm)["drifted"] and not deploy(swarm)["changed"]


def test_jobs_are_no_drift_while_they_are_there_and_the_next_run_removes_them(swarm):
    with pytest.raises(DeployError):
        swarm.exits[SECOND] = 1
        deploy(swarm, {"image": "app:2"}, on_failure="keep")
    assert steps_there(swarm) == [FIRST, SECOND]
    assert drift(swarm)["drift_lines"] == []
    # The former files need neither.
    deploy(swarm)
    assert steps_there(swarm) == []


def test_a_step_that_has_succeeded_for_this_definition_does_not_run_twice(swarm):
    with pytest.raises(DeployError):
        swarm.exits[SECOND] = 1
        deploy(swarm, {"image": "app:2"}, on_failure="keep")
    swarm.exits.clear()
    swarm.story.clear()
    deploy(swarm, {"image": "app:2"})
    assert ran(swarm) == [SECOND] and ("replaced", "shop_web") in swarm.story
    assert steps_there(swarm) == []


def test_a_step_that_still_runs_is_waited_for(swarm):
    swarm.exits[FIRST] = None
    with pytest.raises(DeployError) as caught:
        deploy(swarm, {"image": "app:2"}, on_failure="keep")
    assert caught.value.error_code == "timeout"
    swarm.story.clear()
    clock = Clock()
    clock.sleep = lambda seconds, sleep=clock.sleep: (sleep(seconds), swarm.exits.clear(), swarm.finish(FIRST))
    deploy_stack(swarm, clock, compiled({"image": "app:2"}), {**OPTIONS, "wait": True, "stable_for": 0})
    assert ran(swarm) == [SECOND] and ("replaced", "shop_web") in swarm.story


@pytest.mark.slow
def test_killed_at_each_call_and_run_again():
    """Each step runs at least once for the final version, in order, and before its tasks."""
    calls = 0
    while True:
        swarm = TaskSwarm()
        deploy(swarm)
        swarm.story.clear()
        left = [calls]

        def kill(method, path, left=left):
            if not left[0]:
                raise Died
            left[0] -= 1

        swarm.before = kill
        try:
            deploy(swarm, {"image": "app:2"}, this_run=dead)
        except Died:
            pass
        else:
            break
        swarm.before = lambda method, path: None
        deploy(swarm, {"image": "app:2"}, is_gone=gone)
        assert steps_there(swarm) == []
        happened = [entry for entry in swarm.story if entry[0] in ("runs", "replaced")]
        assert happened == [("runs", FIRST), ("runs", SECOND), ("replaced", "shop_web")], calls
        assert drift(swarm)["drift_lines"] == []
        calls += 1
    assert calls > 30


def test_check_mode_tells_what_would_run(swarm):
    swarm.writes.clear()
    lines = deploy(swarm, {"image": "app:2"}, check=True)["plan_lines"]
    assert [line for line in lines if "pre_start" in line] == [
        f"create service {FIRST}: a step of pre_start of web, image app:2",
        f"create service {SECOND}: a step of pre_start of web, image busybox:1",
        f"remove service {FIRST}: a step of pre_start, which has run",
        f"remove service {SECOND}: a step of pre_start, which has run",
    ]
    assert swarm.writes == []


class TestVolumes:
    """A step that needs a volume of a node runs where the service's task is."""

    WEB = {"volumes": ["data:/data"]}

    def constraints(self, swarm, web):
        found = []
        after = swarm.after

        def note(method, path):
            found.extend(
                s["Spec"]["TaskTemplate"]["Placement"].get("Constraints")
                for s in swarm.objects["services"].values()
                if s["Spec"]["Name"] == FIRST
            )

        swarm.after = note
        deploy(swarm, web)
        swarm.after = after
        return found[0]

    def test_one_node_needs_no_constraint(self):
        assert not self.constraints(TaskSwarm(), self.WEB)

    def test_a_first_deployment_on_several_nodes_is_an_error(self):
        swarm = TaskSwarm(nodes=3)
        for options in ({}, {"check": True}):
            with pytest.raises(PlanError) as caught:
                deploy(swarm, self.WEB, **options)
            assert caught.value.error_code == "pre_start_volume"
            assert "shop_data" in str(caught.value) and "3 nodes" in str(caught.value)
            assert "compose.yml" in str(caught.value)
        assert swarm.names("services") == [] and swarm.names("networks") == []

    def test_a_constraint_to_one_node_is_enough(self):
        web = {**self.WEB, "deploy": {"placement": {"constraints": ["node.hostname == n2"]}}}
        assert self.constraints(TaskSwarm(nodes=3), web) == ["node.hostname == n2"]

    def test_a_later_one_runs_where_the_task_is(self):
        swarm = TaskSwarm(nodes=3)
        swarm.places["shop_web"] = "node2"
        deploy(swarm)
        assert self.constraints(swarm, self.WEB) == ["node.id==node2"]

    def test_tasks_on_several_nodes_are_an_error(self):
        swarm = TaskSwarm(nodes=3)
        deploy(swarm, {"deploy": {"replicas": 2}})
        web = next(s for s in swarm.objects["services"].values() if s["Spec"]["Name"] == "shop_web")
        swarm.tasks[web["ID"]][1]["NodeID"] = "node3"
        with pytest.raises(PlanError, match="run on 2 nodes"):
            deploy(swarm, {**self.WEB, "deploy": {"replicas": 2}})

    def test_a_volume_that_nodes_share_may_be_anywhere(self):
        assert not self.constraints(TaskSwarm(nodes=3), {"volumes": ["shared:/data"]})

    def test_in_mode_global_each_node_does_its_own(self):
        swarm = TaskSwarm(nodes=3)
        steps = [{**step, "per_replica": True} for step in STEPS]
        deploy(swarm, {**self.WEB, "deploy": {"mode": "global"}, "pre_start": steps})
        assert ran(swarm) == [FIRST, SECOND]

    @pytest.mark.parametrize(
        ("there", "shared"),
        [
            ([], False),
            ([{"Name": "theirs", "Driver": "local", "Options": None}], False),
            ([{"Name": "other", "Driver": "glusterfs", "Options": None}], False),
            ([{"Name": "theirs", "Driver": "glusterfs", "Options": None}], True),
            ([{"Name": "theirs", "Driver": "local", "Options": {"type": "nfs4", "o": "addr=x"}}], True),
        ],
        ids=["unknown", "local", "another", "of a driver", "of a share"],
    )
    def test_how_an_external_volume_is_made_says_the_manager(self, there, shared):
        swarm = TaskSwarm(nodes=3)
        swarm.volumes = there
        if shared:
            assert not self.constraints(swarm, {"volumes": ["theirs:/data"]})
        else:
            with pytest.raises(PlanError) as caught:
                deploy(swarm, {"volumes": ["theirs:/data"]})
            assert caught.value.error_code == "pre_start_volume"
