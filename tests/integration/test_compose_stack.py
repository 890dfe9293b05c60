"""compose_stack through ansible-playbook against a real Swarm: the twelve-step matrix, and what a user does."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from playbook import Player

COMPOSE = """\
services:
  web:
    image: {image}
    command: httpd -f -p 8000
    stop_grace_period: 1s
    environment:
      GREETING: ${{GREETING:-hello}}
    configs:
      - source: page
        target: /page.html
    deploy:
      replicas: 2
      endpoint_mode: dnsrr
  worker:
    image: {image}
    command: ["sleep", "1d"]
    stop_grace_period: 1s
    volumes:
      - data:/data
volumes:
  data:
configs:
  page:
    content: ${{GREETING:-hello}}
"""


@pytest.fixture
def player(bed, swarm, tmp_path):
    return Player(
        tmp_path, {"m1": bed.node("m1").docker_host}, {"compose.yml": COMPOSE.format(image=bed.images["busybox"])}
    )


@pytest.fixture
def cli(bed):
    """Asks the Swarm with docker's own command: an observer that shares no code with ours."""

    def ask(*arguments):
        return bed.node("m1").cli(["docker", *arguments]).stdout.strip()

    return ask


def services(cli, stack):
    text = cli("service", "ls", "--filter", f"label=com.docker.stack.namespace={stack}", "--format", "{{json .}}")
    return {service["Name"]: service for service in map(json.loads, text.splitlines())}


def versions(cli, stack):
    names = sorted(services(cli, stack))
    return {name: cli("service", "inspect", name, "--format", "{{.Version.Index}}") for name in names}


def task(stack, **options):
    return {"compose_stack": {"name": stack, "src": "compose.yml", "rollout": {"timeout": 60}, **options}}


def agree(announced, done):
    """What check mode announced is what the run did."""
    assert announced["changed"] == done["changed"]
    assert announced["plan"] == done["plan"]


def test_the_twelve_steps(player, swarm, cli):
    stack = swarm.name
    present, changed = task(stack), task(stack, variables={"GREETING": "good morning"})
    absent = {"compose_stack": {"name": stack, "state": "absent"}}
    for step, wanted_before, wanted_after in (
        (present, {}, {f"{stack}_web": "2/2", f"{stack}_worker": "1/1"}),
        (changed, {f"{stack}_web": "2/2", f"{stack}_worker": "1/1"}, {f"{stack}_web": "2/2", f"{stack}_worker": "1/1"}),
        (absent, {f"{stack}_web": "2/2", f"{stack}_worker": "1/1"}, {}),
    ):
        before = versions(cli, stack)
        check = player.play(step, check=True, diff=True)
        assert check.code == 0, check.output
        assert check.last["changed"]
        assert versions(cli, stack) == before, "check mode has written"
        assert {name: s["Replicas"] for name, s in services(cli, stack).items()} == wanted_before

        run = player.play(step, diff=True)
        assert run.code == 0, run.output
        agree(check.last, run.last)
        assert check.last["diff"] == run.last["diff"]
        assert {name: s["Replicas"] for name, s in services(cli, stack).items()} == wanted_after

        after = versions(cli, stack)
        for again in (player.play(step, check=True), player.play(step)):
            assert again.code == 0, again.output
            assert not again.last["changed"]
            assert again.last["calls"] <= 6
        assert versions(cli, stack) == after, "a second run has written"


def test_only_what_differs_is_sent(player, swarm, cli):
    stack = swarm.name
    assert player.play(task(stack)).code == 0
    before = versions(cli, stack)
    run = player.play(task(stack, variables={"GREETING": "good morning"}))
    assert run.code == 0, run.output
    after = versions(cli, stack)
    assert after[f"{stack}_worker"] == before[f"{stack}_worker"]
    assert after[f"{stack}_web"] != before[f"{stack}_web"]


def test_a_service_that_leaves_the_file_goes_and_its_volume_stays(player, bed, swarm, cli):
    stack = swarm.name
    assert player.play(task(stack)).code == 0
    text = (player.folder / "compose.yml").read_text()
    player.write("compose.yml", text[: text.index("  worker:")] + text[text.index("configs:\n  page") :])
    run = player.play(task(stack))
    assert run.code == 0, run.output
    assert list(services(cli, stack)) == [f"{stack}_web"]
    # It lives where the task ran.
    volumes = [
        node.cli(["docker", "volume", "ls", "--format", "{{.Name}}"]).stdout.split() for node in bed.nodes.values()
    ]
    assert any(f"{stack}_data" in names for names in volumes)


