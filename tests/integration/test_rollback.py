"""stack_rollback on a real engine: back and forth, twelve steps, what there is no way back to, several managers."""

from __future__ import annotations

import base64
import json
import secrets
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from core import ON_HOST, Core
from playbook import Player

from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import SystemClock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.info.stack_info import stack_info
from ansible_collections.stackwright.swarm.plugins.module_utils.revisions.history import History
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.rollback import roll_back

QUIET = "sh -c 'trap exit TERM; sleep 1d & wait'"
FILE = """
services:
  web:
    image: {image}
    command: {command}
    stop_grace_period: 1s
    environment: {{GREETING: {greeting}, API_TOKEN: {token}}}
    configs: [page]
    secrets: [password]
    deploy: {{update_config: {{parallelism: 0, monitor: 10ms}}}}
{more}
configs:
  page: {{content: {page}}}
secrets:
  password: {{file: {secret}}}
"""
WORKER = "  worker: {{image: {image}, command: {command}, stop_grace_period: 1s}}\n"


@pytest.fixture
def core(bed, swarm, tmp_path):
    made = Core(bed.node("m1").docker_host, swarm.name, tmp_path)
    yield made
    made.client.close()


@pytest.fixture
def text(bed, tmp_path):
    """The Compose file of a version, with values of the test's choice."""

    def render(version, token="token-that-stays", worker=False, command=QUIET):
        image = bed.images["busybox"]
        (tmp_path / f"secret-{version}").write_text(f"secret {version}")
        return ON_HOST + FILE.format(
            image=image,
            command=command,
            greeting=f"hello-{version}",
            token=token,
            page=f"page-{version}",
            secret=f"secret-{version}",
            more=WORKER.format(image=image, command=QUIET) if worker else "",
        )

    return render


def back(core, to=None, **options):
    core.transport.seen.clear()
    given = {"timeout": 60, "stable_for": 0.2, "to": to, **options}
    return roll_back(core.client, SystemClock, core.stack, given)


def live(swarm):
    """What runs: (service, greeting, content of its config)."""
    pages = {c["Spec"]["Name"]: base64.b64decode(c["Spec"]["Data"]).decode() for c in swarm.objects("configs")}
    found = []
    for service in swarm.objects("services"):
        container = service["Spec"]["TaskTemplate"]["ContainerSpec"]
        env = dict(entry.split("=", 1) for entry in container.get("Env") or [])
        configs = [pages[ref["ConfigName"]] for ref in container.get("Configs") or []]
        found.append((service["Spec"]["Name"].removeprefix(swarm.name + "_"), env.get("GREETING"), *configs))
    return found


def history(core):
    return [(r.number, r.status, r.back_to) for r in History(core.client, SystemClock, core.stack).read()]


def refused(core, to=None, **options):
    before = core.client.list("/services")
    with pytest.raises(StackwrightError) as caught:
        back(core, to, **options)
    assert core.writes == []
    assert [s["Version"] for s in core.client.list("/services")] == [s["Version"] for s in before]
    return caught.value


def test_back_to_the_one_before_and_further_and_to_a_number(core, swarm, text):
    for version in (1, 2, 3):
        core.deploy(text(version, worker=version != 2))
    assert back(core)["to"] == 2
    assert live(swarm) == [("web", "hello-2", "page-2")]
    result = back(core, commit_message="still broken")
    assert (result["to"], result["status"]) == (1, "healthy")
    assert live(swarm) == [("web", "hello-1", "page-1"), ("worker", None)]
    assert refused(core).error_code == "no_revision"
    back(core, 3)
    assert live(swarm) == [("web", "hello-3", "page-3"), ("worker", None)]
    assert history(core) == [
        (6, "HEALTHY", 3),
        (5, "HEALTHY", 1),
        (4, "HEALTHY", 2),
        (3, "HEALTHY", 0),
        (2, "HEALTHY", 0),
        (1, "HEALTHY", 0),
    ]
    shown = stack_info(core.client, core.stack, history=True)["stacks"][0]
    assert [r["operation"] for r in shown["revisions"]] == ["rollback"] * 3 + ["deploy"] * 3
    assert shown["revisions"][1]["message"] == "still broken"
    assert shown["deployments"]["failure_rate"] == 0.0
    assert shown["locked_by"] == ""


def test_the_state_that_is_there_already_changes_nothing_and_makes_no_revision(core, swarm, text):
    core.deploy(text(1))
    core.deploy(text(2))
    before = history(core)
    result = back(core, 2)
    assert not result["changed"] and result["plan"] == []
    assert core.writes == []
    assert history(core) == before


def test_a_plan_is_shown_and_only_that_one_is_carried_out(core, swarm, text):
    core.deploy(text(1))
    core.deploy(text(2))
    shown = back(core, 1, check=True)
    assert core.writes == []
    assert shown["changed"] and any("GREETING" in line for line in shown["plan_lines"])
    core.deploy(text(3))
    assert refused(core, 1, plan_id=shown["plan_id"]).error_code == "plan_stale"
    shown = back(core, 1, check=True)
    done = back(core, 1, plan_id=shown["plan_id"])
    assert done["plan_lines"] == shown["plan_lines"]
    assert live(swarm) == [("web", "hello-1", "page-1")]


