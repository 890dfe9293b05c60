"""The raft data of a manager: which manager may be stopped, the start of its Engine, and valid archives."""

import base64
import gzip
import io
import os
import signal
import tarfile

import pytest
from fake_clock import Clock

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError, StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.enrolling import raft, stopped


class Engine:
    """An Engine that answers while the file ``up`` exists; its commands create and remove it."""

    where = "fake"

    def __init__(
        self,
        folder,
        managers=("reachable", "reachable", "reachable"),
        leader="m1",
        me="m2",
        state="active",
        autolock=False,
    ):
        self.autolock = autolock
        self.folder, self.me, self.state, self.posts = folder, me, state, []
        self.nodes = [
            {
                "ID": f"id{number}",
                "Description": {"Hostname": f"m{number}"},
                "Version": {"Index": 7},
                "Spec": {"Role": "manager"},
                "Status": {"State": "ready"},
                "ManagerStatus": {"Reachability": how, "Leader": leader == f"m{number}"},
            }
            for number, how in enumerate(managers, 1)
        ]
        self.up = folder / "up"
        self.up.write_text("")
        root = folder / "root" / "swarm"
        (root / "raft").mkdir(parents=True)
        (root / "certificates").mkdir()
        (root / "raft" / "wal").write_bytes(b"log")

    def commands(self, stop="rm {up}", start="touch {up}"):
        return stopped.Commands(stop.format(up=self.up), start.format(up=self.up), 5.0)

    def get(self, path, query=None, timeout=None):
        if not self.up.exists():
            raise EngineError("nobody there", "daemon_unreachable")
        assert path == "/info"
        swarm = {"LocalNodeState": self.state, "ControlAvailable": self.state == "active", "NodeAddr": "127.0.0.1"}
        swarm.update(
            NodeID="id" + self.me[1:],
            Cluster={"ID": "c", "Spec": {"EncryptionConfig": {"AutoLockManagers": self.autolock}}},
        )
        return {"Name": self.me, "Swarm": swarm, "DockerRootDir": str(self.folder / "root"), "ServerVersion": "28"}

    def list(self, path, query=None):
        return self.nodes if path == "/nodes" else []

    def post(self, path, query=None, body=None, timeout=None):
        self.posts.append((path, body))
        if path.endswith("/update"):
            self.nodes[1]["Spec"] = body
            return
        self.state = "active"
        self.nodes[1]["ManagerStatus"]["Leader"] = True

    def delete(self, path, query=None):
        self.posts.append((path, query))


@pytest.fixture(autouse=True)
def signals():
    numbers = (signal.SIGHUP, signal.SIGTERM, signal.SIGPIPE)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before):
        signal.signal(number, handler)


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ({"leader": "m2"}, "leader"),
        ({"managers": ("reachable", "reachable", "unreachable")}, "quorum"),
        ({"managers": ("reachable", "reachable")}, "quorum"),
        ({"managers": ("reachable",), "me": "m1"}, "needs_downtime"),
        ({"state": "pending"}, "not_a_manager"),
    ],
)
def test_a_manager_that_must_not_be_stopped_is_not(tmp_path, how, code):
    engine = Engine(tmp_path, **how)
    with pytest.raises(StackwrightError) as caught:
        raft.save(engine, Clock(), False, engine.commands(stop=f"touch {tmp_path}/stopped"))
    assert caught.value.error_code == code and not (tmp_path / "stopped").exists()


def test_the_only_manager_with_downtime(tmp_path):
    engine = Engine(tmp_path, managers=("reachable",), me="m1")
    assert raft.save(engine, Clock(), True, engine.commands())["managers"] == ["m1"]


def test_what_is_saved_is_restored(tmp_path):
    engine = Engine(tmp_path)
    found = raft.save(engine, Clock(), False, engine.commands())
    assert engine.up.exists() and found["node"] == "m2" and found["address"] == "127.0.0.1"
    assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN, "a connection that breaks ends nothing halfway"
    (tmp_path / "other").mkdir()
    fresh, found["digest"] = Engine(tmp_path / "other", state="inactive"), "5e884898da28"
    (tmp_path / "other/root/swarm/raft/wal").write_bytes(b"none")
    done = raft.restore(fresh, Clock(), found, found["archive"], [], fresh.commands())
    assert (tmp_path / "other/root/swarm/raft/wal").read_bytes() == b"log"
    assert fresh.posts[0][0] == "/swarm/init" and fresh.posts[0][1]["ForceNewCluster"] is True
    # The managers that the new raft does not have would count as managers that are down.
    assert done["removed_nodes"] == ["m1", "m3"]
    assert [path for path, _ in fresh.posts[1:]] == ["/nodes/id2/update", "/nodes/id1", "/nodes/id3"]
    assert sorted(os.listdir(tmp_path / "other/root")) == ["swarm"] and os.listdir(tmp_path / "other/root/swarm/raft")
    # A controller that died after this does not know that it is done: the next run sees it, once.
    again = raft.restore(fresh, Clock(), found, found["archive"], [], fresh.commands(stop="false"))
    assert not again["changed"] and again["removed_nodes"] == [] and len(fresh.posts) == 4
    del fresh.nodes[1]["Spec"]["Labels"]
    with pytest.raises(StackwrightError, match="is already in a Swarm"):
        raft.restore(fresh, Clock(), found, found["archive"], [], fresh.commands(stop="false"))


