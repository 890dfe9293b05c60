"""volume_snapshot and volume_restore on a real Engine: what is in a volume comes back, and nothing is lost."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[1])]

from core import Core
from forward import forwarded
from monitoring import tool
from playbook import ROOT, Player
from testbed import inventory

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.process_identity import is_gone, this_run
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine import archive
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.connection import Connection
from ansible_collections.stackwright.swarm.plugins.module_utils.parts.volumes import (
    copy_volume,
    restore_volume,
    snapshot_volumes,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.volume_step import volume_step
from ansible_collections.stackwright.swarm.plugins.module_utils.volumes import local

LONG = pytest.mark.skipif(
    os.environ.get("STACKWRIGHT_LONG") != "1", reason="every step takes minutes: STACKWRIGHT_LONG=1"
)

FILE = """
services:
  app:
    image: {image}
    command: sh -c 'trap exit TERM; sleep 1d & wait'
    stop_grace_period: 1s
    volumes: ["data:/data"]
    deploy: {{}}
volumes: {{data: {{}}}}
"""
#: What a volume may hold: owners, modes, links of both kinds, a pipe, an empty folder, odd names.
CONTENT = """
cd /data; chown 999:998 .; chmod 0700 .; mkdir -p a/b empty; echo one > a/b/file; ln a/b/file a/hard; ln -s ../x a/soft
mkfifo pipe; chmod 4751 a/b/file; chown 1000:1001 a/b/file; echo two > 'a name
of two lines'; touch -t 202001020304 a/old; head -c 3000000 /dev/urandom > big; mkdir shut; chmod 0000 shut
"""
STATE = """
cd /data; find . | sort | while read -r name; do stat -c '%n %F %a %u:%g %h' "$name" 2>/dev/null; done
stat -c %Y a/old 2>/dev/null
find . -type f | sort | xargs -d '\n' sha256sum 2>/dev/null; readlink a/soft; true
"""


@pytest.fixture
def shop(bed, swarm, tmp_path):
    core = Core(swarm.docker_host, swarm.name, tmp_path)
    core.deploy(at(swarm.node, FILE.format(image=bed.images["busybox"])))
    yield Shop(swarm, tmp_path)
    core.client.close()


class Shop:
    def __init__(self, swarm, folder):
        self.swarm, self.name, self.volume, self.node = swarm, swarm.name, f"{swarm.name}_data", swarm.node
        self.player = Player(folder, {"m1": swarm.docker_host})
        self.dest = folder / "snapshots"
        self.folder = self.dest / self.volume

    def inside(self, script):
        (task,) = self.swarm.wait_running(1)
        container = task["Status"]["ContainerStatus"]["ContainerID"]
        return self.node.cli(["docker", "exec", container, "sh", "-c", script]).stdout

    def snapshot(self, **options):
        return {"volume_snapshot": {"name": self.name, "dest": str(self.dest), **options}, "ignore_errors": True}

    def restore(self, check=False, **options):
        given = {"name": self.name, "volume": "data", "src": str(self.dest), **options}
        return {"volume_restore": given, "ignore_errors": True, "check_mode": check}

    def helpers(self):
        found = self.node.api("GET", "/containers/json?all=true")
        return [one["Id"] for one in found if "stackwright.helper" in (one.get("Labels") or {})]


def test_a_volume_comes_back_as_it_was(shop):
    shop.inside(CONTENT)
    before = shop.inside(STATE)
    check = {**shop.snapshot(), "check_mode": True}
    would, made, again, same = shop.player.play(check, shop.snapshot(), shop.snapshot(), check).of()
    assert (would["changed"], made["changed"], again["changed"], same["changed"]) == (True, True, False, False), made
    (shot,) = made["snapshots"]
    assert shot["consistency"] == "stopped" and made["stopped"] == [f"{shop.name}_app"]
    assert again["snapshots"][0]["id"] == shot["id"] and len(list(shop.folder.glob("*.tar"))) == 1
    assert {path.stat().st_mode & 0o777 for path in shop.folder.iterdir()} == {0o600}
    assert (shop.folder.stat().st_mode & 0o777, shop.dest.stat().st_mode & 0o777) == (0o700, 0o700)

    shop.inside("cd /data; rm -r a empty; echo new > later; chmod 0755 .; chown 0:0 .; echo x >> big")
    changed = shop.inside(STATE)
    refused, told = shop.player.play(shop.restore(), shop.restore(check=True, quiesce="stop")).of()
    assert refused["error_code"] == "volume_in_use" and f"{shop.name}_app" in refused["msg"]
    assert told["changed"] and shop.inside(STATE) == changed
    labels = shop.swarm.node.api("GET", f"/volumes/{shop.volume}")["Labels"]
    done, twice = shop.player.play(shop.restore(quiesce="stop"), shop.restore()).of()
    assert done["changed"] and not twice["changed"], done
    assert shop.inside(STATE) == before
    assert shop.swarm.node.api("GET", f"/volumes/{shop.volume}")["Labels"] == labels
    # What was there before the restore is a snapshot as well.
    (back,) = shop.player.play(shop.restore(quiesce="stop", snapshot=done["before"])).of()
    assert back["changed"] and shop.inside(STATE) == changed

    # A damaged archive is refused before anything is changed.
    archive = shop.folder / f"{shot['id']}.tar"
    content = archive.read_bytes()
    archive.write_bytes(content[:2_000_000] + b"!" + content[2_000_001:])
    (damaged,) = shop.player.play(shop.restore(quiesce="stop")).of()
    assert damaged["error_code"] == "snapshot_damaged" and shop.inside(STATE) == changed
    assert shop.helpers() == [] and not list(shop.dest.glob(".quiesced*"))


def test_what_is_not_stopped_and_what_is_refused(shop):
    node, name = shop.swarm.node, shop.name
    started = shop.swarm.tasks()[0]["ID"]
    options = ["--driver", "local", "--opt", "type=tmpfs", "--opt", "device=tmpfs"]
    node.cli(["docker", "volume", "create", *options, f"{name}_memory"])
    run = shop.player.play(
        shop.snapshot(volumes=["data"], quiesce="none", snapshot="n1"),
        shop.snapshot(volumes=["data"], quiesce="pause", snapshot="n2", labels={"release": 7}),
        shop.snapshot(volumes=["data"], quiesce="command", command=["sh", "-c", "echo dump > /data/dump"], keep=2),
        shop.snapshot(volumes=["data"], quiesce="command", command=["false"]),
        shop.snapshot(volumes=["data"], quiesce="none", snapshot="n2"),
        shop.snapshot(volumes=["memory"]),
        shop.snapshot(volumes=["nothing"]),
        shop.restore(snapshot="n1"),
    )
    none, paused, command, failed, named, memory, nothing, gone = run.of()
    told = [one["snapshots"][0]["consistency"] for one in (none, paused, command)]
    assert told == ["crash-consistent", "paused", "command"]
    assert paused["snapshots"][0]["labels"] == {"release": "7"} and not named["changed"]
    assert command["removed"] == [f"{shop.volume}/n1"]
    codes = [one.get("error_code") for one in (failed, memory, nothing, gone)]
    assert codes == ["command_failed", "volume_not_local", "no_volume", "no_snapshot"]
    assert "tmpfs" in memory["msg"]
    assert started in [task["ID"] for task in shop.swarm.tasks()] and "dump" in shop.inside("ls /data")


def test_a_remote_engine(shop):
    """The folder is where the module runs, and the Engine is elsewhere: both directions go through the Docker SDK."""
    with forwarded(str(shop.swarm.node.socket)) as address:
        remote = {"docker_host": f"tcp://{address}"}
        shop.inside("head -c 5000000 /dev/zero > /data/big; echo one > /data/file")
        before = shop.inside(STATE)
        gone = {"docker_host": "tcp://127.0.0.1:9"}
        run = shop.player.play(shop.snapshot(quiesce="pause", **remote), shop.snapshot(**gone))
        made, refused = run.of()
        assert made["changed"] and made["snapshots"][0]["bytes"] > 5000000, made
        assert refused["error_code"] == "daemon_unreachable"
        shop.inside("rm /data/big; echo two > /data/file")
        (done,) = shop.player.play(shop.restore(quiesce="stop", **remote)).of()
        assert done["changed"] and shop.inside(STATE) == before, done


def test_what_a_dead_run_left_is_completed(shop):
    """As if it had been killed when the volume was gone, with the service stopped."""
    shop.inside("echo one > /data/file")
    (made,) = shop.player.play(shop.snapshot()).of()
    shop.inside("echo two > /data/file")
    before = shop.player.play(shop.snapshot(snapshot="two")).of()[0]["snapshots"][0]
    node, service = shop.swarm.node, f"{shop.name}_app"
    node.cli(["docker", "service", "scale", "--detach", f"{service}=0"])
    shop.swarm.wait("no container", lambda: not node.cli(["docker", "ps", "-aq", "-f", f"volume={shop.volume}"]).stdout)
    node.cli(["docker", "volume", "rm", shop.volume])
    (shop.dest / ".quiesced.json").write_text(json.dumps({"services": {service: 1}}))
    note = {"snapshot": made["snapshots"][0]["id"], "before": before["id"], "labels": {"is": "kept"}}
    (shop.folder / ".restoring.json").write_text(json.dumps(note))
    (shop.folder / "half.tar").write_text("what a snapshot left")
    refused, done = shop.player.play(
        shop.snapshot(volumes=[shop.volume]), shop.restore(snapshot=made["snapshots"][0]["id"])
    ).of()
    assert refused["error_code"] in ("no_volume", "restore_unfinished")
    assert done["changed"] and done["before"] == before["id"], done
    assert shop.inside("cat /data/file") == "one\n"
    assert node.api("GET", f"/volumes/{shop.volume}")["Labels"] == {"is": "kept"}
    assert not [path.name for path in shop.folder.iterdir() if path.name.startswith((".", "half"))]


#: What a move changes that fails before the label moves.
PAUSED = ("Stop the services", "Take a snapshot on the old node", "Start the services on the old node")


class Move:
    """playbooks/volume_move.yml: from m1, where the volume is, to the other node."""

    def __init__(self, bed, swarm, folder):
        if len(bed.nodes) < 2:
            pytest.skip("one node: STACKWRIGHT_TEST_NODES=2")
        self.source, self.target = bed.node("m1"), bed.node("w1" if "w1" in bed.nodes else "m2")
        self.key, self.folder = f"has-{swarm.name}", folder
        self.shop, self.player = Shop(swarm, folder / "shop"), Player(folder / "move", {})
        inventory.write(bed, self.player.folder / "inventory.yml", guestbook=False)
        self.inventory = json.loads((self.player.folder / "inventory.yml").read_text())
        self.hosts = self.inventory["all"]["children"]["swarm_nodes"]["hosts"]
        for name, host in self.hosts.items():
            host["volume_move_dest"] = str(folder / f"snapshots-{name}")
        self.definition = yaml.safe_load(FILE.format(image=bed.images["busybox"]))
        self.definition["services"]["app"]["deploy"] = {
            "placement": {"constraints": [f"node.labels.{self.key} == yes"]}
        }
        self.set(
            *self.labels(**{self.source.name: "yes"}),
            {"compose_stack": {"name": swarm.name, "definition": self.definition}},
        )

    def set(self, *tasks):
        done = self.shop.player.play(*tasks)
        assert done.code == 0, done.output

    def labels(self, **of):
        return [{"swarm_node": {"name": name, "labels": {self.key: value}}} for name, value in of.items()]

    @property
    def variables(self):
        stack = {"volume_move_stack": self.shop.name, "volume_move_volume": "data"}
        return {**stack, "volume_move_to": self.target.name, "volume_move_timeout": 60}

    def write(self):
        (self.player.folder / "inventory.yml").write_text(json.dumps(self.inventory))

    def move(self, check=False):
        """The run, and the tasks that have changed something."""
        self.write()
        run = self.player.playbook(ROOT / "playbooks/volume_move.yml", variables=self.variables, check=check)
        return run, [line["task"] for line in run.lines if line["result"].get("changed")]


def test_a_volume_moves_to_another_node(bed, swarm, tmp_path):
    """There, again, to where it can't run, and back to what it was. 1 GiB if LONG."""
    setup = Move(bed, swarm, tmp_path)
    shop, move, source, target = setup.shop, setup.move, setup.source, setup.target
    size = 1 << 30 if os.environ.get("STACKWRIGHT_LONG") == "1" else 8 << 20
    shop.inside(f"head -c {size} /dev/urandom > /data/big")
    before = shop.inside("sha256sum /data/big")

    def where():
        (task,) = [one for one in swarm.tasks() if one["DesiredState"] == "running"]
        (node,) = [one for one in bed.nodes.values() if one.api("GET", "/info")["Swarm"]["NodeID"] == task["NodeID"]]
        container = task["Status"]["ContainerStatus"]["ContainerID"]
        return node.name, node.cli(["docker", "exec", container, "sh", "-c", "sha256sum /data/big"]).stdout

    def happened(node, event, since):
        """When the service's container did this, by the node's Engine."""
        mine = ["--filter", f"label=com.docker.swarm.service.name={swarm.name}_app", "--filter", f"event={event}"]
        when = ["--since", f"{since:.3f}", "--until", f"{time.time():.3f}"]
        (moment,) = node.cli(["docker", "events", *when, *mine, "--format", "{{.TimeNano}}"]).stdout.split()
        return int(moment) / 1e9

    told, would = move(check=True)
    assert told.code == 0 and "Stop the services" in would and where() == (source.name, before), told.output
    start = time.time()
    moved, _changes = move()
    took = time.time() - start
    assert moved.code == 0 and where() == (target.name, before), moved.output
    gap = happened(target, "start", start) - happened(source, "die", start)
    assert 0 < gap < took
    print(f"{size >> 20} MiB moved in {took:.1f} s; the service was down for {gap:.1f} s")
    assert shop.volume in [volume["Name"] for volume in source.api("GET", "/volumes")["Volumes"]]
    again, changes = move()
    assert again.code == 0 and changes == [] and "ERROR" not in again.output, again.output
    setup.set(*setup.labels(**{target.name: None}))


