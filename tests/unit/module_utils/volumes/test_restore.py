"""A restore that fails half-way restores the previous content, or the next run completes it."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from fake_clock import Clock
from test_shelf import packed

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError, StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.volumes import local, restore, shelf, snapshot

OLD, NEW = packed(("file", b"old")), packed(("file", b"new"))
PARAMS = {"name": None, "volume": "data", "snapshot": "latest", "quiesce": "none", "wait_timeout": 1}


class Node:
    """An Engine with one volume; ``fails`` are the fills that fail, after the volume was removed."""

    def __init__(self, monkeypatch):
        self.content, self.fails, self.fills, self.node, self.calls = NEW, set(), 0, "n1", 0
        monkeypatch.setattr(local, "find", lambda client, name: self.content and {"Name": name, "Labels": {"a": "b"}})
        monkeypatch.setattr(local, "read", lambda client, name, take=local.scan: take([self.content]))
        monkeypatch.setattr(local, "users", lambda client, name: [])
        monkeypatch.setattr(local, "image", lambda client, name: "image")
        monkeypatch.setattr(local, "clear", lambda client, name: None)
        monkeypatch.setattr(local, "fill", self.fill)

    def fill(self, client, clock, volume, file, size):
        self.content, self.fills = None, self.fills + 1
        if self.fills in self.fails:
            raise EngineError("no space left", "disk_full", "Free space.")
        self.content = file.read()

    def get(self, path):
        return {"Name": "n1"}


@pytest.fixture
def node(monkeypatch, tmp_path):
    made = Node(monkeypatch)
    made.params = {**PARAMS, "src": str(tmp_path)}
    with shelf.opened(str(tmp_path), ["data"]) as (own,):
        made.content = OLD
        volume = {"Name": "data", "Labels": {}}
        own.describe(snapshot.store(made, Clock(), own, volume, {"consistency": "stopped", "labels": {}, "id": "s1"}))
        made.content = NEW
    made.own = own
    made.restore = lambda check=False, **more: restore.restore(made, Clock(), {**made.params, **more}, check, None)
    return made


def test_a_restore_that_works(node):
    assert node.restore(check=True)["changed"] and node.content == NEW
    done = node.restore()
    assert done["changed"] and node.content == OLD and not node.restore()["changed"]
    back = node.restore(snapshot=done["before"])
    assert back["changed"] and node.content == NEW


def test_what_was_there_comes_back(node):
    node.fails = {1}
    with pytest.raises(StackwrightError) as raised:
        node.restore()
    assert raised.value.error_code == "disk_full" and "Its previous content was restored." in str(raised.value)
    assert node.content == NEW and node.restore()["changed"] and node.content == OLD


def test_if_it_can_not_the_next_run_completes_it(node, tmp_path):
    node.fails = {1, 2}
    with pytest.raises(StackwrightError) as raised:
        node.restore()
    assert raised.value.error_code == "restore_failed" and node.content is None
    (before,) = node.own.all(shelf.BEFORE)
    assert before["id"] in str(raised.value)
    with pytest.raises(StackwrightError) as refused:
        snapshot.refuse_unfinished(str(tmp_path))
    assert refused.value.error_code == "restore_unfinished"
    done = node.restore()
    assert done["changed"] and done["before"] == before["id"] and node.content == OLD
    snapshot.refuse_unfinished(str(tmp_path))


def test_latest_is_not_an_older_one_where_the_newest_is_damaged(node):
    volume = {"Name": "data", "Labels": {}}
    said = {"consistency": "stopped", "labels": {}, "id": "s2"}
    node.own.describe(snapshot.store(node, Clock(), node.own, volume, said))
    path = node.own.path("s2", ".json")
    with open(path, "r+") as file:
        text = file.read().replace("stopped", "paused")
        file.seek(0)
        file.write(text)
        file.truncate()
    with pytest.raises(StackwrightError) as raised:
        node.restore()
    assert raised.value.error_code == "snapshot_damaged" and node.content == NEW
    assert node.restore(snapshot="s1")["changed"]


def plain_container(monkeypatch):
    """A container of no service has the volume."""
    monkeypatch.setattr(local, "users", lambda client, name: [{"Id": "c1", "Names": ["/tool"], "State": "exited"}])


def refused(code, call):
    with pytest.raises(StackwrightError) as raised:
        call()
    assert raised.value.error_code == code, raised.value


@pytest.mark.parametrize("check", [True, False])
def test_a_container_of_no_service_is_reported_before_anything_is_stopped(monkeypatch, node, check):
    plain_container(monkeypatch)
    monkeypatch.setattr(restore.Users, "quiesce", lambda *given: pytest.fail("something was stopped"))
    refused("volume_in_use", lambda: node.restore(check=check, quiesce="stop"))
    assert node.content == NEW


def test_check_mode_reports_services_that_can_not_be_stopped(monkeypatch, node):
    service = {"ID": "s", "Spec": {"Name": "agent", "Mode": {"Global": {}}, "TaskTemplate": {}}}
    monkeypatch.setattr(restore.Users, "services", lambda self: [service])
    refused("cannot_stop", lambda: node.restore(check=True, quiesce="stop"))
    options = {"name": None, "volumes": ["data"], "dest": node.params["src"], "snapshot": None, "command": []}
    options = {**options, "quiesce": "stop", "labels": {}, "keep": 0, "wait_timeout": 1}
    refused("cannot_stop", lambda: snapshot.take(node, Clock(), options, True, None))
    named = snapshot.take(node, Clock(), {**options, "snapshot": "s1"}, True, None)
    assert not named["changed"], "it exists, so nothing is stopped for it"


def test_check_mode_of_a_snapshot_reports_an_unfinished_restore(node):
    shelf.save(node.own.path(shelf.RESTORING), {"snapshot": "s1", "before": None, "labels": {}})
    options = {"name": None, "volumes": ["data"], "dest": node.params["src"], "snapshot": None, "command": []}
    options = {**options, "quiesce": "none", "labels": {}, "keep": 0, "wait_timeout": 1}
    refused("restore_unfinished", lambda: snapshot.take(node, Clock(), options, True, None))


def test_a_folder_that_is_a_file_is_an_error_in_check_mode_too(node, tmp_path):
    (tmp_path / "file").write_text("")
    for check in (True, False):
        refused("snapshot_unwritable", lambda: node.restore(check=check, src=str(tmp_path / "file")))  # noqa: B023