def test_nodes_are_noted_as_they_are_without_a_backup(tmp_path):
    engine = Engine(tmp_path)
    engine.nodes[1]["Spec"] = {"Availability": "drain", "Labels": {raft.BEFORE: "pause", "disk": "ssd"}}
    stale = {**engine.nodes[2], "Status": {"State": "down"}, "ManagerStatus": None, "Spec": {"Labels": {"old": "1"}}}
    engine.nodes.append(stale)
    found = raft.look(engine, False)
    assert found["node_labels"] == {"m1": {}, "m2": {"disk": "ssd"}, "m3": {}}
    assert found["node_availability"] == {"m1": "active", "m2": "pause", "m3": "active"}


def test_the_engine_of_a_killed_process_is_started_again_and_unlocked(tmp_path, monkeypatch):
    engine, unlocked = Engine(tmp_path, state="locked"), tmp_path / "unlocked"
    monkeypatch.setattr(stopped, "unlock", lambda client, clock, keys: unlocked.write_text(keys[0]))
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            with stopped.stopped(engine, Clock(), engine.commands(), ["key"]):
                os.kill(os.getpid(), signal.SIGKILL)
        finally:
            os._exit(1)
    os.close(writing)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    assert os.read(reading, 1) == b"", "until nobody holds the other end"
    os.close(reading)
    assert engine.up.exists() and unlocked.read_text() == "key"


def test_nobody_starts_the_engine_of_a_process_that_goes_on(tmp_path):
    engine = Engine(tmp_path)
    reading, writing = os.pipe()
    with stopped.stopped(engine, Clock(), engine.commands(), []):
        pass
    engine.up.unlink()
    os.close(writing)
    assert os.read(reading, 1) == b"" and not engine.up.exists()
    os.close(reading)


def test_a_restore_that_was_killed_is_done_again(tmp_path, monkeypatch):
    engine = Engine(tmp_path, state="inactive")
    (tmp_path / "old").mkdir()
    old = Engine(tmp_path / "old")
    found = {**raft.save(old, Clock(), False, old.commands()), "digest": "5e884898da28"}
    monkeypatch.setattr(raft, "_forced", lambda folder, address: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        raft.restore(engine, Clock(), found, found["archive"], [], engine.commands())
    # With the raft of the old managers, it waits for them.
    engine.state = "pending"
    with pytest.raises(StackwrightError, match="is already in a Swarm"):
        raft.fits(engine, {**found, "digest": "of another backup"})
    monkeypatch.undo()
    assert raft.restore(engine, Clock(), found, found["archive"], [], engine.commands())["changed"]
    assert not (tmp_path / "root/swarm" / raft.UNFINISHED).exists()


def test_it_has_the_addresses_that_it_had(tmp_path):
    assert raft._forced(str(tmp_path), "10.0.0.2")["AdvertiseAddr"] == "10.0.0.2"
    (tmp_path / "docker-state.json").write_text('{"ListenAddr": "10.0.0.2:2378", "DataPathAddr": "10.1.0.2"}')
    found = raft._forced(str(tmp_path), "10.0.0.2")
    assert (found["ListenAddr"], found["DataPathAddr"]) == ("10.0.0.2:2378", "10.1.0.2")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("commands", "code", "text"),
    [
        ({"stop": "false"}, "engine_not_stopped", "The command that stops the Engine, 'false', failed: exit code 1."),
        ({"stop": "true"}, "engine_not_stopped", "The Engine still answers 5 s after 'true'."),
        ({"stop": "/nonexistent/systemctl"}, "engine_not_stopped", "No such file or directory"),
        ({"start": "true"}, "engine_not_started", "The Engine does not answer 5 s after 'true'."),
        ({"start": "false"}, "engine_not_started", "The command that starts the Engine, 'false', failed: exit code 1."),
    ],
)
def test_commands_that_fail(tmp_path, commands, code, text):
    engine = Engine(tmp_path)
    with pytest.raises(StackwrightError) as caught:
        raft.save(engine, Clock(), False, engine.commands(**commands))
    assert caught.value.error_code == code and text in str(caught.value)
    assert engine.up.exists() == (code == "engine_not_stopped"), "it was started again, or still runs"


def test_an_engine_that_never_stopped_is_not_said_to_be_down(tmp_path):
    """Neither command works, as without systemd: the error is about the stop."""
    engine = Engine(tmp_path)
    with pytest.raises(StackwrightError) as caught:
        raft.save(engine, Clock(), False, engine.commands(stop="false", start="false"))
    assert caught.value.error_code == "engine_not_stopped" and engine.up.exists()
    assert str(caught.value) == (
        "The command that stops the Engine, 'false', failed: exit code 1. "
        "Set stop_command to the command that stops it on this host."
    )


