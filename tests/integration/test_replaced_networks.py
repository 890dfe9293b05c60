"""A network that changed is replaced, on a real engine."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[1])]

from core import Core

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import DeployError, PlanError

QUIET = ["sh", "-c", "trap exit TERM; sleep 1d & wait"]


@pytest.fixture
def core(bed, swarm, tmp_path):
    made = Core(bed.node("m1").docker_host, swarm.name, tmp_path)
    made.lines = []
    yield made
    made.client.close()


def test_a_network_that_changed_is_replaced_unless_a_container_uses_it(core, bed, swarm):
    node = bed.node("m1")

    def text(**network):
        web = {"image": bed.images["busybox"], "command": QUIET, "stop_grace_period": "1s", "networks": ["back"]}
        return yaml.safe_dump({"services": {"web": web}, "networks": {"back": network}})

    def names():
        return [network["Name"] for network in swarm.objects("networks")]

    core.deploy(text(attachable=True), stable_for=0.3)
    (old,) = names()
    run = ["docker", "run", "--detach", "--network", old, bed.images["busybox"], "sleep", "1d"]
    container = node.cli(run).stdout.strip()
    try:
        with pytest.raises(PlanError, match=f"the container {container[:12]} on the node"):
            core.deploy(text(internal=True), recreate=True, check=True)
    finally:
        node.cli(["docker", "rm", "--force", container])
    announced = core.deploy(text(internal=True), recreate=True, check=True)
    done = core.deploy(text(internal=True), recreate=True, stable_for=0.3)
    assert done["plan"] == announced["plan"]
    assert [op["restarts"] for op in done["plan"] if op["kind"] == "service"] == [1]
    (new,) = names()
    assert new.startswith(f"{old}_")
    assert not core.deploy(text(internal=True), stable_for=0.3)["changed"]


def test_a_network_with_a_fixed_name_is_made_anew_in_its_place(core, bed, swarm):
    """Three services of three waves; one of them publishes a port. A version that fails leaves all as it was."""
    name = f"{swarm.name}-front"

    def text(command=QUIET, **network):
        base = {"image": bed.images["busybox"], "stop_grace_period": "1s", "networks": ["front"]}
        services = {
            "db": {**base, "command": QUIET},
            "agent": {**base, "command": QUIET, "deploy": {"mode": "global"}},
            "web": {**base, "command": command, "ports": ["17632:80"], "deploy": {"replicas": 2}, "depends_on": ["db"]},
        }
        return yaml.safe_dump({"services": services, "networks": {"front": {"name": name, **network}}})

    def front():
        (found,) = [n for n in bed.node("m1").api("GET", "/networks") if n["Name"] == name and "Peers" not in n]
        return found

    core.deploy(text(driver_opts={"com.docker.network.driver.mtu": "1400"}), stable_for=0.3)
    before = front()
    with pytest.raises(PlanError, match="recreate: true"):
        core.deploy(text(internal=True), check=True)
    with pytest.raises(DeployError) as failed:
        core.deploy(text(["sh", "-c", "exit 3"], internal=True), recreate=True, stable_for=0.3)
    assert failed.value.details["outcome"]["rollback"] == "done", failed.value.message
    back = front()
    assert back["Id"] != before["Id"] and back["Options"]["com.docker.network.driver.mtu"] == "1400"
    assert not back["Internal"]
    announced = core.deploy(text(internal=True), recreate=True, check=True)
    done = core.deploy(text(internal=True), recreate=True, stable_for=0.3)
    print("\n".join(done["plan_lines"]))
    assert done["plan"] == announced["plan"]
    assert front()["Internal"] and front()["Name"] == name
    assert not core.deploy(text(internal=True), stable_for=0.3)["changed"]


def test_a_gate_that_ends_while_a_network_is_not_allotted_names_it_and_why(core, bed, swarm):
    """An external network whose subnet overlaps another one: the Engine takes it, and no task on it ever starts."""
    node, name = bed.node("m1"), f"{swarm.name}-ext"
    made = ["docker", "network", "create", "--driver", "overlay", "--subnet"]
    node.cli([*made, "10.231.0.0/24", f"{swarm.name}-first"])
    node.cli([*made, "10.231.0.0/25", name])
    web = {"image": bed.images["busybox"], "command": QUIET, "networks": ["ext"]}
    text = yaml.safe_dump({"services": {"web": web}, "networks": {"ext": {"external": True, "name": name}}})
    with pytest.raises(DeployError) as failed:
        core.deploy(text, timeout=2)
    assert failed.value.error_code == "timeout"
    words = f"the network {name} has no subnet: the requested one overlaps the subnet of another network"
    assert words in failed.value.message, failed.value.message
