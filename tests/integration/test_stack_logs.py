"""stack_logs against a real Swarm."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from core import ON_HOST, Core
from playbook import Player

FILE = """\
services:
  web:
    image: {image}
    command: ["sh", "-c", "echo one; echo two >&2; echo password=hunter2; echo $$PLANTED; echo last; exec sleep 1d"]
    stop_grace_period: 1s
    environment: {{APP_TOKEN: s3cr3t-token, PLANTED: the token is s3cr3t-token here}}
    deploy: {{replicas: 2}}
  screen:
    image: {image}
    tty: true
    command: ["sh", "-c", "echo on the screen; exec sleep 1d"]
    stop_grace_period: 1s
"""


@pytest.fixture
def player(bed, swarm, tmp_path):
    core = Core(bed.node("m1").docker_host, swarm.name, tmp_path)
    core.deploy(FILE.format(image=bed.images["busybox"]) + ON_HOST)
    core.client.close()
    return Player(tmp_path, {"m1": bed.node("m1").docker_host})


def test_lines_of_all_services_in_order(player, swarm):
    name = swarm.name
    run = player.play(
        {"stack_logs": {"name": name}},
        {"stack_logs": {"name": name, "services": ["web"], "contains": "^(one|two)$"}},
        {"stack_logs": {"name": name, "services": [f"{name}_screen"], "since": "1h"}},
        {"stack_logs": {"name": name, "tail": 3}},
        {"stack_logs": {"name": name, "since": "2100-01-01T00:00:00Z"}},
    )
    assert run.code == 0, run.output
    every, matching, screen, few, none = run.of()
    assert sorted(line["text"] for line in every["lines"] if line["stream"] == "stderr") == ["two", "two"]
    assert [line["time"] for line in every["lines"]] == sorted(line["time"] for line in every["lines"])
    assert len(every["lines"]) == 11
    assert {line["slot"] for line in every["lines"] if line["service"] == f"{name}_web"} == {1, 2}
    assert not any(word in run.output + str(every) for word in ("hunter2", "s3cr3t-token"))
    assert sorted(line["text"] for line in matching["lines"]) == ["one", "one", "two", "two"]
    assert [line["text"] for line in screen["lines"]] == ["on the screen"]
    assert "screen.1@" in screen["text"]
    assert few["lines"] == every["lines"][-3:]
    assert none["lines"] == []
    task = screen["lines"][0]["task"]
    run = player.play(
        {"stack_logs": {"name": name, "task": task[:12]}},
        {"stack_logs": {"name": name, "services": ["wob"]}, "ignore_errors": True},
        {"stack_logs": {"name": name, "task": "nothing"}, "ignore_errors": True},
        {"stack_logs": {"name": name + "x"}, "ignore_errors": True},
    )
    one, service, nothing, stack = run.of()
    assert [line["text"] for line in one["lines"]] == ["on the screen"]
    assert service["error_code"] == nothing["error_code"] == stack["error_code"] == "not_found"
    assert "It has screen, web." in service["msg"]


def test_it_waits_for_a_line(bed, swarm, tmp_path):
    name, core = swarm.name, Core(bed.node("m1").docker_host, swarm.name, tmp_path)
    ticks = "n=0; while :; do n=$$((n+1)); echo tick $$n my-token=hunter2; sleep 1; done"
    core.deploy(
        f"services:\n  web:\n    image: {bed.images['busybox']}\n    stop_grace_period: 1s\n"
        f"    command: ['sh', '-c', '{ticks}']\n"
    )
    core.client.close()
    player = Player(tmp_path, {"m1": bed.docker_host, "also": bed.docker_host})
    run = player.play({"stack_logs": {"name": name, "since": "1s", "wait_timeout": 9}})
    assert run.code == 0, run.output
    shown = [line for line in run.output.splitlines() if " | tick " in line and line.startswith("[")]
    assert len({line.split()[0] for line in shown}) == 1, "one host shows them"
    assert len(shown) > 4 and len(shown) == len(set(shown)), run.output
    assert "hunter2" not in run.output
    first = run.last["lines"][0]["text"].split()[1]
    # A line that came, one that comes, no such line, and check mode.
    run = player.play(
        {"stack_logs": {"name": name, "until": f"^tick {first} "}},
        {"stack_logs": {"name": name, "since": "1s", "until": "^tick [0-9]*0 "}},
        {"stack_logs": {"name": name, "until": "^boom", "wait_timeout": 2}, "ignore_errors": True},
        {"stack_logs": {"name": name, "until": "^boom", "wait_timeout": 600}, "check_mode": True},
        limit="m1",
    )
    past, future, late, checked = run.of()
    assert past["matched"]["text"].startswith(f"tick {first} ")
    assert future["matched"] in future["lines"][-3:] and not future["changed"], "it ends with the read of the line"
    assert late["error_code"] == "timeout" and "| tick " in late["msg"], late
    assert checked["lines"] and "matched" not in checked


def test_a_node_that_is_down_is_named(bed, swarm, tmp_path):
    workers = [node for node in bed.nodes.values() if node.role == "worker"]
    if not workers:
        pytest.skip("needs a worker: STACKWRIGHT_TEST_NODES=2")
    worker = workers[0]
    core = Core(bed.node("m1").docker_host, swarm.name, tmp_path)
    core.deploy(
        "services:\n  all:\n    image: " + bed.images["busybox"] + "\n    command: sh -c 'echo here; exec sleep 1d'\n"
        "    stop_grace_period: 1s\n    deploy: {mode: global}\n"
    )
    player = Player(tmp_path, {"m1": bed.node("m1").docker_host})
    bed.kill(worker.name)
    try:
        run = player.play({"stack_logs": {"name": swarm.name}})
    finally:
        bed.start(worker.name)
    assert run.code == 0, run.output
    assert {line["text"] for line in run.last["lines"]} == {"here"}
    assert any(worker.name in text for text in run.last["missing"]), run.last
