"""raft_backup.yml, raft_restore.yml and cluster.yml: a backup, the loss of all managers, and the Swarm from the backup.

The drill of docs/guides/cluster.md, with its time.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[1])]

from playbook import BIN, ROOT
from testbed import for_tests, inventory
from testbed.commands import wait_for

pytestmark = pytest.mark.skipif(
    os.environ.get("STACKWRIGHT_LONG") != "1", reason="takes minutes (STACKWRIGHT_LONG=1 runs it)"
)
PLANTED, PASSWORD = "planted-51c2", "the-vault-password"
STACK = """
version: "3.8"
services:
  web:
    image: {image}
    command: sh -c 'trap exit TERM; sleep 1d & wait'
    stop_grace_period: 1s
    secrets: [token]
    configs: [page]
    deploy:
      replicas: 2
      update_config: {{order: start-first, parallelism: 1, monitor: 10ms}}
      placement: {{constraints: [node.role == worker]}}
secrets:
  token: {{file: {file}}}
configs:
  page: {{file: {file}}}
"""


class Drill:
    """Plays playbooks over the bed's nodes; all that they print is kept."""

    def __init__(self, bed, folder):
        self.bed, self.folder, self.output = bed, folder, ""
        (folder / "password").write_text(PASSWORD)
        (folder / "tmp").mkdir()
        self.inventory()

    def inventory(self, *down):
        """Hosts of nodes that are down stay as they were: nothing answers there."""
        path = self.folder / "hosts.json"
        if not down:
            inventory.write(self.bed, path, guestbook=False)
            found = json.loads(path.read_text())
            for name, host in found["all"]["children"]["swarm_nodes"]["hosts"].items():
                for what in ("stop", "start"):
                    line = self.bed.node(name).engine_command(what)
                    host.update({f"raft_backup_{what}_command": line, f"raft_restore_{what}_command": line})
            found["all"]["children"]["swarm_nodes"]["hosts"]["w1"].update(swarm_cluster_role="worker")
            path.write_text(json.dumps(found))

    def command(self, playbook, *options, **variables):
        given = {"swarm_cluster_advertise_addr": "{{ node_address }}", **variables}
        run = [str(BIN / "ansible-playbook"), "-i", "hosts.json", str(ROOT / "playbooks" / f"{playbook}.yml")]
        return [*run, "--vault-password-file", "password", "-e", json.dumps(given), *options]

    def where(self):
        """The folder and the environment of a command."""
        environment = {"PATH": f"{BIN}:{os.environ['PATH']}", "HOME": str(self.folder), "LC_ALL": "C.UTF-8"}
        environment.update((name, text) for name, text in os.environ.items() if name.startswith("STACKWRIGHT_"))
        environment["ANSIBLE_COLLECTIONS_PATH"] = str(ROOT / ".cache" / "collections")
        environment["ANSIBLE_LOCAL_TEMP"] = str(self.folder / "tmp")
        environment["ANSIBLE_REMOTE_TEMP"] = str(self.folder / "remote")
        return {"cwd": self.folder, "env": environment, "text": True}

    def play(self, playbook, *options, **variables):
        command = self.command(playbook, *options, **variables)
        run = subprocess.run(command, **self.where(), capture_output=True, timeout=900, check=False)
        self.output += run.stdout + run.stderr
        return run.returncode, run.stdout + run.stderr

    def names(self, name, kind):
        return sorted(one["Spec"]["Name"] for one in self.bed.node(name).api("GET", f"/{kind}"))


@pytest.fixture(scope="module")
def cluster():
    with for_tests.bed_for("raft", managers=3, workers=1) as bed:
        yield bed


def leader(cluster):
    found = [n for n in cluster.node("m1").api("GET", "/nodes") if (n.get("ManagerStatus") or {}).get("Leader")]
    return found[0]["Description"]["Hostname"]


def nodes_of(cluster, name):
    return {n["Description"]["Hostname"]: n for n in cluster.node(name).api("GET", "/nodes")}


