"""playbooks/status.yml: one stack or all, with the plain texts that a survey gives."""

import json
import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from core import Core
from playbook import Player

PLAYBOOK = Path(__file__).resolve().parents[2] / "playbooks" / "status.yml"
QUIET = ["sh", "-c", "trap exit TERM; sleep 1d & wait"]


@pytest.fixture
def status(bed, swarm, tmp_path):
    """``status(hosts=1, **variables)`` plays it; there are two stacks, one of which fails again and again."""
    image = bed.images["busybox"]

    def text(command):
        service = {"image": image, "command": command, "stop_grace_period": "1s"}
        policy = {"restart_policy": {"condition": "any", "delay": "100ms"}}
        return json.dumps({"services": {"web": {**service, "deploy": policy}}})

    cores = [Core(bed.node("m1").docker_host, swarm.name + end, tmp_path) for end in ("", "-ill", "-gone")]
    cores[2].deploy(text(QUIET), wait=False)
    cores[2].remove()
    cores[0].deploy(text(QUIET), commit_message="the first one", who="ali")
    cores[1].deploy(text(["sh", "-c", "exit 3"]), wait=False)
    swarm.wait(
        "restarts", lambda: len(cores[1].client.list("/tasks", {"filters": {"desired-state": ["shutdown"]}})) > 1
    )
    hosts = {f"manager{number}": bed.node("m1").docker_host for number in (1, 2)}
    player = Player(tmp_path, hosts)

    def play(limit="manager1", **variables):
        environment = {"DOCKER_HOST": bed.node("m1").docker_host}
        return player.playbook(PLAYBOOK, variables=variables, limit=limit, environment=environment)

    yield play
    for core in cores:
        core.remove()
        core.client.close()


def test_all_stacks_are_shown_once_by_two_managers(status, swarm):
    # What a survey hands over: texts, and empty ones for what was not answered.
    run = status(
        limit="manager1,manager2", stack_name="", stack_project="", stack_wait="false", stack_must_be_healthy=""
    )
    assert run.code == 0, run.output
    tables = [line for line in run.output.splitlines() if line.startswith(" " * 8)]
    assert max(map(len, tables)) <= 100, "wider than a terminal"
    rows = [line.split() for line in run.output.splitlines() if f'"{swarm.name}' in line and "HEALTHY" in line]
    well = [row for row in rows if row[0] == f'"{swarm.name}']
    assert len(well) == 1, run.output
    assert well[0][1:6] == ["HEALTHY", "1/1", "1/1", "1", "HEALTHY"] and well[0][-1] == 'none",', well
    ill = [line for line in run.output.splitlines() if f"{swarm.name}-ill_web: " in line]
    assert f"{swarm.name}-gone" not in run.output, "it was removed"
    assert len(ill) == 1 and "non-zero exit (3)" in run.output[run.output.index(ill[0]) :], run.output
    assert "TASK [Show the tasks]\nskipping" in run.output.replace("*", "").replace(" \n", "\n"), run.output


def test_what_is_not_as_it_was_deployed(status, swarm, bed):
    bed.node("m1").cli(["docker", "service", "scale", "--detach", f"{swarm.name}_web=2"])
    run = status(limit="manager1,manager2")
    assert run.code == 0, run.output
    told = " ".join(line.strip().strip('",').strip() for line in run.output.splitlines())
    assert told.count(f"scaled service {swarm.name}_web: replicas 1 → 2") == 1, "once per cluster"


def test_one_stack_has_to_be_healthy(status, swarm):
    run = status(stack_name=swarm.name, stack_wait="true", stack_wait_timeout="60", stack_must_be_healthy="true")
    assert run.code == 0, run.output
    assert f"{swarm.name}-ill" not in run.output
    assert re.search(f'"{swarm.name}_web +healthy +1/1 +0 +2', run.output), run.output
    assert re.search(f'"{swarm.name}_web.1 +m1 +running +2', run.output), run.output
    run = status(stack_name=f"{swarm.name}-ill", stack_must_be_healthy="yes")
    assert run.code == 2 and f"Not healthy: {swarm.name}-ill." in run.output, run.output
    run = status(stack_name="nothing")
    assert run.code == 0 and re.search('"nothing +no such stack', run.output), run.output