def test_stopping_and_starting_brings_back_the_count(player, swarm, cli):
    stack = swarm.name
    assert player.play(task(stack)).code == 0
    cli("service", "scale", "-d", f"{stack}_worker=3")
    stopped = {"compose_stack": {"name": stack, "state": "stopped"}}
    check, run, again = player.play(stopped, check=True), player.play(stopped), player.play(stopped)
    assert (check.code, run.code, again.code) == (0, 0, 0), check.output + run.output + again.output
    agree(check.last, run.last)
    assert not again.last["changed"]
    assert {s["Replicas"] for s in services(cli, stack).values()} == {"0/0"}
    back = player.play(task(stack))
    assert back.code == 0, back.output
    assert {name: s["Replicas"] for name, s in services(cli, stack).items()} == {
        f"{stack}_web": "2/2",
        f"{stack}_worker": "3/3",
    }


def test_absent_and_at_once_present_again(player, swarm, cli):
    stack = swarm.name
    assert player.play(task(stack)).code == 0
    run = player.play({"compose_stack": {"name": stack, "state": "absent"}}, task(stack))
    assert run.code == 0, run.output
    assert set(services(cli, stack)) == {f"{stack}_web", f"{stack}_worker"}


def test_every_mistake_is_named_with_its_line_and_nothing_is_changed(player, swarm, cli):
    stack = swarm.name
    player.write(
        "compose.yml",
        "services:\n  web:\n    imge: nginx\n    replicas: 2\n  db:\n    image: Nginx\n    networks: [missing]\n",
    )
    run = player.play(task(stack))
    assert run.code == 2
    result = run.last
    assert result["error_code"] == "invalid_compose"
    places = {(problem["line"], problem["key"].split("[")[0]) for problem in result["problems"]}
    assert {3, 4} <= {line for line, _ in places}
    assert "compose.yml:3" in result["msg"]
    assert "Traceback" not in run.output
    assert services(cli, stack) == {}


def test_a_stack_that_does_not_run_fails_with_its_cause(player, swarm, cli):
    stack = swarm.name
    text = (player.folder / "compose.yml").read_text()
    player.write("compose.yml", text.replace('["sleep", "1d"]', "sh -c 'echo no database >&2; exit 7'"))
    run = player.play(task(stack, rollout={"timeout": 40}))
    assert run.code == 2, run.output
    assert run.last["error_code"] == "health_gate_failed"
    assert run.last["changed"], "its objects were created"
    assert "worker" in run.last["msg"]
    assert "no database" in run.last["msg"]
    assert "7" in run.last["msg"]


def test_an_inline_definition_and_a_name_in_the_file(player, bed, swarm, cli):
    stack = swarm.name
    service = {"image": bed.images["busybox"], "command": "sleep 1d", "stop_grace_period": "1s"}
    definition = {"name": stack, "services": {"a": service}}
    run = player.play({"compose_stack": {"definition": definition}})
    assert run.code == 0, run.output
    assert list(services(cli, stack)) == [f"{stack}_a"]


def test_files_that_are_on_the_manager(player, swarm, cli):
    stack = swarm.name
    run = player.play(task(stack, src=str(player.folder / "compose.yml"), remote_src=True))
    assert run.code == 0, run.output
    assert set(services(cli, stack)) == {f"{stack}_web", f"{stack}_worker"}


@pytest.mark.parametrize(
    ("docker_host", "code"),
    [("unix:///nonexistent/docker.sock", "daemon_unreachable"), ("tcp://127.0.0.1:9", "daemon_unreachable")],
)
def test_a_dead_socket_has_its_own_error(player, swarm, docker_host, code):
    run = player.play(task(swarm.name, docker_host=docker_host))
    assert run.code == 2
    assert run.last["error_code"] == code
    assert docker_host.split("//")[1].split(":")[0] in run.last["msg"]
    assert "Traceback" not in run.output


def test_several_stacks_in_a_loop(player, swarm, cli):
    names = [f"{swarm.name}-{end}" for end in ("a", "b")]
    run = player.play(
        {**task("{{ item }}"), "loop": names},
        {"stack_service": {"name": "{{ item }}", "service": "worker", "replicas": 1}, "loop": names},
        {"stack_values": {"name": "{{ item }}", "store": "swarm", "state": "listed"}, "loop": names},
    )
    assert run.code == 0, run.output
    assert all(f"{name}_worker" in services(cli, name) for name in names)


def test_with_on_changes_plan_only_a_run_without_changes_is_a_run(player, swarm, cli):
    stack = swarm.name
    look = task(stack, on_changes="plan")
    planned, done, again, mixed = player.play(
        look, task(stack), look, {**task(stack, on_changes="plan", preflight=True), "ignore_errors": True}
    ).of()
    assert (planned["would_change"], planned["changed"]) == (True, False)
    steps = [[(op["action"], op["kind"], op["name"]) for op in result["plan"]] for result in (planned, done)]
    assert steps[0] == steps[1] != [] and done["changed"], "nothing of the plan was carried out"
    assert (again["would_change"], again["changed"], again["status"]) == (False, False, "healthy")
    assert mixed["error_code"] == "invalid_options"
    assert player.play(look, check=True).last["changed"] is False