def test_an_engine_that_stays_down_is_told_with_what_failed_before(tmp_path, monkeypatch):
    def full(folder):
        raise StackwrightError("No space left on /tmp.", "backup_unwritable")

    engine = Engine(tmp_path)
    monkeypatch.setattr(raft, "_packed", full)
    with pytest.raises(StackwrightError) as caught:
        raft.save(engine, Clock(), False, engine.commands(start="false"))
    assert caught.value.error_code == "engine_not_started" and not engine.up.exists()
    assert "'false', failed: exit code 1. It was stopped, and then this failed: No space left" in str(caught.value)


def test_the_engine_starts_again_if_packing_fails(tmp_path, monkeypatch):
    engine = Engine(tmp_path)
    monkeypatch.setattr(raft, "_packed", lambda folder: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        raft.save(engine, Clock(), False, engine.commands())
    assert engine.up.exists()


def test_too_much_is_refused_before_anything_stops(tmp_path, monkeypatch):
    monkeypatch.setattr(raft, "MOST", 2)
    engine = Engine(tmp_path)
    with pytest.raises(StackwrightError) as caught:
        raft.save(engine, Clock(), False, engine.commands(stop="false"))
    assert caught.value.error_code == "too_large"


def packed(*entries):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, kind in entries:
            entry = tarfile.TarInfo(name)
            entry.type = kind
            entry.linkname = "/etc/passwd" if kind == tarfile.SYMTYPE else ""
            tar.addfile(entry)
    return base64.b64encode(out.getvalue()).decode()


WHOLE = (("raft", tarfile.DIRTYPE), ("certificates", tarfile.DIRTYPE))


@pytest.mark.parametrize(
    "archive",
    [
        packed(*WHOLE, ("../evil", tarfile.REGTYPE)),
        packed(*WHOLE, ("/evil", tarfile.REGTYPE)),
        packed(*WHOLE, ("raft/wal", tarfile.SYMTYPE)),
        packed(*WHOLE[:1]),
        "bm90IGEgdGFy",
        "YWJjZ",  # 5 characters are not base64
        base64.b64encode(gzip.compress(b"x" * 2000)[:10] + b"\xff" * 600).decode(),
    ],
    # The archive has the time of its making, which processes of pytest must not see.
    ids=["above", "absolute", "link", "incomplete", "text", "base64", "deflate"],
)
def test_a_strange_archive_stops_nothing(tmp_path, archive):
    engine = Engine(tmp_path, state="inactive")
    with pytest.raises(StackwrightError) as caught:
        raft.restore(engine, Clock(), {"address": "127.0.0.1"}, archive, [], engine.commands(stop="false"))
    assert caught.value.error_code == "damaged_backup"
    assert os.listdir(tmp_path / "root" / "swarm" / "raft") == ["wal"]


@pytest.mark.parametrize(
    ("state", "facts", "code"),
    [
        ("active", {"address": "127.0.0.1"}, "already_in_swarm"),
        ("locked", {"address": "127.0.0.1"}, "already_in_swarm"),
        ("inactive", {"address": "192.0.2.7"}, "wrong_address"),
        ("inactive", {"address": "127.0.0.1", "autolock": True}, "swarm_locked"),
    ],
)
def test_where_a_backup_is_not_restored(tmp_path, state, facts, code):
    engine = Engine(tmp_path, state=state)
    with pytest.raises(StackwrightError) as caught:
        raft.restore(engine, Clock(), facts, packed(*WHOLE), [], engine.commands(stop="false"))
    assert caught.value.error_code == code and engine.posts == []


def test_an_autolocked_swarm_of_several_managers_is_refused_both_ways(tmp_path):
    engine, several = Engine(tmp_path, state="inactive"), {"address": "127.0.0.1", "autolock": True}
    with pytest.raises(StackwrightError) as caught:
        raft.restore(
            engine, Clock(), {**several, "managers": ["m1", "m2"]}, packed(*WHOLE), ["k"], engine.commands(stop="false")
        )
    assert caught.value.error_code == "autolock" and engine.posts == []
    (tmp_path / "three").mkdir()
    three = Engine(tmp_path / "three", autolock=True)
    with pytest.raises(StackwrightError) as caught:
        raft.save(three, Clock(), False, three.commands(stop="false"))
    assert caught.value.error_code == "autolock"
    (tmp_path / "one").mkdir()
    one = Engine(tmp_path / "one", managers=("reachable",), me="m1", autolock=True)
    assert raft.look(one, True)["autolock"] is True


def test_a_manager_that_its_swarm_does_not_list_is_refused(tmp_path):
    engine = Engine(tmp_path)
    engine.nodes = [node for node in engine.nodes if node["ID"] != "id2"]
    with pytest.raises(StackwrightError) as caught:
        raft.look(engine, downtime=False)
    assert caught.value.error_code == "not_a_manager"
