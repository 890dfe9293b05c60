"""Readers of files, and paths as text."""

import pytest

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.file_source import MemoryFiles
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.local_files import LONGEST, LocalFiles
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.posix_paths import (
    directory_of,
    expand_home,
    is_remote,
    join,
)


def test_files_in_memory_behave_like_files():
    files = MemoryFiles({"/a/b/c.txt": "é", "d": b"\xff"})
    assert files.read("/a/x/../b/c.txt") == b"\xc3\xa9"
    assert files.read("./d") == b"\xff"
    with pytest.raises(IsADirectoryError):
        files.read("/a/b")
    with pytest.raises(FileNotFoundError):
        files.read("/a/b/c")


def test_local_files_are_regular_and_read_up_to_a_limit(tmp_path):
    (tmp_path / "big").write_bytes(b"x" * (LONGEST + 5))
    assert len(LocalFiles().read(str(tmp_path / "big"))) == LONGEST
    with pytest.raises(IsADirectoryError):
        LocalFiles().read(str(tmp_path))
    with pytest.raises(OSError, match="kernel file"):
        LocalFiles().read("/dev/zero")


def test_paths():
    assert join("/a", "./b/../c") == "/a/c"
    assert join("/a", "/b/../c") == "/b/../c"
    assert join("", "x") == "x"
    assert directory_of("compose.yml") == "."
    assert expand_home("~/x", "/h") == "/h/x"
    assert expand_home("~/x", None) is None
    assert expand_home("x", None) == "x"
    assert [is_remote(path) for path in ("https://a/b", "git@a:b", "oci:a", "a/b.yml")] == [True, True, True, False]