def test_configs_and_secrets_stay_as_long_as_a_revision_needs_them(core, swarm, text):
    for version in range(1, 5):
        core.deploy(text(version), keep_revisions=2)
        again = core.deploy(text(version), keep_revisions=2)
        assert not again["changed"], again["plan_lines"]
    # The present one, the one kept before it; and what Swarm itself could go back to is the same one.
    assert [live_page(c) for c in swarm.objects("configs")] == ["page-3", "page-4"] or sorted(
        live_page(c) for c in swarm.objects("configs")
    ) == ["page-3", "page-4"]
    assert len(swarm.objects("secrets")) == 2
    assert [number for number, _status, _to in history(core)] == [4, 3]
    assert refused(core, 1).error_code == "no_revision"
    assert back(core)["to"] == 3
    assert live(swarm) == [("web", "hello-3", "page-3")]


def live_page(config):
    return base64.b64decode(config["Spec"]["Data"]).decode()


def test_a_failing_way_back_is_undone_like_any_deployment(core, swarm, text):
    core.deploy(text(1, command="sh -c 'test -e /run/never || sleep 1d'"))
    core.deploy(text(2))
    snapshot_of_failing = text(3, command="'false'")
    with pytest.raises(StackwrightError):
        core.deploy(snapshot_of_failing, timeout=60, stable_for=5)  # on a busy machine its end is told late
    assert live(swarm) == [("web", "hello-2", "page-2")]
    assert [(n, s) for n, s, _b in history(core)] == [(3, "FAILED"), (2, "HEALTHY"), (1, "HEALTHY")]
    error = refused(core, 3)
    assert error.error_code == "revision_not_good"
    assert "Revision 3 of the stack" in error.message and "is FAILED (" in error.message
    # The failure was undone: the one before the present is 1.
    assert back(core)["to"] == 1


def test_what_there_is_no_way_back_to(core, swarm, text):
    assert refused(core).error_code == "no_revision"
    core.deploy(text(1))
    assert refused(core).error_code == "no_revision"
    core.deploy(text(2))
    error = refused(core, 7)
    assert error.error_code == "no_revision" and "it has 1 and 2" in error.message

    head = next(c for c in swarm.bookkeeping() if c["Spec"]["Name"].endswith(".1"))
    swarm.node.api("DELETE", f"/configs/{head['ID']}")
    broken = {**head["Spec"], "Data": base64.b64encode(b"garbage").decode()}
    swarm.node.api("POST", "/configs/create", broken)
    assert refused(core, 1).error_code == "revision_damaged"
    assert refused(core).error_code == "no_revision"
    assert not core.deploy(text(2))["changed"], "a damaged history stops no deployment"
    core.deploy(text(3))
    assert [number for number, _status, _to in history(core)] == [3, 2, 1]

    page = next(c for c in swarm.objects("configs") if live_page(c) == "page-2")
    core.deploy(text(4))
    swarm.node.api("DELETE", f"/configs/{page['ID']}")
    error = refused(core, 2)
    assert error.error_code == "revision_incomplete"
    assert f"config {page['Spec']['Name']} no longer exists" in error.message


def test_a_secret_environment_variable_comes_back_and_is_nowhere_stored(core, swarm, text):
    tokens = [secrets.token_hex(8) for _number in range(3)]
    for version, token in enumerate(tokens, 1):
        core.deploy(text(version, token=token))
    stored = "".join(
        json.dumps(c["Spec"]["Labels"]) + base64.b64decode(c["Spec"]["Data"]).decode("latin-1")
        for c in swarm.bookkeeping()
    )
    assert not any(token in stored for token in tokens)
    shown = back(core, 2, check=True)
    assert not any(token in json.dumps(shown) for token in tokens)
    back(core, 2)
    (web,) = swarm.objects("services")
    assert f"API_TOKEN={tokens[1]}" in web["Spec"]["TaskTemplate"]["ContainerSpec"]["Env"]
    error = refused(core, 1)
    assert error.error_code == "value_lost"
    assert "API_TOKEN of service web" in error.message


MIGRATION = """
services:
  web: {{image: {image}, command: {web}, stop_grace_period: 1s, environment: {{V: "{version}"}}}}
  migrate:
    image: {image}
    command: ["sh", "-c", {script}]
    deploy: {{mode: replicated-job, restart_policy: {{condition: none}}}}
    environment: {{V: "{version}"}}
"""


