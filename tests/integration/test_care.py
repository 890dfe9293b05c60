"""The playbook care on a real Swarm: one job that fails for what needs attention, and cleans up."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parent))

from core import Core
from playbook import ROOT, Player

FILE = "services: {{web: {{image: {image}, command: sleep 1d, stop_grace_period: 1s}}}}\n"


@pytest.fixture
def care(swarm, tmp_path):
    player = Player(tmp_path, {"m1": swarm.docker_host, "also": swarm.docker_host})

    def run(limit=None, **variables):
        given = {"care_hosts": "swarm_managers", "prune_hosts": "m1", "prune_older_than": "0", "prune_images": "none"}
        # Stacks of other tests may be on their way out.
        given["care_accept"] = f"^(?!.*{swarm.name})"
        given.update(variables)
        environment = {"DOCKER_HOST": swarm.docker_host}
        return player.playbook(ROOT / "playbooks" / "care.yml", variables=given, environment=environment, limit=limit)

    return run


def test_a_swarm_is_looked_after(bed, swarm, care, tmp_path):
    name, core = swarm.name, Core(swarm.docker_host, swarm.name, tmp_path)
    core.deploy(FILE.format(image=bed.images["busybox"]))
    core.client.close()
    swarm.node.cli(["docker", "network", "create", f"{name}-net"])
    well = care()
    assert well.code == 0 and "Nothing found." in well.output, well.output
    assert well.output.count("TASK [Detect drift]") == 1 and f"network {name}-net" in well.output
    swarm.node.cli(["docker", "service", "scale", "-d", f"{name}_web=2"])
    swarm.wait_running(2)
    ill = care(care_prune="false")
    assert ill.code and f"stack {name}: drift: scaled service {name}_web: replicas 1 → 2" in ill.output, ill.output
    found = ill.output[ill.output.index("fatal: [localhost]") :]
    assert found.count("drift: scaled") == 1, "once per cluster"
    limited = care(limit="swarm_managers", care_prune="false", care_backups=str(tmp_path / "none"))
    assert limited.code and "drift: scaled" in limited.output.partition("TASK [Fail if")[2], limited.output
    told = care(care_prune="false", care_fail="false")
    assert told.code == 0 and "drift: scaled" in told.output


def test_a_node_that_is_lost_is_a_finding_and_hides_no_other(bed, swarm, care, tmp_path):
    hosts = yaml.safe_load((tmp_path / "inventory.yml").read_text())
    away = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}
    hosts["swarm_managers"]["hosts"] = {"gone": away, **hosts["swarm_managers"]["hosts"]}
    (tmp_path / "inventory.yml").write_text(yaml.safe_dump(hosts, sort_keys=False))
    swarm.node.cli(["docker", "network", "create", f"{swarm.name}-net"])
    ill = care(prune_hosts="gone:m1", care_accept=[], care_backups=str(tmp_path))
    assert f"network {swarm.name}-net" in ill.output and "Some nodes were not pruned" not in ill.output, ill.output
    found = ill.output[ill.output.index("TASK [Fail if something needs attention]") :]
    assert ill.code and "gone" in found, ill.output


def test_backups_are_looked_for(care, tmp_path):
    folder = tmp_path / "backups"
    folder.mkdir()
    missing = care(care_prune="false", care_backups=str(folder), care_accept="^(?!backup)")
    assert missing.code and "has no file of the last 1 days" in missing.output, missing.output
    (folder / "raft.tar").write_text("x")
    assert care(care_prune="false", care_backups=str(folder), care_accept="^(?!backup)").code == 0
    old = time.time() - 3 * 86400
    os.utime(folder / "raft.tar", (old, old))
    assert care(care_prune="false", care_backups=str(folder), care_backup_days="2", care_accept="^(?!backup)").code


def test_a_stack_with_a_project_is_compared(bed, swarm, care, tmp_path):
    core = Core(swarm.docker_host, swarm.name, tmp_path, project="acme", environment="dev")
    made = core.deploy(FILE.format(image=bed.images["busybox"]))
    name = f"acme-dev-{swarm.name}"
    try:
        well = care(care_prune="false")
        assert made["changed"] and well.code == 0 and "Nothing found." in well.output, well.output
        swarm.node.cli(["docker", "service", "scale", "-d", f"{name}_web=2"])
        ill = care(care_prune="false")
        assert ill.code and f"stack {name}: drift: scaled service {name}_web: replicas 1 → 2" in ill.output, ill.output
    finally:
        core.client.close()
        swarm.node.cli(["docker", "stack", "rm", name])
