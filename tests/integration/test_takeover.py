"""To and fro between docker's CLI and ours, through ansible-playbook: the same file, and no task restarts."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from playbook import ROOT, Player
from testbed.commands import wait_for

SHARED = ROOT.parent / "shared"
COMPOSE = """\
version: "3.8"
services:
  web:
    image: {image}
    command: httpd -f -p 8000
    stop_grace_period: 1s
    environment: [A=1, "B=x y"]
    labels: {{com.example.a: "1"}}
    ports: ["18080:8000"]
    configs: [{{source: page, target: /www/page.html}}]
    volumes: [data:/data]
    healthcheck: {{test: "true", interval: 2s}}
    deploy:
      replicas: 2
      labels: {{com.example.b: "2"}}
      resources: {{limits: {{cpus: "0.5", memory: 64M}}}}
      restart_policy: {{condition: any, delay: 1s}}
  worker:
    image: {image}
    command: sleep 1d
    stop_grace_period: 1s
    networks: [inner]
    deploy: {{mode: global}}
networks:
  inner: {{driver: overlay, attachable: true}}
volumes:
  data:
configs:
  page: {{file: ./page.html}}
"""
SECRET = COMPOSE.replace("    configs: [", "    secrets: [key]\n    configs: [") + "secrets:\n  key: {{file: ./key}}\n"
FROM_THE_CORPUS = (
    "docker+cli/e2e/stack/testdata/full-stack.yml",
    "BretFisher+dogvscat/stack-ee-menu.yml",
    "compose-spec+docs/06-networks-L168.yml",
    "oanhnn+docker-stacks/nats-cluster/compose.yml",
)


@pytest.fixture
def player(bed, swarm, tmp_path):
    files = {"page.html": "hello", "key": "hunter2", "compose.yml": COMPOSE.format(image=bed.images["busybox"])}
    return Player(tmp_path, {"m1": bed.node("m1").docker_host}, files)


@pytest.fixture
def docker(bed, tmp_path):
    """docker's CLI of this machine if it has one, else the bed's."""
    program = shutil.which("docker") or str(bed.node("m1").programs / "docker")

    def run(*arguments, env=None, check=True):
        environment = {"PATH": os.environ["PATH"], "HOME": "/root", "DOCKER_HOST": bed.docker_host, **(env or {})}
        done = subprocess.run([program, *arguments], env=environment, cwd=tmp_path, capture_output=True, text=True)
        assert not check or done.returncode == 0, done.stderr
        return done.stdout.strip()

    return run


def task(stack, **options):
    return {"compose_stack": {"name": stack, "src": "compose.yml", "rollout": {"timeout": 60}, **options}}


def seen(swarm):
    """The running tasks, and the version of every service."""
    tasks = sorted(task["ID"] for task in swarm.tasks() if task["Status"]["State"] == "running")
    return tasks, {s["Spec"]["Name"]: s["Version"]["Index"] for s in swarm.objects("services")}


def docker_s_own(docker, swarm):
    """docker's commands for stacks show the stack, and remove it."""
    listed = [json.loads(line) for line in docker("stack", "ls", "--format", "{{json .}}").splitlines()]
    services = sorted(service["Spec"]["Name"] for service in swarm.objects("services"))
    assert [int(entry["Services"]) for entry in listed if entry["Name"] == swarm.name] == [len(services)]
    assert sorted(docker("stack", "services", swarm.name, "--format", "{{.Name}}").split()) == services
    names = docker("stack", "ps", swarm.name, "--format", "{{.Name}}").split()
    assert {name.partition(".")[0] for name in names} == set(services)

    def gone():
        docker("stack", "rm", swarm.name, check=False)
        return not any(swarm.objects(kind) for kind in ("services", "networks", "configs", "secrets"))

    wait_for("docker stack rm to leave nothing", gone, 180, 0.3)