def test_a_move_that_can_not_end_well_leaves_all_as_it_was(bed, swarm, tmp_path):
    """What is known before is refused before a service stops; a node that is lost later costs a pause, no more."""
    setup = Move(bed, swarm, tmp_path)
    target, shop = setup.hosts[setup.target.name], setup.shop
    shop.inside("echo kept > /data/file")
    (before,) = swarm.objects("services")

    def refused(*says, changed=()):
        run, changes = setup.move()
        message = [line["result"]["msg"] for line in run.lines if line["status"] == "failed"][-1]
        assert run.code == 2 and all(text in message for text in says), run.output
        assert sorted(set(changes)) == sorted(changed), changes
        assert (before in swarm.objects("services")) == (not changed)
        assert not changed or shop.inside("cat /data/file") == "kept\n"

    lost = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}
    usual = dict(target)
    target.update(lost)
    refused(f"{setup.target.name} does not answer", "Nothing was changed")
    target.clear()
    target.update(usual, volume_move_node="mars")
    refused("The Swarm has no node mars. Set volume_move_node", "Nothing was changed")
    del target["volume_move_node"]
    setup.set({"swarm_node": {"name": setup.target.name, "availability": "pause"}})
    refused(f"The node {setup.target.name} takes no tasks: it is pause", "Nothing was changed")
    setup.set({"swarm_node": {"name": setup.target.name, "availability": "active"}})
    other = {**setup.definition, "volumes": {"data": {"external": True, "name": shop.volume}}}
    setup.set({"compose_stack": {"name": f"{swarm.name}-backup", "definition": other}})
    refused(f"Other services use the volume: {swarm.name}-backup_app", "Nothing was changed")
    setup.set({"compose_stack": {"name": f"{swarm.name}-backup", "state": "absent"}})

    user = setup.source.cli(["docker", "run", "-d", "-v", f"{shop.volume}:/data", bed.images["busybox"], "sleep", "1d"])
    refused(f"A container on {setup.source.name} still uses it", changed=PAUSED)
    setup.source.cli(["docker", "rm", "-f", "-v", user.stdout.strip()])

    # Lost as soon as the snapshot is taken.
    archives = f"{setup.hosts[setup.source.name]['volume_move_dest']}/{shop.volume}/*.tar"
    connection = f"{{{{ 'ssh' if query('ansible.builtin.fileglob', '{archives}') else 'local' }}}}"
    target.update(lost, ansible_connection=connection)
    for archive_of in tmp_path.glob("snapshots-*/*/*"):
        archive_of.unlink()
    refused(f"{setup.target.name} does not answer", "its services run on", changed=PAUSED)
    setup.set(*setup.labels(**{setup.source.name: None}))


