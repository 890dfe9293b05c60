"""The manager's side against a real engine: observe, plan, apply and wait, seen from docker's own lists."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from core import Core

from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import SystemClock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import DeployError, EngineError, PlanError
from ansible_collections.stackwright.swarm.plugins.module_utils.info.stack_info import stack_info
from ansible_collections.stackwright.swarm.plugins.module_utils.info.status import stack_status

QUIET = "sh -c 'trap exit TERM; sleep 1d & wait'"
FILE = """
services:
  web:
    image: {image}
    command: {command}
    stop_grace_period: 1s
    environment: {{GREETING: {greeting}}}
    configs: [page]
    secrets: [password]
    deploy: {{replicas: 2, update_config: {{parallelism: 0, monitor: 10ms}}}}
  worker:
    image: {image}
    command: {command}
    stop_grace_period: 1s
configs:
  page: {{content: {page}}}
secrets:
  password: {{file: {secret}}}
"""


@pytest.fixture
def core(bed, swarm, tmp_path):
    made = Core(bed.node("m1").docker_host, swarm.name, tmp_path)
    yield made
    made.client.close()


@pytest.fixture
def text(bed, tmp_path):
    """The Compose file, with values of the test's choice."""

    def render(greeting="hello", page="one", secret="first"):
        path = tmp_path / f"secret-{secret}"
        path.write_text(secret)
        image = bed.images["busybox"]
        return FILE.format(image=image, command=QUIET, greeting=greeting, page=page, secret=path.name)

    return render


def running(swarm):
    """The running tasks as (id, service), sorted."""
    return sorted((task["ID"], task["ServiceID"]) for task in swarm.tasks() if task["Status"]["State"] == "running")


def names(swarm, kind):
    return [entry.get("Name") or entry["Spec"]["Name"] for entry in swarm.objects(kind)]


def test_create_then_repeat_changes_nothing_in_six_or_seven_calls(bed, core, swarm, text):
    announced = core.deploy(text(), check=True)
    assert announced["changed"]
    assert core.writes == []
    assert names(swarm, "services") == []

    done = core.deploy(text())
    assert [line for line in done["plan"] if "stackwright.key" not in line["name"]] == [
        line for line in announced["plan"] if "stackwright.key" not in line["name"]
    ]
    assert done["status"] == "healthy"
    assert {s["name"]: s["running"] for s in done["services"]} == {f"{core.stack}_web": 2, f"{core.stack}_worker": 1}

    before = running(swarm)
    again = core.deploy(text())
    assert (again["changed"], again["plan"], again["status"]) == (False, [], "healthy")
    assert again["calls"] == (6 if len(bed.nodes) == 1 else 7)  # several nodes: which of them are lost
    assert core.writes == []
    assert running(swarm) == before


def test_a_changed_service_is_the_only_one_that_is_sent(core, swarm, text):
    core.deploy(text())
    done = core.deploy(text(greeting="good morning"))
    assert [(op["action"], op["name"], op["restarts"]) for op in done["plan"]] == [("update", f"{core.stack}_web", 2)]
    assert [path.rpartition("/")[2] for _method, path in core.writes if path.startswith("/services")] == ["update"]
    assert done["diff"] == {
        "before": f"service {core.stack}_web\n  environment GREETING: hello\n",
        "after": f"service {core.stack}_web\n  environment GREETING: good morning\n",
    }


def test_new_content_makes_new_objects_and_old_ones_go_when_no_rollback_needs_them(core, swarm, text):
    deploy = partial(core.deploy, keep_revisions=1)
    deploy(text())
    rotated = deploy(text(page="two", secret="second"))
    assert {op["reason"] for op in rotated["plan"] if op["action"] == "create"} == {"content changed"}
    assert len(names(swarm, "configs")) == len(names(swarm, "secrets")) == 2
    assert not deploy(text(page="two", secret="second"))["changed"]
    # Another change of the service moves the rollback target on: the first content is no longer needed.
    deploy(text(page="two", secret="second", greeting="bye"))
    assert len(names(swarm, "configs")) == len(names(swarm, "secrets")) == 1
    assert "second" not in str(swarm.objects("secrets"))


def test_a_service_that_left_the_file_is_removed_after_the_others_run(core, swarm, text):
    core.deploy(text())
    whole = text()
    without = whole[: whole.index("  worker:")] + whole[whole.index("configs:\n  page") :]
    kept = core.deploy(without, prune=False)
    assert not kept["changed"]
    done = core.deploy(without)
    assert [(op["action"], op["name"], op["reason"]) for op in done["plan"]] == [
        ("remove", f"{core.stack}_worker", "not in the file")
    ]
    assert names(swarm, "services") == [f"{core.stack}_web"]


def test_stopped_remembers_and_present_brings_back(core, swarm, text, bed):
    core.deploy(text())
    bed.node("m1").cli(["docker", "service", "scale", "--detach", f"{core.stack}_worker=3"])
    announced = core.stop(check=True)
    stopped = core.stop()
    assert stopped["plan"] == announced["plan"]
    assert running(swarm) == []
    assert not core.stop()["changed"]
    back = core.deploy(text())
    assert {s["name"]: s["running"] for s in back["services"]} == {f"{core.stack}_web": 2, f"{core.stack}_worker": 3}
    assert not core.deploy(text())["changed"]


