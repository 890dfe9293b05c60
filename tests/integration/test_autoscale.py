"""Autoscaling on a real Swarm: real load of real containers, bounds, locks, and deployments that keep the number."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from documented import documentation
from playbook import ROOT, Player

#: It uses all of the CPU that it may.
FILE = """\
services:
  web:
    image: {image}
    command: sh -c 'while [ "$$BUSY" ]; do :; done; sleep 1d'
    stop_grace_period: 1s
    environment: {{BUSY: "{busy}", EDITION: "{edition}"}}
    deploy:
      replicas: 1
      labels: {{stackwright.autoscale: "1-3"}}
      resources: {{limits: {{cpus: "0.1"}}}}
"""
AT_ONCE = {"autoscale_up_after": 0, "autoscale_down_after": 0, "autoscale_seconds": 1}


@pytest.fixture
def player(swarm, tmp_path):
    # Two names of one manager: the work is done once.
    return Player(tmp_path, {"m1": swarm.docker_host, "also": swarm.docker_host})


@pytest.fixture
def stack(bed, swarm, player):
    class Stack:
        name = swarm.name

        def deploy(self, busy="", edition="1"):
            src = player.write("compose.yml", FILE.format(image=bed.images["busybox"], busy=busy, edition=edition))
            task = {"name": self.name, "src": str(src), "rollout": {"stable_for": 0.2}}
            played = player.play({"compose_stack": task})
            assert played.code == 0, played.output
            return played

        def autoscale(self, check=False, **variables):
            given = {**AT_ONCE, "stack_name": self.name, "autoscale_hosts": "swarm_managers", **variables}
            environment = {"DOCKER_HOST": swarm.docker_host}
            return player.playbook(
                ROOT / "playbooks" / "autoscale.yml", variables=given, environment=environment, check=check
            )

        def replicas(self):
            (found,) = swarm.node.api("GET", f'/services?filters={{"name":["{self.name}_web"]}}')
            return found["Spec"]["Mode"]["Replicated"]["Replicas"]

    return Stack()


def test_by_the_cpu_of_its_containers(stack, player):
    stack.deploy(busy="yes")
    shown = stack.autoscale(check=True)
    assert shown.code == 0 and stack.replicas() == 1, shown.output
    (load,) = player.play({"stack_load": {"name": stack.name}}, limit="m1").of(host="m1")
    (task,), (service,) = load["tasks"], load["services"]
    # On a busy machine it gets less than its limit.
    assert task["cpu_percent"] > 1 and service["tasks"] == [task["task"]] and service["busy"] == ""
    assert set(service) == set(documentation("stack_load", "RETURN")["services"]["contains"])
    first = stack.autoscale(autoscale_target=2)
    assert first.code == 0 and f"{stack.name}_web: 1 → 3" in first.output, first.output
    assert first.output.count("changed:") == 1 and stack.replicas() == 3
    most = stack.autoscale(autoscale_target=2)
    assert "but 3 is the maximum" in most.output and "changed=0" in most.output and stack.replicas() == 3
    # A deployment keeps the number, and it is not drift.
    stack.deploy(busy="yes", edition="2")
    assert stack.replicas() == 3
    waits = stack.autoscale(autoscale_down_after=3600, autoscale_target=1000)
    assert "it waits until nothing has changed for 3600 s" in waits.output and stack.replicas() == 3
    assert stack.autoscale(autoscale_target=1000).code == 0 and stack.replicas() == 1


def test_by_a_number_and_never_during_a_deployment(swarm, stack, tmp_path):
    stack.deploy()
    number = tmp_path / "number"
    number.write_text('{"waiting": 25}')
    command = tmp_path / "command"
    command.write_text(f"#!/bin/sh\necho asked >>{tmp_path}/calls\ncat {number}\n")
    command.chmod(0o755)
    given = {"autoscale_command": str(command), "autoscale_key": "waiting", "autoscale_target": 10}
    lock = {"stackwright.lock": '{"who": "ann", "expires": 99999999999}', "com.docker.stack.namespace": stack.name}
    lock["stackwright.stack"] = stack.name
    body = {"Name": f"stackwright.lock.{stack.name}", "Labels": lock, "Data": "eA=="}
    made = swarm.node.api("POST", "/configs/create", body)
    locked = stack.autoscale(**given)
    assert locked.code == 0 and "locked by ann" in locked.output and stack.replicas() == 1, locked.output
    swarm.node.cli(["docker", "config", "rm", made["ID"]])
    scaled = stack.autoscale(**given)
    assert scaled.code == 0 and stack.replicas() == 3, scaled.output
    assert (tmp_path / "calls").read_text().split() == ["asked", "asked"], "once per run, not by each manager"
    assert "changed=0" in stack.autoscale(**given).output
    number.write_text("nothing")
    wrong = stack.autoscale(**given)
    assert wrong.code and "not a number of 0 or more at waiting" in wrong.output and stack.replicas() == 3