#: The tasks of a move that begin while its services are stopped, and the one that stops them.
STOPPED = (
    "Stop the services",
    "Take a snapshot on the old node",
    "Fetch the archive",
    "Copy the archive",
    "Restore it on the new node",
    "Set the label on the new node",
    "Remove the label from the old node",
    "Start the services",
)


def test_a_move_that_is_killed_starts_what_it_has_stopped(bed, swarm, tmp_path):
    """SIGKILL to the controller as a task begins: all of them (STACKWRIGHT_LONG=1), or one. The next run, or a
    deployment, brings back the replicas, which are not those of the file, and a global service."""
    setup = Move(bed, swarm, tmp_path)
    shop, app = setup.shop, setup.definition["services"]["app"]
    place = app["deploy"]["placement"]
    setup.definition["services"]["each"] = {**app, "deploy": {"mode": "global", "placement": place}}
    app["deploy"] = {"placement": place, "labels": {"stackwright.leave": "replicas"}}
    deploy = {"compose_stack": {"name": swarm.name, "definition": setup.definition}}
    setup.set(deploy, {"stack_service": {"name": swarm.name, "service": "app", "replicas": 3}})

    def services():
        return {one["Spec"]["Name"]: one["Spec"] for one in swarm.objects("services")}

    def content(node, script="cat /data/file"):
        (container, *_more) = node.cli(["docker", "ps", "-q", "-f", f"volume={shop.volume}"]).stdout.split()
        return node.cli(["docker", "exec", container, "sh", "-c", script]).stdout

    before = services()
    for killed in STOPPED if os.environ.get("STACKWRIGHT_LONG") == "1" else STOPPED[3:4]:
        content(setup.source, "date +%N > /data/file")
        kept = content(setup.source)
        setup.write()
        begun = setup.player.begin_playbook(ROOT / "playbooks/volume_move.yml", variables=setup.variables)
        begun.until(f"TASK [{killed}")
        begun.kill()
        if killed == STOPPED[3]:
            assert all("stackwright.handing-over" in spec["Labels"] for spec in services().values())
            drift = {"stack_drift": {"name": swarm.name, "heal": True}}
            (left,) = shop.player.play(drift).of()
            assert not left["changed"] and not left["drifted"] and "stopped with stack_service" in left["ours"][0], left
            setup.set(deploy)
            assert services() == before and content(setup.source) == kept
        run, _changes = setup.move()
        print(run.output)
        assert run.code == 0 and services() == before and content(setup.target) == kept, (killed, run.output)
        assert setup.target.cli(["docker", "ps", "-q", "-f", f"volume={shop.volume}"]).stdout.count("\n") == 4, killed
        # The one that was killed has left the archive of the volume on the controller.
        assert not list((setup.player.folder / ".ansible" / "volume_move").iterdir()), killed
        setup.source, setup.target = setup.target, setup.source
    setup.set(*setup.labels(**{setup.source.name: None}))


