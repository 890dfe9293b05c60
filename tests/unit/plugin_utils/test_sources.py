"""Files of the manager (remote_src): a shell finds the real path, and unreadable files are not slurped."""

import base64
import os
import shlex
import subprocess
from types import SimpleNamespace

import pytest

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compiling.sources import LOOK, SlurpedFiles
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compiling.target_files import absolute
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.file_source import FileRefused


@pytest.fixture
def manager(tmp_path):
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "it's").write_text("A=1\n", encoding="utf-8")
    (tmp_path / "outside").write_text("hunter2", encoding="utf-8")
    for name, target in {"environ": "/proc/self/environ", "kernel": "/proc", "out": "../outside", "root": "/"}.items():
        (tmp_path / "project" / name).symlink_to(target)
    os.mkfifo(tmp_path / "project" / "pipe")
    return tmp_path / "project"


def reader(slurped, banner="", newline="\n"):
    """Reads this machine as the action reads a manager: with a real shell, and a slurp that records its questions."""

    def look(path):
        command = LOOK.format(shlex.quote(path))
        output = subprocess.run(["sh", "-c", command], capture_output=True, text=True).stdout
        return (banner + output).replace("\n", newline)

    def slurp(path):
        slurped.append(path)
        try:
            with open(path, "rb") as file:
                return {"content": base64.b64encode(file.read()).decode()}
        except FileNotFoundError:
            return {"failed": True, "msg": f"file not found: {path}"}

    return SlurpedFiles(slurp, look)


@pytest.mark.parametrize("below", [False, True])
def test_a_file_is_read_once(manager, below):
    slurped = []
    files = reader(slurped)
    folder = str(manager) if below else None
    assert files.read(str(manager / "it's"), folder) == files.read(f"{manager}/./it's", folder) == b"A=1\n"
    assert slurped == [str(manager / "it's")]


@pytest.mark.parametrize("below", [False, True])
@pytest.mark.parametrize(
    "path",
    [
        "/proc/self/environ",
        "//proc/version",
        "/dev/zero",
        "/sys/none",
        "environ",
        "kernel/version",
        "root/proc/version",
    ],
)
def test_the_kernels_files_are_refused(manager, path, below):
    slurped = []
    with pytest.raises(FileRefused, match="kernel file"):
        reader(slurped).read(path if path.startswith("/") else f"{manager}/{path}", str(manager) if below else None)
    assert slurped == []


@pytest.mark.parametrize("path", ["out", "../outside", "../none", "root/etc/passwd", "/none/none", "root/none/none"])
def test_what_lies_outside_is_refused_there_or_not(manager, path):
    slurped = []
    with pytest.raises(FileRefused, match="outside"):
        reader(slurped).read(path if path.startswith("/") else f"{manager}/{path}", str(manager))
    assert slurped == []


@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["pipe", "terminal"])
@pytest.mark.parametrize("banner", ["", "Welcome", "\n\n", "Authorized use only.\n/home\n/\n"])
def test_the_banner_of_a_shell_hides_no_link(manager, banner, newline):
    slurped = []
    files = reader(slurped, banner, newline)
    with pytest.raises(FileRefused, match="outside"):
        files.read(f"{manager}/out", str(manager))
    assert slurped == [] and files.read(str(manager / "it's"), str(manager)) == b"A=1\n"


@pytest.mark.parametrize("output", ["/root\n", "Welcome\r\n/root\r\n"])
def test_a_relative_path_begins_in_the_folder_of_the_shell(output):
    action = SimpleNamespace(_low_level_execute_command=lambda *_given, **_more: {"stdout": output})
    assert absolute(action, "a/../shop.yml") == "/root/shop.yml"
    assert absolute(action, "/a/b") == "/a/b"


def test_only_regular_files_are_read(manager):
    slurped = []
    with pytest.raises(OSError, match="Not a regular file"):
        reader(slurped).read(str(manager / "pipe"))
    with pytest.raises(IsADirectoryError):
        reader(slurped).read(str(manager), str(manager))
    with (manager / "large").open("wb") as file:
        file.truncate(10_000_001)
    with pytest.raises(OSError, match="more than 10000000"):
        reader(slurped).read(str(manager / "large"))
    assert slurped == []
    with pytest.raises(FileNotFoundError):
        reader(slurped).read(str(manager / "none"))


def test_a_shell_that_says_nothing_is_not_believed(manager):
    silent = SlurpedFiles(lambda path: {"failed": True, "msg": "file not found"}, lambda path: "")
    with pytest.raises(FileNotFoundError):
        silent.read(str(manager / "it's"))
    with pytest.raises(FileRefused):
        silent.read("/proc/version")
    believing = SlurpedFiles(lambda path: {"content": ""}, lambda path: "")
    with pytest.raises(FileNotFoundError):
        believing.read(str(manager / "out"), str(manager))