def test_a_migration_is_not_run_again_on_the_way_back(core, swarm, bed):
    def file(version, script="true"):
        return MIGRATION.format(image=bed.images["busybox"], web=QUIET, version=version, script=json.dumps(script))

    def runs():
        return sorted(
            next(entry for entry in task["Spec"]["ContainerSpec"]["Env"] if entry.startswith("V="))
            for task in swarm.tasks("")
            if (task["Spec"]["ContainerSpec"].get("Args") or [""])[-1] in ("true", "false")
        )

    core.deploy(file(1))
    core.deploy(file(2))
    before = runs()
    assert "V=2" in before
    assert back(core, stable_for=0.2)["status"] == "healthy"
    assert runs() == before
    # Neither does a migration that has failed stand in the way.
    with pytest.raises(StackwrightError):
        core.deploy(file(3, "false"), on_failure="keep", max_restarts=0)
    before = runs()
    done = back(core, 3)
    assert [op["key"] for op in done["plan"]] == ["web"] and history(core)[0][1] == "HEALTHY"
    assert any("migrate" in notice and "rerun_jobs" in notice for notice in done["notices"])
    assert runs() == before
    assert not back(core, 3)["changed"]
    assert [op["key"] for op in back(core, 3, rerun_jobs=True)["plan"]] == ["migrate"]
    assert runs() != before


def test_a_stack_that_was_removed_keeps_its_records_only(core, swarm, text):
    core.deploy(text(1))
    core.remove()
    assert swarm.objects("configs") == [] and swarm.objects("secrets") == []
    assert [(n, s) for n, s, _b in history(core)] == [(2, "REMOVED"), (1, "HEALTHY")]
    assert refused(core, 1).error_code in ("revision_incomplete", "value_lost")
    assert refused(core, 2).error_code == "revision_not_good"
    shown = stack_info(core.client, core.stack, history=True)["stacks"][0]
    assert shown["services"] == [] and shown["revisions"][0]["status"] == "REMOVED"
    assert stack_info(core.client, core.stack)["stacks"] == []


# -- as a task


@pytest.fixture
def player(bed, tmp_path):
    return Player(tmp_path, {"manager1": bed.node("m1").docker_host, "manager2": bed.node("m1").docker_host})


def deploy(swarm, text):
    return {"compose_stack": {"name": swarm.name, "definition": text, "project_directory": "."}}


def test_twelve_steps(player, swarm, bed):
    simple = "services: {{web: {{image: {0}, command: {1}, stop_grace_period: 1s, environment: {{GREETING: {2}}}}}}}"

    def version(number):
        return simple.format(bed.images["busybox"], json.dumps(QUIET), number)

    rollout = {"stable_for": 0.2}
    one = {"stack_rollback": {"name": swarm.name, "to": 1, "rollout": rollout}}
    two = {"stack_rollback": {"name": swarm.name, "to": 2, "rollout": rollout}}
    prepared = player.play(deploy(swarm, version(1)), deploy(swarm, version(2)), limit="manager1")
    assert prepared.code == 0, prepared.output

    def run(task, changed, check=False):
        done = player.play(task, check=check, diff=True, limit="manager1")
        assert done.code == 0, done.output
        assert done.last["changed"] == changed, done.output
        return done.last

    shown = run(one, True, check=True)
    assert live(swarm) == [("web", "2")]
    assert run(one, True)["plan_lines"] == shown["plan_lines"]
    assert live(swarm) == [("web", "1")]
    assert run(one, False, check=True)["plan"] == []
    run(one, False)
    run(two, True, check=True)
    assert live(swarm) == [("web", "1")]
    assert "GREETING: 2" in run(two, True)["diff"]["after"]
    assert live(swarm) == [("web", "2")]
    run(two, False, check=True)
    run(two, False)


def test_several_managers_go_back_once(player, swarm, bed):
    for number in (1, 2, 3):
        text = (
            f"services: {{web: {{image: {bed.images['busybox']}, command: {json.dumps(QUIET)}, stop_grace_period: 1s, "
            f"environment: {{GREETING: '{number}'}}}}}}"
        )
        assert player.play(deploy(swarm, text), limit="manager1").code == 0
    done = player.play({"stack_rollback": {"name": swarm.name}})
    assert done.code == 0, done.output
    assert live(swarm) == [("web", "2")]
    assert sorted("done_by" in result for result in done.of()) == [False, True]
    checked = player.play({"stack_rollback": {"name": swarm.name}}, check=True)
    assert checked.code == 0, checked.output
    assert live(swarm) == [("web", "2")]


def test_the_playbook(player, swarm, bed):
    for number in (1, 2):
        image = bed.images["busybox"]
        service = f"{{image: {image}, command: {json.dumps(QUIET)}, stop_grace_period: 1s, hostname: h{number}}}"
        text = f"services: {{web: {service}}}"
        assert player.play(deploy(swarm, text), limit="manager1").code == 0
    playbook = Path(__file__).resolve().parents[2] / "playbooks" / "rollback.yml"
    variables = {"stack_name": swarm.name, "stack_to": 1, "stack_commit_message": "h2 is wrong"}
    done = player.playbook(
        playbook, limit="manager1", variables=variables, environment={"DOCKER_HOST": bed.node("m1").docker_host}
    )
    assert done.code == 0, done.output
    assert "3 HEALTHY rollback" in done.output and "h2 is wrong" in done.output