DATABASE = """
services:
  db:
    image: {image}
    environment: {{POSTGRES_USER: app, POSTGRES_DB: shop, POSTGRES_PASSWORD: secret, PGPASSWORD: secret}}
    volumes: ["data:/var/lib/postgresql/data"]
    healthcheck: {{test: [CMD-SHELL, "{test}"], interval: 1s, retries: {retries}}}
    deploy: {{update_config: {{monitor: 1s}}}}
volumes: {{data: {{}}}}
"""
ASK = "psql -h 127.0.0.1 -U app -At shop"


class Migration:
    """Release 1 has a table. Release 2 drops it, as a migration in the image would, and never becomes healthy."""

    def __init__(self, bed, swarm, folder):
        self.shop, image = Shop(swarm, folder), bed.images["postgres"]
        self.one = DATABASE.format(image=image, test="pg_isready -h 127.0.0.1", retries=30)
        drop = f"pg_isready -h 127.0.0.1 && {ASK} -c 'DROP TABLE IF EXISTS kept' && exit 1"
        self.two = DATABASE.format(image=image, test=drop, retries=3)
        self.rollout = {"timeout": 120, "stable_for": 0.5, "snapshot": ["data"], "snapshot_dest": str(self.shop.dest)}

    def deploy(self, text, check=False, **rollout):
        options = {"name": self.shop.name, "definition": yaml.safe_load(text), "rollout": {**self.rollout, **rollout}}
        return {"compose_stack": options, "ignore_errors": True, "check_mode": check}

    def ask(self, sql):
        return self.shop.inside(f"{ASK} -c '{sql}'")

    def dump(self):
        lines = self.shop.inside("pg_dump -h 127.0.0.1 -U app shop").splitlines()
        return [line for line in lines if not line.startswith(("\\restrict", "\\unrestrict"))]


def test_a_destructive_migration_is_undone(bed, swarm, tmp_path):
    """rollout.snapshot: taken only before a change, and a rollback restores it if it is asked to."""
    migration = Migration(bed, swarm, tmp_path)
    shop, player = migration.shop, migration.shop.player
    first, same = player.play(migration.deploy(migration.one), migration.deploy(migration.one)).of()
    assert first["changed"] and not same["changed"], first
    assert not shop.folder.exists()  # nothing to copy, then nothing that changes
    migration.ask("CREATE TABLE kept AS SELECT n, md5(n::text) FROM generate_series(1, 5000) n")
    before = migration.dump()
    assert len(before) > 5000

    told, failed = player.play(
        migration.deploy(migration.two, check=True), migration.deploy(migration.two, restore_snapshot=True)
    ).of()
    lines = [line for line in told["plan_lines"] if "volume" in line]
    assert len(lines) == 2 and "stops for the volume" in lines[0] and lines[1].startswith("snapshot volume"), lines
    assert failed["error_code"] == "health_gate_failed", failed
    assert failed["outcome"]["rollback"] == "done" and "everything written since then is lost" in failed["msg"], failed
    assert len(failed["outcome"]["restored"]) == 3  # stopped, the volume, the service
    assert migration.dump() == before
    (shot,) = [one for one in shop.folder.glob("*.json") if json.loads(one.read_text())["kind"] == "snapshot"]

    # A release whose migration is healthy, and must go back all the same. Its snapshot is of before.
    healthy = migration.two.replace("exit 1", "exit 0")
    back = {"name": shop.name, "to": 1, "rollout": {**migration.rollout, "restore_snapshot": True}}
    done, restored, info = player.play(
        migration.deploy(healthy),
        {"stack_rollback": back, "ignore_errors": True},
        {"stack_info": {"name": shop.name, "history": True}},
    ).of()
    assert [one["volume"] for one in done["snapshots"]] == [shop.volume], done
    assert restored["changed"] and any(line.startswith("restore volume") for line in restored["plan_lines"]), restored
    assert migration.dump() == before
    recorded = [len(one["snapshots"]) for one in info["stacks"][0]["revisions"]]
    assert recorded == [1, 1, 1, 0], info
    assert not shop.helpers()


def steps_of(monkeypatch, until):
    """In a child: it is killed before step ``until`` of all calls of the Engine and changes of files, or before the
    first one that has this text."""
    count = [0]

    def counted(real):
        def call(*given, **more):
            count[0] += 1
            if count[0] == until or (isinstance(until, str) and until in str(given)):
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*given, **more)

        return call

    for place, name in ((EngineClient, "request"), (archive, "_call"), (os, "rename"), (os, "unlink")):
        monkeypatch.setattr(place, name, counted(getattr(place, name)))


@pytest.mark.parametrize("kind", ["files", pytest.param("database", marks=LONG)])
def test_a_restore_that_is_killed_is_completed(bed, swarm, shop, monkeypatch, kind):
    """SIGKILL before each step (STACKWRIGHT_LONG=1), or before some; the next run has the snapshot in the volume."""
    text = FILE.format(image=bed.images["busybox"])
    if kind == "database":
        text = DATABASE.format(image=bed.images["postgres"], test="pg_isready -h 127.0.0.1", retries=30)
        text = text.replace(" db:", " app:")
    core = Core(swarm.docker_host, swarm.name, shop.player.folder)
    if kind == "database":
        core.remove(), swarm.node.cli(["docker", "volume", "rm", shop.volume])
    core.deploy(text)
    shop.inside("date > /data/file" if kind == "files" else f"{ASK} -c 'CREATE TABLE kept AS SELECT 1'")
    common = {"name": swarm.name, "quiesce": "stop", "wait_timeout": 120}
    more = {"volumes": ["data"], "snapshot": "s", "command": [], "keep": 0, "labels": {}, "dest": str(shop.dest)}
    assert snapshot_volumes(core.client, {**common, **more}, False)["changed"]
    options = {**common, "volume": "data", "src": str(shop.dest), "snapshot": "s"}
    digest = json.loads((shop.folder / "s.json").read_text())["content"]["digest"]
    ends = []
    for step in range(1, 400) if os.environ.get("STACKWRIGHT_LONG") == "1" else (57,):
        # Now it differs; the killed run has as many steps each time.
        shop.inside("echo more >> /data/file" if kind == "files" else f"{ASK} -c 'INSERT INTO kept VALUES (2)'")
        child = os.fork()
        if not child:
            try:
                steps_of(monkeypatch, step)
                restore_volume(EngineClient(core.connection), options, False)
                os._exit(0)
            finally:
                os._exit(1)
        ends.append(os.waitpid(child, 0)[1])
        client = EngineClient(core.connection)
        restore_volume(client, options, False)
        assert local.read(client, shop.volume).digest == digest or kind == "database", step
        if kind == "database":
            assert shop.inside(f"{ASK} -c 'SELECT count(*) FROM kept'") == "1\n", step
        client.close()
        if ends[-1] == 0:
            break
    core.client.close()
    assert ends[0] == signal.SIGKILL and shop.helpers() == []
    assert len(ends) == 1 or ends[-1] == 0


