"""A volume whose driver options changed, on a real engine: it keeps them, until an empty one takes its place."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[1])]

from core import Core

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import DeployError, PlanError
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.volumes import wanted_volumes
from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.trim import trimmed
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.drift import stack_drift
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.node_preflight import check_node
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.preflight import check_cluster
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.rollback import roll_back
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.project.project import Parts

WRITES = "test -f /data/first || echo {} > /data/first; trap exit TERM; sleep 1d & wait"
VALUES = {"values": {"store": "swarm"}}


@pytest.fixture
def core(bed, swarm, tmp_path):
    made = Core(bed.node("m1").docker_host, swarm.name, tmp_path)
    yield made
    made.client.close()


def test_an_empty_volume_takes_the_place_of_the_old_one_and_back(core, bed, swarm):
    node, name = bed.node("m1"), f"{swarm.name}_data"

    def text(word, command=WRITES, **volume):
        db = {
            "image": bed.images["busybox"],
            "command": ["sh", "-c", command.format(word)],
            "stop_grace_period": "1s",
            "volumes": ["data:/data"],
        }
        # A generated value among the mounts: the history has to know the volume all the same.
        volume = {**volume, "labels": {"token": "${TOKEN}"}}
        values = {"x-env": {"TOKEN": "{{ generate_secure_password }}"}}
        return yaml.safe_dump({**values, "services": {"db": db}, "volumes": {"data": volume}})

    def deploy(found, asked=True, **options):
        desired = core.compile(found, parts=Parts.of({"recreate_volumes": ["data"]} if asked else {}))
        return core.bring(desired, stable_for=0.3, **VALUES, **options)

    def first():
        """What the task that runs finds in its volume."""
        (task,) = running()
        container = task["Status"]["ContainerStatus"]["ContainerID"]
        return node.cli(["docker", "exec", container, "cat", "/data/first"]).stdout.strip()

    def running():
        return [t for t in node.api("GET", "/tasks") if t["Status"]["State"] == "running" and _is_of(t, name)]

    def preflight(found):
        desired, looked = (
            core.compile(found),
            {"resolve_image": "never", "with_registry_auth": False, "registry_auth": []},
        )
        (facts,) = check_cluster(core.client, trimmed(desired), looked)["facts"].values()
        return check_node(core.client, "m1", facts, wanted_volumes(desired))

    memory = {"driver_opts": {"type": "tmpfs", "device": "tmpfs", "o": "size=1m"}}
    deploy(text("one"))
    assert first() == "one"
    (notice,) = deploy(text("two", **memory), asked=False)["notices"]
    assert "recreate_volumes: [" in notice and first() == "one", "the options were lost"
    drift = {**dict.fromkeys(("heal", "prune", "images", "fail_on_drift"), False), "rules": (), **VALUES}
    (found,) = stack_drift(core.client, core.clock, swarm.name, drift)["drift"]
    assert (found["kind"], found["name"]) == ("volume_differs", name) and "on the node m1" in found["reason"]
    assert [f["code"] for f in preflight(text("two", **memory))] == ["volume_differs"]
    assert preflight(text("one")) == []
    run = ["docker", "run", "--detach", "--volume", f"{name}:/d", bed.images["busybox"], "sleep", "1d"]
    by_hand = node.cli(run).stdout.strip()
    try:
        with pytest.raises(PlanError, match=f"{name} can't be recreated: the container .* on the node m1 uses it"):
            deploy(text("two", **memory), check=True)
    finally:
        node.cli(["docker", "rm", "--force", by_hand])
    announced = deploy(text("two", **memory), check=True)
    with pytest.raises(DeployError):
        deploy(text("broken", command="exit 1", **memory), timeout=15, max_restarts=1)
    assert first() == "one", "a failure goes back to the old volume"
    done = deploy(text("two", **memory))
    assert [op["action"] for op in done["plan"]] == [op["action"] for op in announced["plan"]] == ["create", "update"]
    new = done["plan"][0]["name"]
    assert first() == "two" and new.startswith(f"{name}_") and new != announced["plan"][0]["name"]
    made = node.api("GET", f"/volumes/{new}")
    assert made["Options"] == memory["driver_opts"] and made["Labels"]["stackwright.base"] == name
    for asked in (True, False):
        assert not deploy(text("two", **memory), asked)["changed"]
    roll_back(core.client, core.clock, swarm.name, {"to": 1, "stable_for": 0.3, **VALUES})
    assert first() == "one"
    assert not stack_drift(core.client, core.clock, swarm.name, drift)["drifted"], "it is as revision 1 says"


def _is_of(task, name):
    mounts = task["Spec"]["ContainerSpec"].get("Mounts") or []
    return any(mount.get("Source", "").startswith(name) for mount in mounts)
