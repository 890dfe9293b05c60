"""The store host_facts on real files: each fault of a file is a clear error, and nothing is lost."""

import json
import os
import resource
import subprocess
import sys

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import SystemClock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ValueStoreError
from ansible_collections.stackwright.swarm.plugins.module_utils.store.host_facts import HostFacts
from ansible_collections.stackwright.swarm.plugins.module_utils.values.kept import SET, Kept
from ansible_collections.stackwright.swarm.plugins.module_utils.values.store import update


@pytest.fixture
def store(tmp_path):
    made = HostFacts("shop", SystemClock, str(tmp_path / "facts.d"))
    put(made, "stack/A", "hunter2")
    return made


def put(store, name, value):
    return update(store, lambda kept: kept.added(name, value, SET, "aa", "now"))


def error_of(call, *args):
    with pytest.raises(ValueStoreError) as caught:
        call(*args)
    assert "hunter2" not in str(caught.value)
    return caught.value


def test_the_file_is_a_fact_for_its_owner_only(store, tmp_path):
    path = tmp_path / "facts.d" / "stackwright_shop.fact"
    assert store.where == str(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert json.loads(path.read_text())["values"]["stack/A"]["versions"][0]["value"] == "hunter2"
    assert sorted(p.name for p in path.parent.iterdir()) == [".stackwright_shop.lock", path.name]


@pytest.mark.parametrize("umask", [0o000, 0o077, 0o777])
def test_the_mode_does_not_depend_on_the_umask(store, umask):
    before = os.umask(umask)
    try:
        put(store, "stack/B", "x")
    finally:
        os.umask(before)
    assert os.stat(store.where).st_mode & 0o777 == 0o600


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666, 0o644])
def test_a_file_that_others_may_read_or_write_is_refused(store, mode):
    os.chmod(store.where, mode)
    error = error_of(store.read)
    assert (error.error_code, f"{mode:04o}" in error.message) == ("store_permissions", True)
    assert "chmod 600" in error.hint


def test_a_file_of_another_user_is_refused(store):
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    os.chown(store.where, 65534, 65534)
    assert error_of(store.read).error_code == "store_permissions"


def test_links_and_folders_are_refused(store, tmp_path):
    os.rename(store.where, tmp_path / "elsewhere")
    os.symlink(tmp_path / "elsewhere", store.where)
    assert error_of(store.read).error_code == "store_permissions"
    os.unlink(store.where)
    os.mkdir(store.where)
    assert error_of(store.read).error_code == "store_unreadable"
    os.rmdir(store.where)
    os.mkfifo(store.where)
    assert error_of(store.read).error_code == "store_unreadable"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"hunter2", b"\xff\xfe", b'{"format": 1}'])
def test_a_damaged_file_is_an_error_and_stays(store, content):
    with open(store.where, "wb") as file:
        file.write(content)
    assert error_of(store.read).error_code == "store_damaged"
    assert error_of(put, store, "stack/B", "x").error_code == "store_damaged"
    with open(store.where, "rb") as file:
        assert file.read() == content


def in_a_child(store, setup):
    """Writes in another process after ``setup``; returns its error code."""
    code = f"""
import resource, signal, sys
sys.path[:0] = {sys.path!r}
from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import SystemClock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ValueStoreError
from ansible_collections.stackwright.swarm.plugins.module_utils.store.host_facts import HostFacts
store = HostFacts("shop", SystemClock, {store.folder!r})
kept, token = store.read()
{setup}
try:
    store.write(kept.added("stack/B", "hunter2" * 100, "set", "bb", "now"), token)
except ValueStoreError as error:
    print(error.error_code, error.message)
"""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_a_limit_for_files_keeps_the_old_store(store):
    limit = "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))"
    assert resource.RLIMIT_FSIZE is not None
    told = in_a_child(store, limit)
    assert told.startswith("store_unwritable")
    assert "never used" in told
    assert store.read()[0].current("stack/A").value == "hunter2"
    assert "stack/B" not in store.read()[0].entries
    assert sorted(os.listdir(store.folder)) == [os.path.basename(store._lock), os.path.basename(store.where)]