def test_absent_removes_all_and_present_may_follow_at_once(core, swarm, text):
    core.deploy(text())
    announced = core.remove(check=True)
    removed = core.remove()
    assert removed["plan"] == announced["plan"]
    assert [names(swarm, kind) for kind in ("services", "configs", "secrets", "networks")] == [[], [], [], []]
    assert not core.remove()["changed"]
    assert core.deploy(text())["status"] == "healthy"


def test_a_stack_of_dockers_cli_is_taken_over_without_a_restart(core, swarm, text, tmp_path):
    compose = text().replace("content: one", "file: page.txt")
    (tmp_path / "page.txt").write_text("one")
    path = tmp_path / "compose.yml"
    path.write_text('version: "3.8"\n' + compose)
    swarm.deploy(path)
    swarm.wait_running(3)
    before = running(swarm)

    trusting = core.deploy(compose, adopt_secrets=True)
    assert running(swarm) == before
    assert [(op["action"], op["kind"]) for op in trusting["plan"] if op["name"] != "stackwright.key"] == [
        ("update", "secret")
    ]
    assert not core.deploy(compose)["changed"]


def test_the_secrets_of_dockers_cli_are_replaced_and_nothing_else_restarts(core, swarm, text, tmp_path):
    path = tmp_path / "compose.yml"
    path.write_text('version: "3.8"\n' + text().replace("content: one", "file: page.txt"))
    (tmp_path / "page.txt").write_text("one")
    swarm.deploy(path)
    swarm.wait_running(3)
    compose = path.read_text()
    announced = core.deploy(compose, check=True)
    done = core.deploy(compose)
    assert {op["action"]: op["kind"] for op in done["plan"] if op["name"] != "stackwright.key"} == {
        "create": "secret",
        "update": "service",
    }
    assert len(announced["plan"]) >= len(done["plan"])
    assert not core.deploy(compose)["changed"]


def test_a_bad_command_fails_with_error_exit_code_node_and_log(core, bed, swarm):
    image = bed.images["busybox"]
    with pytest.raises(DeployError) as failed:
        core.deploy(
            f"services: {{web: {{image: '{image}', command: [sh, -c, 'echo no such table >&2; exit 3']}}}}",
            stable_for=5,
        )
    assert failed.value.error_code == "health_gate_failed"
    (failure,) = failed.value.details["failures"]
    assert failure["service"] == f"{core.stack}_web"
    assert failure["exit_code"] == 3
    assert failure["log"] == ["no such table"]
    assert failure["node"]
    assert failed.value.details["outcome"]["done"][-1].startswith(f"create service {core.stack}_web")


def test_an_image_that_does_not_exist_fails_at_once(core, bed):
    image = bed.images["busybox"].rpartition(":")[0] + ":absent"
    with pytest.raises(DeployError) as failed:
        core.deploy(f"services: {{web: {{image: '{image}'}}}}")
    assert "No such image" in str(failed.value)


def test_images_are_pinned_by_the_registry_and_stay_so(core, bed, swarm):
    image = bed.images["busybox"]
    compose = f"services: {{web: {{image: '{image}', command: [sleep, 1d], deploy: {{replicas: 0}}}}}}"
    core.deploy(compose, resolve_image="changed")
    (service,) = swarm.objects("services")
    template = service["Spec"]["TaskTemplate"]
    assert template["ContainerSpec"]["Image"].startswith(f"{image}@sha256:")
    assert template["Placement"]["Platforms"]
    for mode in ("changed", "always", "never"):
        assert not core.deploy(compose, resolve_image=mode)["changed"], mode


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_connection_that_breaks_at_any_write_is_made_up_for(core, swarm, text, moment):
    """The Engine is asked whether it has acted; also for the lock and the record, which are written as well."""
    asleep = (
        text().replace("replicas: 2", "replicas: 0").replace("1s\nconfigs:", "1s\n    deploy: {replicas: 0}\nconfigs:")
    )
    core.deploy(asleep)
    core.remove()
    core.deploy(asleep)
    for number in range(len(core.writes)):
        core.remove()
        count = 0

        def fail(method, path, number=number):
            nonlocal count
            count += method != "GET"
            if method != "GET" and count == number + 1:
                raise ConnectionResetError("gone")

        setattr(core.transport, moment, fail)
        done = core.deploy(asleep)
        setattr(core.transport, moment, lambda method, path: None)
        assert (done["status"], len(done["plan"])) == ("asleep", 5)
        assert not core.deploy(asleep)["changed"]


def test_names_of_others_are_left_alone(core, swarm, text, bed):
    bed.node("m1").cli(["docker", "service", "create", "-d", "--name", f"{core.stack}_web", bed.images["busybox"]])
    with pytest.raises(EngineError) as refused:
        core.deploy(text())
    assert refused.value.error_code == "conflict"
    assert [path.split("/")[1] for _method, path in core.writes] == ["configs", "configs"]  # the lock came and went
    assert names(swarm, "networks") == names(swarm, "configs") == []


