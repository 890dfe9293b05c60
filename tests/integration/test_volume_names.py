"""Volumes whose names are templates of Swarm, on a real engine: one a replica."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[1])]

from core import Core

from ansible_collections.stackwright.swarm.plugins.module_utils.info.stack_info import stack_info
from ansible_collections.stackwright.swarm.plugins.module_utils.request.options import with_defaults
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.cleanup import clean_cluster
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.drift import stack_drift

NAMESPACE = "com.docker.stack.namespace"
QUIET = ["sh", "-c", "trap exit TERM; sleep 1d & wait"]
KINDS = ("services", "networks", "configs", "secrets", "history")
CLEAN = {
    **dict.fromkeys(KINDS, True),
    **dict.fromkeys(("values", "volumes", "images", "dangling", "break_lock", "others"), False),
    "seen": (),
}


@pytest.fixture
def core(bed, swarm, tmp_path):
    made = Core(bed.node("m1").docker_host, swarm.name, tmp_path)
    yield made
    made.client.close()


def test_a_volume_for_each_replica_from_deployment_to_clean_up(core, bed, swarm):
    def there():
        volumes = bed.node("m1").api("GET", "/volumes")["Volumes"] or []
        return {v["Name"]: v["Labels"] for v in volumes if (v["Labels"] or {}).get(NAMESPACE) == swarm.name}

    template = f"{swarm.name}_db_{{{{.Task.Slot}}}}"
    db = {"image": bed.images["busybox"], "command": QUIET, "deploy": {"replicas": 2}, "volumes": ["data:/data"]}
    text = yaml.safe_dump({"services": {"db": db}, "volumes": {"data": {"name": template}}})
    core.compiling["platform"] = {"tracking_labels": True}
    core.deploy(text, stable_for=0.3)
    names = [f"{swarm.name}_db_1", f"{swarm.name}_db_2"]
    assert sorted(there()) == names
    assert [there()[name]["stackwright-volume"] for name in names] == ["db_1", "db_2"]
    assert not core.deploy(text)["changed"]
    (shown,) = stack_info(core.client, swarm.name)["stacks"]
    assert shown["volumes"] == names and shown["services"][0]["volumes"] == names
    drift = {"heal": False, "prune": False, "images": False, "fail_on_drift": False, "rules": (), "check": True}
    assert not stack_drift(core.client, core.clock, swarm.name, drift)["drifted"]

    def clean(**options):
        given = with_defaults({**CLEAN, "volume_names": [template], "timeout": 30.0, **options})
        return clean_cluster(core.client, core.clock, swarm.name, given)["own"]

    kept = clean(services=False, networks=False, history=False)
    assert [(e["name"], e["reason"]) for e in kept["residue"]] == [
        (name, f"in use by service {swarm.name}_db") for name in names
    ]
    announced = clean(check=True)["removed"]
    done = clean()["removed"]
    assert [entry["name"] for entry in done] == names
    assert [entry["name"] for entry in announced] == names
    assert there() == {}
