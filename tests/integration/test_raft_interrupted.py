"""Raft backups and restores with autolock, of an only manager, and whose controller is killed in the middle."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[1])]

from test_raft_backup import PASSWORD, Drill, leader, nodes_of
from test_swarm_cluster_killed import kill_tree
from testbed import for_tests
from testbed.commands import wait_for

pytestmark = pytest.mark.skipif(
    os.environ.get("STACKWRIGHT_LONG") != "1", reason="takes minutes (STACKWRIGHT_LONG=1 runs it)"
)
MANAGERS = ("m1", "m2", "m3")


class Killed(Drill):
    """Kills the controller, with all that it has started on the nodes."""

    def killed(self, playbook, moment, *options, **variables):
        """Runs a playbook until ``moment()``; the rest of it never happens."""
        with (self.folder / "killed.log").open("w") as log:
            process = subprocess.Popen(
                self.command(playbook, *options, **variables), stdout=log, stderr=log, **self.where()
            )
            wait_for(f"the moment to kill {playbook}", lambda: moment() or process.poll() is not None, 200, 0.02)
            kill_tree(process.pid)
            process.wait(30)
        self.output += (self.folder / "killed.log").read_text()
        assert process.returncode == -9, f"it had ended: {self.output[-3000:]}"


def stopped(cluster, *names):
    """The node whose Engine is stopped now, or none."""
    return next((name for name in names if (cluster.node(name).folder / "stopped").exists()), None)


def is_whole(cluster, folder, by):
    """That a backup has left nothing but itself."""
    found = nodes_of(cluster, by).values()
    assert {node["Spec"]["Availability"] for node in found} == {"active"}
    assert not any("stackwright.backup-before" in node["Spec"]["Labels"] for node in found), found
    assert all(node["Status"]["State"] == "ready" for node in found), found
    (backup,) = folder.glob("*.raft")
    assert sorted(path.name for path in folder.iterdir()) == sorted([backup.name, f"{backup.stem}.json"])
    return backup


def drained(cluster, by):
    return any(node["Spec"]["Availability"] == "drain" for node in nodes_of(cluster, by).values())


def planted(folder):
    """What a run leaves that is killed as it writes."""
    (folder / f"{next(folder.glob('*.raft')).name}.new").write_text("half")


def lose(cluster, drill, name, *others):
    """The machines of all managers are lost; ``name`` has a new one."""
    for one in (name, *others):
        cluster.kill(one)
        shutil.rmtree(cluster.node(one).folder / "data")
        if one == name:
            cluster.start(name)
            drill.inventory()


OPTIONS = {"raft_backup_path": "backups", "raft_backup_timeout": 120, "raft_backup_keep": 1}


def autolock(cluster):
    """Locks the Swarm; its key."""
    cluster.node("m1").cli(["docker", "swarm", "update", "--autolock=true"])
    return cluster.node("m1").api("GET", "/swarm/unlockkey")["UnlockKey"]


def test_backups_that_are_killed(tmp_path):
    with for_tests.bed_for("raft", managers=3, workers=1) as cluster:
        drill, options, first = Killed(cluster, tmp_path), OPTIONS, leader(cluster)
        code, output = drill.play("raft_backup", "-vvvv", **options)
        assert code == 0, output
        folder = tmp_path / "backups"
        is_whole(cluster, folder, first)

        drill.killed("raft_backup", lambda: drained(cluster, first), **options)
        planted(folder)
        code, output = drill.play("raft_backup", **options)
        assert code == 0, output
        is_whole(cluster, folder, first)

        drill.killed("raft_backup", lambda: stopped(cluster, *MANAGERS), **options)
        code, output = drill.play("raft_backup", **options)
        assert code == 0, output
        is_whole(cluster, folder, first)
        key = autolock(cluster)
        code, output = drill.play("raft_backup", **options)
        assert code != 0 and "The Swarm is autolocked and has several managers." in output, output
        for secret in (key, PASSWORD):
            assert secret not in drill.output


def test_a_restore_that_is_killed_and_the_labels_of_nodes(tmp_path):
    with for_tests.bed_for("raft", managers=3, workers=1) as cluster:
        drill = Killed(cluster, tmp_path)
        for name in (*MANAGERS, "w1"):
            cluster.node("m1").cli(["docker", "node", "update", "--label-add", f"rack={name}", name])
        code, output = drill.play("raft_backup", **OPTIONS)
        assert code == 0, output
        (backup,) = (tmp_path / "backups").glob("*.raft")
        wanted = nodes_of(cluster, "m1")
        name = json.loads(backup.with_suffix(".json").read_text())["node"]
        others = [one for one in MANAGERS if one != name]
        lose(cluster, drill, name, *others)
        given = {"raft_restore_src": str(backup), "raft_restore_host": name, "raft_restore_timeout": 120}
        given["raft_restore_gone"] = ",".join(others)
        drill.killed("raft_restore", lambda: stopped(cluster, name), **given)
        code, output = drill.play("raft_restore", **given)
        assert code == 0 and "Nothing of the backup is missing" in output, output
        assert sorted(nodes_of(cluster, name)) == [name, "w1"]
        wait_for("the worker to come back", lambda: nodes_of(cluster, name)["w1"]["Status"]["State"] == "ready", 120)

        for one in others:
            cluster.start(one)
        drill.inventory()
        code, output = drill.play("cluster")
        assert code == 0, output
        code, output = drill.play("raft_restore", "--tags", "raft_restore_nodes", **given)
        assert code == 0, output
        found = nodes_of(cluster, name)
        assert {one: node["Spec"]["Labels"] for one, node in found.items()} == {
            one: node["Spec"]["Labels"] for one, node in wanted.items()
        }
        code, output = drill.play("raft_restore", "--tags", "raft_restore_nodes", **given)
        assert code == 0 and "changed=0" in output, output


def test_the_only_manager(tmp_path):
    with for_tests.bed_for("raft", managers=1, workers=1) as cluster:
        drill, downtime = Killed(cluster, tmp_path), {**OPTIONS, "raft_backup_downtime": True}
        code, output = drill.play("raft_backup", **OPTIONS)
        assert code != 0 and "m1 is the only manager. A backup stops its Engine" in output, output
        assert not (tmp_path / "backups").exists()
        cluster.node("m1").cli(["docker", "config", "create", "page", str(tmp_path / "password")])
        key = autolock(cluster)
        (tmp_path / "key.yml").write_text(f"raft_restore_unlock_key: {key}\n")
        drill.killed("raft_backup", lambda: stopped(cluster, "m1"), **downtime)
        code, output = drill.play("raft_backup", "-vvvv", **downtime)
        assert code == 0, output
        backup = is_whole(cluster, tmp_path / "backups", "m1")
        lose(cluster, drill, "m1")
        given = {"raft_restore_src": str(backup), "raft_restore_host": "m1", "raft_restore_timeout": 120}
        code, output = drill.play("raft_restore", **given)
        assert code != 0 and "The Swarm in the backup is autolocked." in output, output
        drill.killed("raft_restore", lambda: stopped(cluster, "m1"), "-e", "@key.yml", **given)
        code, output = drill.play("raft_restore", "-vvvv", "-e", "@key.yml", **given)
        assert code == 0 and "Nothing of the backup is missing" in output, output
        assert cluster.node("m1").api("GET", "/swarm/unlockkey")["UnlockKey"] == key
        assert drill.names("m1", "configs") == ["page"]
        wait_for("the worker to come back", lambda: nodes_of(cluster, "m1")["w1"]["Status"]["State"] == "ready", 120)
        assert not any(node["Spec"]["Labels"] for node in nodes_of(cluster, "m1").values())
        for secret in (key, PASSWORD):
            assert secret not in drill.output