def lost_at(monkeypatch, node, call, back):
    """The Engine of ``node`` stops at this one of its streams of an archive, in the middle; with ``back`` it starts
    again at once."""
    real, count = archive._call, [0]

    @contextlib.contextmanager
    def counted(*given):
        with real(*given) as response:
            count[0] += 1
            if count[0] == call:
                for what in ("stop", "start") if back else ("stop",):
                    node.run(["sh", "-c", node.engine_command(what)])
            yield response

    monkeypatch.setattr(archive, "_call", counted)


@pytest.mark.parametrize("back", [True, False], ids=["restarts", "stays away"])
@pytest.mark.parametrize("work, call", [("snapshot", 1), ("restore", 2), ("restore", 3)])
def test_an_engine_that_is_lost_costs_nothing(bed, swarm, shop, monkeypatch, work, call, back):
    """As it reads the volume, keeps its content, or writes it. The first error says what waits, and the next run is
    like any other."""
    core = Core(swarm.docker_host, swarm.name, shop.player.folder)
    node, common = swarm.node, {"name": swarm.name, "quiesce": "stop", "wait_timeout": 120}
    more = {"volumes": ["data"], "command": [], "keep": 0, "labels": {}, "dest": str(shop.dest)}
    shop.inside("head -c 30000000 /dev/urandom > /data/big; echo one > /data/file")
    snapshot_volumes(core.client, {**common, **more, "snapshot": "one"}, False)
    shop.inside("echo two > /data/file")

    def run():
        client = EngineClient(core.connection)
        try:
            if work == "snapshot":
                return snapshot_volumes(client, {**common, **more, "snapshot": "two"}, False)
            return restore_volume(client, {**common, "volume": "data", "src": str(shop.dest), "snapshot": "one"}, False)
        finally:
            client.close()

    def kept():
        return sorted(path.name for path in shop.folder.iterdir() if path.name[0] != "2")

    before = kept()
    with monkeypatch.context() as patch:
        lost_at(patch, node, call, back)
        with pytest.raises(StackwrightError) as failed:
            run()
    print(failed.value.error_code, failed.value)
    if not back:
        waits = f"Still stopped or paused on {node.name}: {swarm.name}_app. Run the task again"
        whole = "its services stay stopped" in str(failed.value) and "run volume_restore again" in str(failed.value)
        assert waits in str(failed.value) or whole, failed.value
        node.run(["sh", "-c", node.engine_command("start")])
        node.wait_until_up()
        bed.wait_ready()
    else:
        assert shop.inside("cat /data/file") == "two\n"
        assert (shop.helpers(), kept()) == ([], before)
    done = run()
    assert done["changed"] and shop.inside("cat /data/file") == ("two\n" if work == "snapshot" else "one\n")
    assert shop.helpers() == [] and not [path for path in shop.dest.rglob("*") if path.suffix == ".new"]
    assert not list(shop.dest.glob(".quiesced*")) and not list(shop.folder.glob(".restoring*"))
    core.client.close()


def worker_of(bed):
    found = [node for node in bed.nodes.values() if node.role == "worker"]
    return found[0] if found else pytest.skip("no worker: STACKWRIGHT_TEST_NODES=2")


def at(node, text):
    """A Compose file whose services are on one node."""
    return text.replace("deploy: {", f"deploy: {{placement: {{constraints: [node.hostname == {node.name}]}}, ")


GONE = ("rm -f /data/file", "false")
#: Release 2 removes a file, and is never healthy.
RELEASES = """
services:
  app:
    image: {image}
    command: sh -c 'trap exit TERM; {first}; sleep 1d & wait'
    stop_grace_period: 1s
    volumes: ["data:/data"]
    healthcheck: {{test: [CMD, "{check}"], interval: 300ms, retries: 2}}
    deploy: {{update_config: {{monitor: 10ms}}}}
volumes: {{data: {{}}}}
"""


@pytest.mark.parametrize("kind", ["files", "worker", pytest.param("database", marks=LONG)])
def test_a_migration_that_is_killed_is_undone(bed, swarm, tmp_path, monkeypatch, kind):
    """SIGKILL before a step of a release with rollout.snapshot; the next run fails as well, and restores the data.

    With ``worker`` the volume is on another node, whose steps count as well.
    """
    shop, core = Shop(swarm, tmp_path), Core(swarm.docker_host, swarm.name, tmp_path)
    image = bed.images["busybox"]
    one, two = (RELEASES.format(image=image, first=first, check=check) for first, check in ((":", "true"), GONE))
    if kind == "database":
        migration = Migration(bed, swarm, tmp_path)
        one, two = migration.one, migration.two
    if kind == "worker":
        shop.node = worker_of(bed)
        one, two = (at(shop.node, text) for text in (one, two))

    def run():
        if kind == "worker":
            there = EngineClient(Connection(docker_host=shop.node.docker_host, timeout=60))
            core.client.run_on_node = lambda asked, keep: volume_step(there, json.loads(json.dumps(asked)))
        return core.bring(desired, **options)

    core.deploy(one, timeout=120)
    shop.inside("echo kept > /data/file" if kind != "database" else f"{ASK} -c 'CREATE TABLE kept AS SELECT 1'")

    def content():
        return shop.inside("cat /data/file; ls /data") if kind != "database" else migration.dump()

    before = content()
    options = {"timeout": 120, "snapshot": ["data"], "snapshot_dest": str(shop.dest), "restore_snapshot": True}
    options.update(this_run=this_run, is_gone=is_gone)
    desired = core.compile(two)
    ends = []
    for step in range(1, 2000, 11) if os.environ.get("STACKWRIGHT_LONG") == "1" else (60,):
        child = os.fork()
        if not child:
            try:
                steps_of(monkeypatch, step)
                core.client.close()
                run()
            except StackwrightError:
                os._exit(0)
            finally:
                os._exit(1)
        ends.append(os.waitpid(child, 0)[1])
        with pytest.raises(StackwrightError) as failed:
            run()
        assert failed.value.error_code == "health_gate_failed", (step, failed.value)
        assert failed.value.details["outcome"]["rollback"] == "done", (step, failed.value)
        assert content() == before, step
        if ends[-1] == 0:
            break
    assert ends[0] == signal.SIGKILL and shop.helpers() == []
    assert len(ends) == 1 or ends[-1] == 0
    core.client.close()