def test_a_network_can_not_change(core, swarm, text):
    core.deploy(text())
    with pytest.raises(PlanError) as refused:
        core.deploy(text() + "networks: {default: {attachable: true}}\n")
    assert refused.value.error_code == "unsafe_change"
    assert core.writes == []


def test_missing_external_objects_are_named_all_at_once(core, swarm, bed):
    image = bed.images["busybox"]
    compose = f"""
services:
  web: {{image: "{image}", networks: [net], configs: [conf], secrets: [sec]}}
networks: {{net: {{external: true, name: no-net}}}}
configs: {{conf: {{external: true, name: no-conf}}}}
secrets: {{sec: {{external: true, name: no-sec}}}}
"""
    with pytest.raises(EngineError) as refused:
        core.deploy(compose)
    assert refused.value.error_code == "not_found"
    for part in ("network no-net", "config no-conf", "secret no-sec", "service web", "compose.yml"):
        assert part in str(refused.value)
    assert core.writes == []


def test_labels_of_configs_and_secrets_are_changed_in_place(core, swarm, text):
    core.deploy(text())
    before = running(swarm)
    secret_line = next(line for line in text().splitlines() if "password: {file" in line)
    labelled = text().replace("page: {content: one}", "page: {content: one, labels: {team: a}}")
    labelled = labelled.replace(secret_line, secret_line.replace("}", ", labels: {team: a}}"))
    done = core.deploy(labelled)
    assert [(op["action"], op["kind"]) for op in done["plan"]] == [("update", "config"), ("update", "secret")]
    assert running(swarm) == before
    assert not core.deploy(labelled)["changed"]


def test_a_service_changed_meanwhile_is_compared_again(core, swarm, text, bed):
    core.deploy(text())
    touched = []

    def meddle(method, path):
        if method == "POST" and path.endswith("/update") and not touched:
            touched.append(path)
            bed.node("m1").cli(
                ["docker", "service", "update", "-d", "--update-parallelism", "0", f"{core.stack}_worker"]
            )
            bed.node("m1").cli(["docker", "service", "update", "-d", "--label-add", "x=1", f"{core.stack}_web"])

    core.transport.before = meddle
    with pytest.raises(DeployError) as refused:
        core.deploy(text(greeting="new"))
    assert refused.value.error_code == "out_of_sequence"
    core.transport.before = lambda method, path: None
    assert core.deploy(text(greeting="new"))["status"] == "healthy"


def test_status_and_inventory_tell_what_runs(core, swarm, text):
    unknown = stack_status(core.client, SystemClock, core.stack, {})
    assert (unknown["exists"], unknown["status"]) == (False, "unknown")
    with pytest.raises(EngineError) as refused:
        stack_status(core.client, SystemClock, core.stack, {"wait": True})
    assert refused.value.error_code == "not_found"

    core.deploy(text())
    status = stack_status(core.client, SystemClock, core.stack, {"wait": True, "timeout": 30})
    assert (status["status"], status["healthy"]) == ("healthy", True)
    core.client.calls = 0
    found = stack_info(core.client, core.stack)
    (stack,) = found["stacks"]
    assert found["calls"] == 7
    assert {service["name"]: service["running"] for service in stack["services"]} == {
        f"{core.stack}_web": 2,
        f"{core.stack}_worker": 1,
    }
    assert stack["services"][0]["networks"] == [f"{core.stack}_default"]
    # The Engine may have rejected a first task: its network was not on the node yet.
    assert [task["state"] for task in stack["services"][0]["tasks"] if task["state"] != "rejected"] == ["running"] * 2
    assert (stack["configs"], stack["secrets"]) == ([f"{core.stack}_page"], [f"{core.stack}_password"])
    assert core.stack in [other["name"] for other in stack_info(core.client)["stacks"]]


def test_a_rolled_back_update_is_a_failure_and_stays_one_for_nobody_else(core, swarm, bed):
    """Swarm's own rollback leaves all replicas running: the run fails all the same, and only that run."""
    compose = """
services:
  web:
    image: "{image}"
    command: {command}
    stop_grace_period: 1s
    deploy: {{update_config: {{failure_action: rollback, monitor: 1s}}, rollback_config: {{monitor: 1s}}}}
"""
    good = compose.format(image=bed.images["busybox"], command=QUIET)
    core.deploy(good)
    with pytest.raises(DeployError) as failed:
        core.deploy(compose.format(image=bed.images["busybox"], command="[sh, -c, 'echo no; exit 4']"), stable_for=5)
    assert failed.value.error_code == "health_gate_failed"
    assert "rolled back the update" in str(failed.value)
    swarm.wait("the rollback to end", lambda: len(running(swarm)) == 1)
    again = core.deploy(good)
    assert (again["changed"], again["status"]) == (False, "healthy")