@pytest.mark.parametrize(("options", "words"), [("size=8k", "No space left"), ("size=8k,ro", "Read-only")])
def test_a_full_and_a_read_only_disk(tmp_path, options, words):
    """Runs on a small tmpfs in a separate mount namespace."""
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    code = f"""
import subprocess, sys
sys.path[:0] = {sys.path!r}
from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import SystemClock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ValueStoreError
from ansible_collections.stackwright.swarm.plugins.module_utils.store.host_facts import HostFacts
from ansible_collections.stackwright.swarm.plugins.module_utils.values.store import update
folder = {str(tmp_path)!r}
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8k", "none", folder], check=True)
store = HostFacts("shop", SystemClock, folder)
update(store, lambda kept: kept.added("stack/A", "one", "set", "aa", "now"))
if "ro" in {options!r}:
    subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
try:
    update(store, lambda kept: kept.added("stack/B", "x" * 20000, "set", "bb", "now"))
except ValueStoreError as error:
    print(error.error_code, error)
print(store.read()[0].current("stack/A").value, sorted(store.read()[0].entries))
"""
    done = subprocess.run(
        ["unshare", "--mount", sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("store_unwritable"), done.stdout
    assert words in done.stdout
    assert done.stdout.endswith("one ['stack/A']\n")


def test_an_empty_store_leaves_no_file(store):
    update(store, lambda kept: kept.without("stack/A"))
    assert not os.path.exists(store.where)
    assert store.read()[0].empty


class Impatient:
    """A clock that advances by a minute with each call."""

    def __init__(self):
        self.time = 0.0

    def now(self):
        self.time += 20
        return self.time

    def sleep(self, seconds):
        self.time += seconds


def test_a_writer_that_hangs_is_named(store):
    import fcntl

    handle = os.open(store._lock, os.O_RDWR)
    fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        late = HostFacts("shop", Impatient(), store.folder)
        error = error_of(put, late, "stack/B", "x")
    finally:
        os.close(handle)
    assert error.error_code == "store_locked"


def as_root():
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")


@pytest.mark.parametrize(
    "names", [[".stackwright_shop.new"], [".stackwright_shop.fact.new", "stackwright_shop.fact.tmp"]]
)
def test_a_link_under_a_name_that_was_foreseen_leads_nowhere(store, tmp_path, names):
    theirs = tmp_path / "theirs"
    theirs.write_text("theirs")
    for name in names:
        os.symlink(theirs, os.path.join(store.folder, name))
    put(store, "stack/B", "hunter2")
    assert theirs.read_text() == "theirs"
    assert store.read()[0].current("stack/B").value == "hunter2"


def test_each_writing_has_another_name_that_nobody_else_may_open(store, monkeypatch):
    seen = []
    real = os.open

    def watched(path, flags, mode=0o777, *, dir_fd=None):
        if flags & os.O_WRONLY:
            seen.append((path, flags, mode))
        return real(path, flags, mode, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", watched)
    put(store, "stack/B", "one")
    put(store, "stack/C", "two")
    assert len({path for path, _flags, _mode in seen}) == len(seen) == 2
    for _path, flags, mode in seen:
        assert flags & os.O_EXCL and flags & os.O_NOFOLLOW and mode == 0o600


@pytest.mark.parametrize("plant", [os.mkfifo, lambda path: os.symlink("/nowhere/lock", path), os.mkdir])
def test_what_was_planted_as_the_lock_is_an_error(store, plant):
    os.unlink(store._lock)
    plant(store._lock)
    assert error_of(put, store, "stack/B", "x").error_code in ("store_unreadable", "store_unwritable")
    assert list(store.read()[0].entries) == ["stack/A"]


def test_the_lock_of_another_user_is_refused(store):
    as_root()
    os.chown(store._lock, 65534, 65534)
    error = error_of(put, store, "stack/B", "x")
    assert (error.error_code, store._lock in error.message) == ("store_permissions", True)


@pytest.mark.parametrize(
    ("mode", "owner", "refused"),
    [
        (0o755, 0, False), (0o700, 0, False), (0o1777, 0, False), (0o1775, 0, False),
        (0o777, 0, True), (0o775, 0, True), (0o757, 0, True), (0o755, 65534, True), (0o1777, 65534, True),
    ],
)  # fmt: skip
def test_a_folder_in_which_others_could_swap_the_file_is_refused(store, mode, owner, refused):
    as_root()
    os.chmod(store.folder, mode)
    os.chown(store.folder, owner, owner)
    if not refused:
        assert "stack/B" in put(store, "stack/B", "x").entries
        return
    error = error_of(put, store, "stack/B", "x")
    assert (error.error_code, store.folder in error.hint, "store: swarm" in error.hint) == (
        "store_permissions",
        True,
        True,
    )
    # Who only reads goes on, and nothing else is there than before.
    assert list(store.read()[0].entries) == ["stack/A"]
    assert sorted(os.listdir(store.folder)) == [os.path.basename(store._lock), os.path.basename(store.where)]


def test_what_a_killed_run_left_goes_and_what_others_write_stays(store):
    left = os.path.join(store.folder, ".stackwright_shop.fact.0123456789abcdef.new")
    others = os.path.join(store.folder, ".stackwright_shop.fact.x.fact.0123456789abcdef.new")
    for path in (left, others):
        with open(path, "w") as file:
            file.write("hunter2")
    put(store, "stack/B", "x")
    assert (os.path.exists(left), os.path.exists(others)) == (False, True)


def test_a_writing_that_breaks_off_leaves_nothing(store, monkeypatch):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    before = sorted(os.listdir(store.folder))
    monkeypatch.setattr(os, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        put(store, "stack/B", "x")
    assert sorted(os.listdir(store.folder)) == before
    assert list(store.read()[0].entries) == ["stack/A"]


def test_what_can_not_be_written_offers_the_swarm(tmp_path):
    (tmp_path / "file").write_text("")
    store = HostFacts("shop", SystemClock, str(tmp_path / "file" / "facts.d"))
    error = error_of(store.write, Kept("shop"), None)
    assert (error.error_code, "store: swarm" in error.hint, "values.path" in error.hint) == (
        "store_unwritable",
        True,
        True,
    )


def test_more_than_can_be_read_again_is_not_written(store):
    error = error_of(put, store, "stack/B", "x" * (9 << 20))
    assert error.error_code == "store_full"
    assert list(store.read()[0].entries) == ["stack/A"]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"[" * 200_000, "nested"),
        (b'{"a":' * 200_000, "nested"),
        (b'{"format": NaN}', "not valid JSON"),
        (b'{"format": 1, "stack": "shop", "counter": Infinity, "values": {}}', "not valid JSON"),
        (b'{"format": true, "stack": "shop", "counter": 1, "values": {}}', "format is not a number"),
        (b'{"format": 1, "stack": "shop", "counter": "7", "values": {}}', "counter is not a number"),
        (b'{"format": 1, "stack": "shop", "counter": -1, "values": {}}', "counter is not a number"),
        (b'{"format": 1, "stack": "shop", "counter": 1, "values": {"a/b": ["hunter2"]}}', "entry 1"),
        (b'{"format": 9, "stack": "shop", "counter": 1, "values": {}}', "newer version"),
        (b" " * (9 << 20), "larger than 8 MiB"),
    ],
)  # fmt: skip
def test_the_shape_of_a_file_is_checked_at_its_door(store, content, why):
    with open(store.where, "wb") as file:
        file.write(content)
    error = error_of(store.read)
    assert error.error_code == "store_damaged"
    assert store.where in error.message
    assert why in error.message