def test_a_restore_that_fails_is_completed_by_the_next_run(bed, swarm, tmp_path):
    """The controller is gone when the rollback needs it: the services stay stopped, also for another release."""
    shop, core = Shop(swarm, tmp_path), Core(swarm.docker_host, swarm.name, tmp_path)
    shop.node = worker_of(bed)
    there = EngineClient(Connection(docker_host=shop.node.docker_host, timeout=60))
    left = [False]

    def on_node(asked, keep):
        return {} if left[0] and asked["volume"]["do"] == "restore" else volume_step(there, asked)

    core.client.run_on_node = on_node
    releases = ((":", "true"), GONE, ("test -e /data/file", "true"))
    texts = [RELEASES.format(image=bed.images["busybox"], first=first, check=check) for first, check in releases]
    one, two, three = (core.compile(at(shop.node, text)) for text in texts)
    options = {"timeout": 120, "snapshot": ["data"], "snapshot_dest": str(shop.dest), "restore_snapshot": True}
    core.bring(one, **options)
    shop.inside("echo kept > /data/file")
    left[0] = True
    with pytest.raises(StackwrightError) as failed:
        core.bring(two, **options)
    assert failed.value.error_code == "rollback_failed" and "host_unreachable" in str(failed.value.details)
    assert not [task for task in swarm.tasks() if task["DesiredState"] == "running"]
    left[0] = False
    done = core.bring(three, **options)
    assert [line.split(":")[0] for line in done["plan_lines"]][:2] == [
        f"restore volume {shop.volume}",
        f"snapshot volume {shop.volume}",
    ]
    assert shop.inside("cat /data/file") == "kept\n"
    # It is paid: the next release restores nothing.
    shop.inside("echo more > /data/file")
    core.bring(one, **options)
    assert shop.inside("cat /data/file") == "more\n"
    core.client.close()


class Elsewhere:
    """A stack whose volume is on the worker, and hosts that are the nodes: each has files of its own."""

    def __init__(self, bed, swarm, folder, kind):
        self.bed, self.swarm = bed, swarm
        self.there = worker_of(bed)
        self.player, self.kind = Player(folder, {}), kind
        self.hosts = folder / "inventory.yml"
        inventory.write(bed, self.hosts, guestbook=False)
        self.dest = str(inventory.own_folder(bed) / swarm.name)
        if kind == "files":
            image = bed.images["busybox"]
            both = [RELEASES.format(image=image, first=first, check=check) for first, check in ((":", "true"), GONE)]
        else:
            (folder / "alone").mkdir()  # with an inventory of its own
            migration = Migration(bed, swarm, folder / "alone")
            both = [migration.one, migration.two]
        self.one, self.two = (at(self.there, text) for text in both)

    def rollout(self, **more):
        given = {"timeout": 120, "stable_for": 0.2, "snapshot": ["data"], "snapshot_dest": self.dest}
        return {**given, "restore_snapshot": True, **more}

    def task(self, text, **rollout):
        options = {"name": self.swarm.name, "definition": yaml.safe_load(text), "rollout": self.rollout(**rollout)}
        return {"stackwright.swarm.compose_stack": options, "ignore_errors": True}

    def playbook(self, *tasks):
        play = {"hosts": "swarm_managers", "gather_facts": False, "tasks": list(tasks)}
        return self.player.write("play.yml", yaml.safe_dump([play], sort_keys=False))

    def deploy(self, text, check=False, limit=None, **rollout):
        done = self.player.playbook(self.playbook(self.task(text, **rollout)), check=check, limit=limit)
        return done.last

    def inside(self, script):
        (task,) = self.swarm.wait_running(1)
        container = task["Status"]["ContainerStatus"]["ContainerID"]
        return self.there.cli(["docker", "exec", container, "sh", "-c", script]).stdout

    def fill(self):
        self.inside("echo kept > /data/file" if self.kind == "files" else f"{ASK} -c 'CREATE TABLE kept AS SELECT 1'")

    def content(self):
        if self.kind == "files":
            return self.inside("cat /data/file; ls /data")
        return self.inside(f"{ASK} -c 'SELECT * FROM kept'")

    def shots(self):
        """The archives on the worker; the manager has none."""
        found = [
            node.run(["sh", "-c", f"ls {self.dest}/*/*.tar 2>/dev/null || true"]).stdout.split()
            for node in (self.bed.node("m1"), self.there)
        ]
        assert found[0] == [], found
        return found[1]


@pytest.mark.parametrize("kind", ["files", "database"])
def test_a_migration_of_a_volume_on_another_node_is_undone(bed, swarm, tmp_path, kind):
    """rollout.snapshot: taken on the worker and restored there; the run before changes nothing that is not a host."""
    stack = Elsewhere(bed, swarm, tmp_path, kind)
    first = stack.deploy(stack.one)
    assert first["changed"], first
    stack.fill()
    before = stack.content()
    told = stack.deploy(stack.two, check=True)
    lines = [line for line in told["plan_lines"] if line.startswith("snapshot volume")]
    assert len(lines) == 1 and f"on {stack.there.name}, " in lines[0], told
    failed = stack.deploy(stack.two)
    assert failed["error_code"] == "health_gate_failed" and failed["outcome"]["rollback"] == "done", failed
    assert stack.content() == before and stack.shots()
    whole = json.loads(stack.hosts.read_text())
    hosts = whole["all"]["children"]["swarm_nodes"]["hosts"]
    whole["all"]["children"]["swarm_proxies"]["hosts"].pop(stack.there.name)
    hosts.pop(stack.there.name)
    stack.hosts.write_text(json.dumps(whole))
    for check in (True, False):
        refused = stack.deploy(stack.two, check=check)
        assert refused["error_code"] == "volume_elsewhere" and stack.there.name in refused["msg"], refused
        assert not refused["changed"]
    assert stack.content() == before


