"""playbooks/maintenance.yml, when Ansible loses the host of a node: no other node is taken out of service."""

import json
import sys
from pathlib import Path

import pytest
import yaml

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[1])]

from playbook import ROOT, Player
from testbed import inventory

#: The host is lost while the user's tasks run on it, as after a reboot of which it does not come back.
TASKS = [
    {"name": "Lose it", "ansible.builtin.file": {"path": "{{ lost }}", "state": "touch"}, "delegate_to": "m1"},
    {"name": "Go on", "ansible.builtin.ping": None},
]


def test_the_maintenance_stops(bed, tmp_path):
    if sorted(bed.nodes) != ["m1", "w1"]:
        pytest.skip("one manager and one worker: STACKWRIGHT_TEST_NODES=2")
    player, lost, tasks = Player(tmp_path, {}), tmp_path / "lost", tmp_path / "tasks.yml"
    tasks.write_text(yaml.safe_dump(TASKS))
    inventory.write(bed, tmp_path / "inventory.yml", guestbook=False)
    hosts = json.loads((tmp_path / "inventory.yml").read_text())
    connection = f"{{{{ 'ssh' if query('ansible.builtin.fileglob', '{lost}') else 'local' }}}}"
    away = {"ansible_connection": connection, "ansible_host": "127.0.0.1", "ansible_port": 1}
    hosts["all"]["children"]["swarm_nodes"]["hosts"]["w1"].update(away)
    (tmp_path / "inventory.yml").write_text(json.dumps(hosts))
    variables = {"maintenance_id": "one", "maintenance_move": "swarm", "maintenance_unmovable": "stop"}

    def maintain():
        given = {**variables, "maintenance_tasks": str(tasks), "lost": str(lost)}
        run = player.playbook(ROOT / "playbooks/maintenance.yml", variables=given)
        nodes = bed.node("m1").api("GET", "/nodes")
        return run, {node["Description"]["Hostname"]: node["Spec"] for node in nodes}

    try:
        run, nodes = maintain()
        assert run.code != 0 and "w1 did not answer, so the maintenance stops" in run.last["msg"], run.output
        assert nodes["m1"]["Availability"] == "active" and not nodes["m1"]["Labels"]
        assert nodes["w1"]["Availability"] == "drain"
        # Lost before: it is not drained in vain.
        bed.node("m1").cli(["docker", "node", "update", "--availability", "active", "w1"])
        run, nodes = maintain()
        assert "w1 did not answer" in run.last["msg"] and nodes["w1"]["Availability"] == "active", run.output
        lost.unlink()
        tasks.write_text(yaml.safe_dump(TASKS[1:]))
        run, nodes = maintain()
        assert run.code == 0, run.output
        assert [spec["Labels"]["stackwright.maintenance"] for spec in nodes.values()] == ["one", "one"]
    finally:
        for label in ("stackwright.maintenance", "stackwright.maintenance-before"):
            for name in bed.nodes:
                bed.node("m1").cli(["docker", "node", "update", "--label-rm", label, name], check=False)
        bed.node("m1").cli(["docker", "node", "update", "--availability", "active", "w1"])
