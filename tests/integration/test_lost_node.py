"""A worker is lost: true statuses, what is untouched is not a reason to undo, nothing waits for what can't end."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[1])]

from core import Core
from testbed import for_tests
from testbed.commands import wait_for

from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import SystemClock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import DeployError, EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.info.status import stack_status
from ansible_collections.stackwright.swarm.plugins.module_utils.info.swarm_info import swarm_info
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.rollback import roll_back

QUIET = ["sh", "-c", "trap exit TERM; sleep 1d & wait"]


@pytest.fixture(scope="module")
def three():
    with for_tests.bed_for("lost", keep=True, managers=1, workers=2) as bed:
        yield bed


@pytest.fixture
def swarm(three, request):
    with for_tests.scope_for(three, request) as scope:
        yield scope


@pytest.fixture
def core(three, swarm, tmp_path):
    made = Core(three.node("m1").docker_host, swarm.name, tmp_path)
    yield made
    made.client.close()


@pytest.fixture
def lost(three):
    """``lost()`` takes w2 away, and waits until the managers know; ``lost(False)`` brings it back."""

    def act(away=True):
        (three.kill if away else three.start)("w2")
        if not away:
            three.wait_ready()
            return
        nodes = lambda: three.node("m1").api("GET", "/nodes")  # noqa: E731
        wait_for(
            "w2 to be down",
            lambda: [n for n in nodes() if n["Description"]["Hostname"] == "w2" and n["Status"]["State"] == "down"],
            120,
        )

    return act


def shop(bed, release="1", **db):
    """``db`` runs on w2 alone, and has its data there; ``web`` runs anywhere else."""
    normal = {"image": bed.images["busybox"], "command": QUIET, "stop_grace_period": "1s"}
    where = {"placement": {"constraints": ["node.hostname == w2"]}}
    services = {
        "db": {**normal, "volumes": ["data:/data"], "deploy": where, **db},
        "web": {
            **normal,
            "environment": {"RELEASE": release},
            "deploy": {"placement": {"constraints": ["node.hostname != w2"]}},
        },
    }
    return yaml.safe_dump({"services": services, "volumes": {"data": None}})


OPTIONS = {"pending_for": 3.0, "stable_for": 0.3, "timeout": 120}


def statuses(result):
    return {service["name"].rpartition("_")[2]: service["status"] for service in result["services"]}


def test_a_worker_that_is_lost(core, three, lost):
    stack = core.stack
    assert statuses(core.deploy(shop(three), **OPTIONS)) == {"db": "healthy", "web": "healthy"}
    lost()
    only = "no node can run it: w2, the only one with node.hostname == w2, is down since "
    data = f"its volume {stack}_data is there"

    with pytest.raises(DeployError) as failed:
        core.deploy(shop(three), **OPTIONS)
    assert only in str(failed.value) and data in str(failed.value) and core.writes == []
    now = stack_status(core.client, SystemClock, stack, {})
    assert (now["overall"], statuses(now)) == ("FAILED", {"db": "failed", "web": "healthy"})
    overview = swarm_info(core.client, ["stacks"], {"stack": stack})
    assert overview["stacks"][0]["status"] == "failed"

    done = core.deploy(shop(three, "2"), **OPTIONS)
    assert done["changed"] and statuses(done) == {"db": "failed", "web": "healthy"}
    (told,) = done["notices"]
    assert told.startswith(f"{stack}_db does not run (0/1): {only}") and data in told
    back = roll_back(core.client, SystemClock, stack, {**OPTIONS, "to": 1})
    assert back["changed"] and back["status"] == "failed" and "w2" in back["notices"][0]

    with pytest.raises(DeployError) as failed:
        core.deploy(shop(three, "1", environment={"A": "1"}), **OPTIONS)
    assert failed.value.details["outcome"]["rollback"] == "done"
    assert (
        f"1 service restored, 1 other service unchanged. {stack}_db does not run (0/1): {only}" in failed.value.message
    )

    stopped = core.stop(timeout=120)
    assert stopped["changed"]
    (told,) = stopped["notices"]
    assert told.startswith(f"1 task is left of {stack}_db on w2, which is down since ")
    assert stack_status(core.client, SystemClock, stack, {})["status"] == "asleep"
    with pytest.raises(DeployError) as failed:
        core.deploy(shop(three), **OPTIONS)
    assert failed.value.error_code == "health_gate_failed"
    assert failed.value.details["outcome"]["rollback"] == "done"

    lost(False)
    assert statuses(core.deploy(shop(three), **OPTIONS)) == {"db": "healthy", "web": "healthy"}
    assert not core.deploy(shop(three), **OPTIONS)["changed"]


def test_a_worker_that_is_lost_for_good_is_in_no_way_of_a_removal(core, three, lost):
    core.deploy(shop(three), **OPTIONS)
    lost()
    removed = core.remove(timeout=120)
    assert removed["changed"] and "on w2, which is down since" in removed["notices"][0]
    lost(False)


def test_a_host_mode_port_that_only_a_lost_node_has_free(core, three, swarm, lost):
    """Its return would help, so nothing is refused; where no node can help, it is."""
    port = {"target": 80, "published": 18099, "mode": "host"}
    normal = {"image": three.images["busybox"], "command": QUIET, "stop_grace_period": "1s", "ports": [port]}
    away = {"mode": "global", "placement": {"constraints": ["node.hostname != w2"]}}
    other = Core(three.node("m1").docker_host, f"{swarm.name}x", core.folder)
    try:
        other.deploy(yaml.safe_dump({"services": {"web": {**normal, "deploy": away}}}), **OPTIONS)
        text = yaml.safe_dump({"services": {"web": normal}})
        lost()
        (told,) = core.deploy(text, check=True)["notices"]
        assert told.startswith("service web (compose.yml:") and "m1 has 18099/tcp taken by service" in told
        lost(False)
        three.node("m1").cli(["docker", "node", "update", "--availability", "drain", "w2"])
        with pytest.raises(EngineError) as refused:
            core.deploy(text, **OPTIONS)
        assert refused.value.error_code == "host_port" and core.history() == []
        three.node("m1").cli(["docker", "node", "update", "--availability", "active", "w2"])
        done = core.deploy(text, **OPTIONS)
        assert done["status"] == "healthy" and not done["notices"]
    finally:
        three.node("m1").cli(["docker", "node", "update", "--availability", "active", "w2"])
        other.remove()
        other.client.close()