def test_a_manager_that_dies_while_another_node_restores(bed, swarm, tmp_path):
    """SIGKILL to the process on the manager; the next run completes the restore, fails as well, and restores again."""
    stack = Elsewhere(bed, swarm, tmp_path, "files")
    home = tmp_path / "home"
    home.mkdir()
    assert stack.deploy(stack.one)["changed"]
    stack.fill()
    before = stack.content()
    run = stack.player.begin_playbook(stack.playbook(stack.task(stack.two)), environment={"HOME": str(home)})
    run.until(f"restore volume {swarm.name}_data: on {stack.there.name}")
    os.kill(detached(home), signal.SIGKILL)
    run.end()
    assert run.result()["error_code"] == "worker_died", run.output
    failed = stack.deploy(stack.two)
    assert failed["error_code"] == "health_gate_failed" and failed["outcome"]["rollback"] == "done", failed
    assert stack.content() == before


@pytest.mark.parametrize("step", ["snapshot", "restore"])
def test_a_worker_whose_engine_restarts_during_a_migration(bed, swarm, tmp_path, step):
    """The run says that this Engine did not answer. The next run completes the restore, and is undone itself."""
    stack = Elsewhere(bed, swarm, tmp_path, "files")
    assert stack.deploy(stack.one)["changed"]
    stack.fill()
    before = stack.content()
    run = stack.player.begin_playbook(stack.playbook(stack.task(stack.two)))
    run.until(f"{step} volume {swarm.name}_data: on {stack.there.name}")
    for what in ("stop", "start"):
        stack.there.run(["sh", "-c", stack.there.engine_command(what)])
    run.end()
    lost = run.result()
    codes = {"daemon_unreachable": "done"} if step == "snapshot" else {"rollback_failed": "failed"}
    # A busy machine may be late: then the step ended before.
    codes["health_gate_failed"] = "done"
    assert lost["outcome"]["rollback"] == codes[lost["error_code"]], lost
    bed.wait_ready()
    failed = stack.deploy(stack.two)
    assert failed["error_code"] == "health_gate_failed" and failed["outcome"]["rollback"] == "done", failed
    assert stack.content() == before


def detached(home):
    """The pid of the process that works on the manager."""
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and f"HOME={home}".encode() in (folder / "environ").read_bytes():
                handles = [os.readlink(handle) for handle in (folder / "fd").iterdir()]
                if any(handle.endswith("/alive") for handle in handles):
                    return int(folder.name)
        except (OSError, ProcessLookupError):
            continue
    raise AssertionError("nobody works")


class Copy:
    """The volume of the shop, and its copy. The folder is the test's own."""

    def __init__(self, shop):
        self.shop, self.target, self.dest = shop, f"{shop.name}_copy", shop.player.folder / "copies"
        self.node = shop.swarm.node

    def task(self, check=False, **options):
        given = {"volume": self.shop.volume, "to": self.target, "dest": str(self.dest), **options}
        return {"volume_copy": given, "ignore_errors": True, "check_mode": check}

    def service(self):
        return self.node.api("GET", f"/services/{self.shop.name}_app")["Spec"]

    def digest(self, client, volume):
        return local.read(client, volume).digest

    def left(self):
        return list(self.dest.iterdir()) if self.dest.exists() else []

    def labels(self):
        return self.node.api("GET", f"/volumes/{self.target}")["Labels"]


def test_a_volume_is_copied_once(bed, shop):
    made = Copy(shop)
    client = EngineClient(Core(shop.swarm.docker_host, shop.name, shop.player.folder).connection)
    shop.inside(CONTENT)
    before = made.digest(client, shop.volume)
    service = made.service()
    told, done, again = shop.player.play(
        made.task(check=True), made.task(labels={"is": "kept"}), made.task(labels={"is": "other"})
    ).of()
    assert (told["changed"], done["changed"], again["changed"]) == (True, True, False), done
    assert done["stopped"] == [f"{shop.name}_app"] and told["stopped"] == []
    assert made.digest(client, made.target) == before == made.digest(client, shop.volume)
    assert made.service() == service and made.labels()["is"] == "kept"
    assert not made.left() and not shop.helpers()
    # A copy has a life of its own.
    shop.inside("echo more > /data/more")
    same, fresh = shop.player.play(made.task(quiesce="pause"), made.task(quiesce="pause", refresh=True)).of()
    assert (same["changed"], fresh["changed"]) == (False, True)
    assert made.digest(client, made.target) == made.digest(client, shop.volume) != before
    client.close()


def test_a_copy_that_is_refused_changes_nothing(bed, shop):
    made, node = Copy(shop), shop.swarm.node
    image = bed.images["busybox"]
    node.cli(["docker", "volume", "create", f"{shop.name}_other"])
    run = ["docker", "run", "--rm", "-v", f"{shop.name}_other:/d", image, "sh", "-c", "echo mine > /d/file"]
    node.cli(run)
    using = ["docker", "run", "-d", "--name", f"{shop.name}-user", "-v", f"{shop.name}_used:/d", image, "sleep", "1d"]
    node.cli(using)
    other, used = {"to": f"{shop.name}_other"}, {"to": f"{shop.name}_used"}
    run = shop.player.play(
        made.task(check=True, volume="nothing"),
        made.task(volume="nothing"),
        made.task(check=True, **other),
        made.task(**other),
        made.task(check=True, **used),
        made.task(refresh=True, **used),
        made.task(volume=f"{shop.name}_copy"),
        made.task(to="../etc"),
    )
    codes = [one.get("error_code") for one in run.of()]
    wanted = ["no_volume", "volume_not_empty", "volume_in_use"]
    assert codes == [code for code in wanted for _twice in range(2)] + ["invalid_options", "invalid_options"], (
        run.output
    )
    node.cli(["docker", "rm", "-f", f"{shop.name}-user"])
    shown = node.cli(["docker", "run", "--rm", "-v", f"{shop.name}_other:/d", image, "cat", "/d/file"]).stdout
    assert shown == "mine\n" and not made.left()