def test_a_swarm_from_its_backup(cluster, tmp_path):
    drill = Drill(cluster, tmp_path)
    (tmp_path / "token").write_text(PLANTED)
    (tmp_path / "stack.yml").write_text(STACK.format(image=cluster.images["busybox"], file=tmp_path / "token"))
    cluster.node("m1").cli(["docker", "stack", "deploy", "--compose-file", str(tmp_path / "stack.yml"), "shop"])

    def running(name="m1"):
        tasks = cluster.node(name).api("GET", "/tasks")
        return sorted(t["ID"] for t in tasks if t["Status"]["State"] == t["DesiredState"] == "running")

    wait_for("two tasks", lambda: len(running()) == 2, 120)
    tasks, first = running(), leader(cluster)
    options = {"raft_backup_path": "backups", "raft_backup_timeout": 120}

    code, output = drill.play("raft_backup", "--check", **options)
    assert code == 0 and not (tmp_path / "backups").exists(), output
    code, output = drill.play("raft_backup", "-vvvv", **options, raft_backup_keep=1)
    assert code == 0, output
    code, output = drill.play("raft_backup", **options, raft_backup_keep=1)
    assert code == 0, output
    (backup,) = (tmp_path / "backups").glob("*.raft")
    manifest = json.loads(backup.with_suffix(".json").read_text())
    name = manifest["node"]
    assert name != first and manifest["objects"]["services"] == 1 == manifest["objects"]["secrets"]
    assert backup.read_bytes().startswith(b"$ANSIBLE_VAULT") and backup.stat().st_mode & 0o777 == 0o600
    back = nodes_of(cluster, "m1")
    assert {node["Spec"]["Availability"] for node in back.values()} == {"active"}
    assert not any(node["Spec"].get("Labels") for node in back.values())
    assert running() == tasks, "no task of a worker was touched"

    wanted = {kind: drill.names("m1", kind) for kind in ("services", "secrets", "configs")}
    others = [one for one in ("m1", "m2", "m3") if one != name]
    given = {"raft_restore_src": str(backup), "raft_restore_host": name, "raft_restore_timeout": 120}
    cluster.kill(name)
    shutil.rmtree(cluster.node(name).folder / "data")
    cluster.start(name)
    drill.inventory()
    code, output = drill.play("raft_restore", **given)
    assert code != 0, output
    for one in others:
        assert f"{one} is still a manager of a Swarm. If the old Swarm is lost for good, run there:" in output, output
    for one in others:
        cluster.kill(one)
    code, output = drill.play("raft_restore", **given)
    assert code != 0 and f"{others[0]} does not answer" in output, output
    began = time.monotonic()
    code, output = drill.play("raft_restore", "-vvvv", **given, raft_restore_gone=",".join(others))
    assert code == 0, output
    print(f"\nrestored after {time.monotonic() - began:.0f} s")
    assert "Nothing of the backup is missing" in output
    assert {kind: drill.names(name, kind) for kind in wanted} == wanted
    wait_for("the worker to come back", lambda: nodes_of(cluster, name)["w1"]["Status"]["State"] == "ready", 120)
    wait_for("its tasks", lambda: len(running(name)) == 2, 120)
    (secret,) = (
        cluster.node("w1")
        .run(["sh", "-c", "docker exec $(docker ps -q | head -1) cat /run/secrets/token"])
        .stdout.split()
    )
    assert secret == PLANTED
    code, output = drill.play("raft_restore", **given, raft_restore_gone=",".join(others))
    assert code != 0 and "is already in a Swarm" in output, output

    for one in others:
        shutil.rmtree(cluster.node(one).folder / "data")
        cluster.start(one)
    drill.inventory()
    code, output = drill.play("cluster")
    assert code == 0, output
    members = nodes_of(cluster, name)
    assert sorted(members) == ["m1", "m2", "m3", "w1"]
    assert [one for one, node in members.items() if node.get("ManagerStatus")] and all(
        members[one]["ManagerStatus"]["Reachability"] == "reachable" for one in ("m1", "m2", "m3")
    )
    code, output = drill.play("cluster")
    assert code == 0 and "changed=1" not in output, output
    for secret in (PLANTED, PASSWORD):
        assert secret not in drill.output
    left = [path for path in (tmp_path / "tmp").rglob("*") if path.is_file()]
    assert left == [], "nothing is left in Ansible's temporary folder"


def test_what_can_not_be_backed_up_is_said(cluster, tmp_path):
    drill = Drill(cluster, tmp_path)
    code, output = drill.play("raft_backup", raft_backup_path="backups", raft_backup_encrypt_command="false")
    assert code != 0 and "The command 'false' failed" in output and "No manager can be backed up now" in output, output
    first = leader(cluster)
    code, output = drill.play("raft_backup", "--limit", first, raft_backup_path="backups")
    assert code != 0 and f"{first}: {first} is the leader. Back up the raft on another manager." in output, output