def test_docker_deploys_and_ours_takes_over(player, docker, swarm):
    docker("stack", "deploy", "--detach=true", "-c", "compose.yml", swarm.name)
    swarm.wait_running(3)
    before = seen(swarm)
    announced = player.play(task(swarm.name), check=True, diff=True)
    assert announced.code == 0, announced.output
    assert announced.last["plan_lines"] == []
    for _again in range(2):
        run = player.play(task(swarm.name))
        assert run.code == 0, run.output
        assert not run.last["changed"]
    assert seen(swarm) == before
    docker_s_own(docker, swarm)


def test_ours_deploys_and_docker_goes_on(player, docker, swarm):
    run = player.play(task(swarm.name, resolve_image="always"))
    assert run.code == 0, run.output
    tasks, _versions = seen(swarm)
    docker("stack", "deploy", "--detach=true", "-c", "compose.yml", swarm.name)
    back = player.play(task(swarm.name))
    assert back.code == 0, back.output
    assert not back.last["changed"], back.last["plan_lines"]
    assert seen(swarm)[0] == tasks
    docker_s_own(docker, swarm)


def test_a_secret_of_docker_is_replaced_or_adopted(player, docker, swarm, bed):
    player.write("compose.yml", SECRET.format(image=bed.images["busybox"]))
    docker("stack", "deploy", "--detach=true", "-c", "compose.yml", swarm.name)
    swarm.wait_running(3)
    before = seen(swarm)
    replaced = player.play(task(swarm.name), check=True)
    assert {(op["kind"], op["action"]) for op in replaced.last["plan"] if op["name"] != "stackwright.key"} == {
        ("secret", "create"),
        ("service", "update"),
    }
    run = player.play(task(swarm.name, adopt_secrets=True))
    assert run.code == 0, run.output
    assert {op["kind"] for op in run.last["plan"] if op["name"] != "stackwright.key"} == {"secret"}
    assert seen(swarm) == before
    assert not player.play(task(swarm.name)).last["changed"]
    docker_s_own(docker, swarm)


@pytest.mark.parametrize("name", FROM_THE_CORPUS)
def test_files_of_others(name, player, docker, swarm, bed):
    expected = SHARED / "corpus-expected" / f"{name}.json"
    if not expected.is_file():
        pytest.skip("the corpus (../shared) is not on this machine")
    case = json.loads(expected.read_text())["case"]
    path = SHARED.resolve() / "corpus" / case["source"] / case["path"]
    node = bed.node("m1")
    node.cli(["docker", "node", "update", "--availability", "drain", "m1"])  # nothing is pulled
    made = []
    for network in case["seed"].get("networks") or []:
        body = {"Name": network["Name"], "Driver": "overlay", "Attachable": True}
        made.append(node.api("POST", "/networks/create", body)["Id"])
    try:
        docker(
            "stack", "deploy", "--detach=true", "--resolve-image", "never", "-c", str(path), swarm.name, env=case["env"]
        )
        options = {"src": str(path), "variables": {"HOME": "/root", **case["env"]}, "rollout": {"wait": False}}
        run = player.play(task(swarm.name, **options))
        assert run.code == 0, run.output
        assert run.last["plan_lines"] == []
        docker_s_own(docker, swarm)
    finally:
        node.cli(["docker", "node", "update", "--availability", "active", "m1"])
        swarm.remove()
        for network in made:
            wait_for("the network to go", lambda network=network: not node.api("DELETE", f"/networks/{network}"), 180)


def test_docker_takes_the_mark_off_our_secrets(player, docker, swarm, bed):
    """As the guide says; with adopt_secrets nothing restarts all the same."""
    player.write("compose.yml", SECRET.format(image=bed.images["busybox"]))
    assert player.play(task(swarm.name)).code == 0
    tasks, _versions = seen(swarm)
    docker("stack", "deploy", "--detach=true", "-c", "compose.yml", swarm.name)
    assert player.play(task(swarm.name), check=True).last["changed"]
    run = player.play(task(swarm.name, adopt_secrets=True))
    assert run.code == 0, run.output
    assert seen(swarm)[0] == tasks
    assert not player.play(task(swarm.name)).last["changed"]