@pytest.mark.parametrize("state", ["present", "absent"])
def test_a_copy_that_is_killed_is_completed(bed, swarm, shop, monkeypatch, state):
    """SIGKILL before each step (STACKWRIGHT_LONG=1), or before some: the next run completes it, or leaves nothing."""
    made, core = Copy(shop), Core(swarm.docker_host, swarm.name, shop.player.folder)
    shop.inside("date > /data/file")
    given = {"volume": shop.volume, "to": made.target, "dest": str(made.dest), "labels": {}, "refresh": False}
    given |= {"quiesce": "pause", "command": [], "wait_timeout": 120, "state": "present"}
    ends, halves = [], 0
    # While it reads, before it fills, after it has filled.
    some = (", '/stackwright-volume', ", "/volumes/create", ".restoring.json',)")
    for step in range(1, 400) if os.environ.get("STACKWRIGHT_LONG") == "1" else some:
        child = os.fork()
        if not child:
            try:
                steps_of(monkeypatch, step)
                copy_volume(EngineClient(core.connection), given, False)
                os._exit(0)
            finally:
                os._exit(1)
        ends.append(os.waitpid(child, 0)[1])
        client = EngineClient(core.connection)
        whole = not made.left()
        halves += bool(list(made.dest.rglob(".restoring.json")))
        copy_volume(client, {**given, "state": state}, False)
        assert shop.inside("cat /data/file"), step
        there = local.find(client, made.target)
        assert not made.left() and (there is not None or (state == "absent" and not whole)), step
        if there is not None:
            assert made.digest(client, made.target) == made.digest(client, shop.volume), step
            client.delete(f"/volumes/{made.target}")
        client.close()
        if ends[-1] == 0:
            break
    core.client.close()
    assert ends[:3] == [signal.SIGKILL] * 3 and halves and shop.helpers() == [], (ends, halves)


def test_snapshots_go_to_other_places_and_come_back(bed, swarm, tmp_path, monkeypatch):
    """From a worker to another host and a restic repository, which keeps what a bundle names; and back."""
    stack = Elsewhere(bed, swarm, tmp_path, "files")
    tools = Path(tool("restic", "restic")).parent
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    found = json.loads(stack.hosts.read_text())
    for name, host in found["all"]["children"]["swarm_nodes"]["hosts"].items():
        inside = bed.node(name).inside([sys.executable])
        python = stack.player.write(
            f"python-{name}",
            f'#!/bin/sh\nexec {shlex.join(part.replace("PATH=", f"PATH={tools}:") for part in inside)} "$@"\n',
        )
        python.chmod(0o700)
        host["ansible_python_interpreter"] = str(python)
    stack.hosts.write_text(json.dumps(found))
    # Where the controller sees them as well: it reads the files of all of these hosts in its own folders.
    stack.dest, there = str(tmp_path / "snapshots"), str(tmp_path / "copies")
    access = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    reach = {**os.environ, "RESTIC_REPOSITORY": str(tmp_path / "repository"), "RESTIC_PASSWORD": "planted", **access}
    subprocess.run(["restic", "init"], env=reach, stdout=subprocess.DEVNULL, check=True, timeout=300)

    def play(name, prefix, check=False, **more):
        given = {"restic": reach["RESTIC_REPOSITORY"], "restic_password": "planted", "restic_environment": access}
        variables = {f"{prefix}_{key}": value for key, value in {**given, **more}.items()}
        done = stack.player.playbook(ROOT / f"playbooks/{name}.yml", variables=variables, check=check)
        assert done.code == 0 and "planted" not in done.output, done.output
        return {line["task"] for line in done.lines if line["result"].get("changed")}

    def stored():
        listed = subprocess.run(
            ["restic", "snapshots", "--json", "--tag", "stackwright-volume"],
            env=reach, capture_output=True, check=True, timeout=300,
        )  # fmt: skip
        return sorted(one["tags"][2].partition("/")[2] for one in json.loads(listed.stdout))

    def on(node, folder):
        listed = node.run(["sh", "-c", f"cd {folder}/{swarm.name}_data && ls *.tar"]).stdout.split()
        return sorted(name[:-4] for name in listed)

    def snapshot(check=False):
        to = {"stack": swarm.name, "path": stack.dest, "to_host": "m1", "to_path": there, "keep": 1}
        return play("volume_snapshot", "volume_snapshot", check, **to, restic_keep="last=1")

    left = stack.player.folder / ".ansible" / "volume_snapshot" / stack.there.name / f"{swarm.name}_data" / "old.tar"
    left.parent.mkdir(parents=True)
    left.write_text("what a killed run has left")
    assert stack.deploy(stack.one)["changed"]
    stack.inside("echo one > /data/file")
    bundle = {"path": str(tmp_path / "bundles"), "password": "planted", "volumes": True, "volumes_path": stack.dest}
    assert "Save the bundle" in play("bundle", "bundle", **bundle, restic_keep="last=1")
    (named,) = stored()
    for content in ("two", "three"):
        stack.inside(f"echo {content} > /data/file")
        if content == "two":
            assert snapshot(check=True) == {"Take the snapshots"}
        assert {"Take the snapshots", "Copy the snapshot", "Run restic backup"} <= snapshot()
        (newest,) = on(bed.node("m1"), there)
        assert stored() == sorted([named, newest]) and on(stack.there, stack.dest) == [newest]
    assert snapshot() == set() and not left.parent.exists()

    def restore(**where):
        given = {"stack": swarm.name, "volume": "data", "on": stack.there.name, "path": stack.dest}
        return play("volume_restore", "volume_restore", **given, **where)

    service = f"{swarm.name}_app"
    for where, fetches, content in (
        ({"snapshot": named}, "Run restic restore", "one"),
        ({"restic": "", "from_host": "m1", "from_path": there}, "Copy the snapshot", "three"),
    ):
        swarm.node.cli(["docker", "service", "scale", "--detach", f"{service}=0"])
        swarm.wait("no container", lambda: not stack.there.cli(["docker", "ps", "-q", "-f", f"name={service}"]).stdout)
        stack.there.run(["rm", "-rf", stack.dest])
        assert restore(**where) == {fetches, "Restore the volume"}
        assert restore(**where) == set()
        swarm.node.cli(["docker", "service", "scale", "--detach", f"{service}=1"])
        assert stack.inside("cat /data/file") == f"{content}\n"
