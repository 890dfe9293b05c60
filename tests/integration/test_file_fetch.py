"""file_fetch: a file in parts with become (by su, which root may without a password), else by the connection."""

import os
import stat
import sys
import threading
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from playbook import Player

MIB = 1024 * 1024


@pytest.fixture(params=[True, False], ids=["become", "plain"])
def fetch(tmp_path, request):
    player = Player(tmp_path, {"host": "unix:///nowhere"})
    become = {"ansible_become": request.param, "ansible_become_method": "su"}

    def run(src, dest, **how):
        task = {"file_fetch": {"src": str(src), "dest": str(dest), "part_size": 1}}
        return player.play(task, variables=become, **how)

    return run


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_file_is_fetched_once_and_again_when_it_has_changed(fetch, tmp_path):
    src, dest = tmp_path / "it's new.tar", tmp_path / "new" / "copies" / "data.tar"
    src.write_bytes(os.urandom(3 * MIB + 17))
    would = fetch(src, dest, check=True)
    assert would.last["changed"] and not dest.parent.exists()
    done = fetch(src, dest)
    assert done.code == 0 and done.last["changed"], done.output
    assert dest.read_bytes() == src.read_bytes() and done.last["size"] == 3 * MIB + 17
    assert mode(dest) == 0o600 and mode(dest.parent) == 0o700
    assert not fetch(src, dest).last["changed"] and not fetch(src, dest, check=True).last["changed"]

    before = dest.read_bytes()
    src.write_bytes(b"")
    assert fetch(src, dest, check=True).last["changed"] and dest.read_bytes() == before
    assert fetch(src, dest).last["changed"] and dest.read_bytes() == b""
    assert not fetch(src, dest).last["changed"]
    src.unlink()
    lost = fetch(src, dest)
    assert lost.last["error_code"] == "file_missing" and "does not exist on the host" in lost.last["msg"]
    assert os.listdir(dest.parent) == ["data.tar"]


def test_a_file_that_changes_meanwhile_does_not_replace_the_old_one(fetch, tmp_path):
    src, dest, ended = tmp_path / "growing", tmp_path / "dest", threading.Event()
    src.write_bytes(b"\0" * 4 * MIB)
    dest.write_text("old")

    def grow():
        with open(src, "ab") as file:
            while not ended.wait(0.01):
                file.write(b"more")
                file.flush()

    writer = threading.Thread(target=grow)
    writer.start()
    try:
        done = fetch(src, dest)
    finally:
        ended.set()
        writer.join()
    assert done.last["error_code"] == "file_changed", done.output
    assert dest.read_text() == "old" and not (tmp_path / "dest.part").exists()


def test_what_can_not_be_written_or_is_no_file_is_an_error(fetch, tmp_path):
    src, dest = tmp_path / "src", tmp_path / "dest"
    src.write_text("content")
    dest.mkdir()
    done = fetch(src, dest)
    assert done.last["error_code"] == "file_not_written" and str(dest) in done.last["msg"], done.output
    assert fetch(dest, tmp_path / "other").last["error_code"] == "file_missing"
