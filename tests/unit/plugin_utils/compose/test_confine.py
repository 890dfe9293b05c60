"""A Compose file can't read all files of the controller: never kernel files, and with ``confine`` only its folder."""

import contextlib
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ComposeError
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.compile import CompileRequest, compile_stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.load import Source
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source import local_files
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.local_files import LocalFiles

#: Every way in which a Compose file names another one.
NAMES = {
    "env_file": "services: {a: {image: x, env_file: '%s'}}",
    "env_file list": "services: {a: {image: x, env_file: ['%s']}}",
    "env_file raw": "services: {a: {image: x, env_file: [{path: '%s', format: raw}]}}",
    "env_file optional": "services: {a: {image: x, env_file: [{path: '%s', required: false}]}}",
    "label_file": "services: {a: {image: x, label_file: '%s'}}",
    "label_file list": "services: {a: {image: x, label_file: ['%s']}}",
    "config": "services: {a: {image: x, configs: [c]}}\nconfigs: {c: {file: '%s'}}",
    "secret": "services: {a: {image: x, secrets: [c]}}\nsecrets: {c: {file: '%s'}}",
    "credential spec": "services: {a: {image: x, credential_spec: {config: c}}}\nconfigs: {c: {file: '%s'}}",
    "unused secret": "services: {a: {image: x}}\nsecrets: {c: {file: '%s'}}",
    "extends": "services: {a: {extends: {file: '%s', service: a}}}",
    "include": "include: ['%s']\nservices: {a: {image: x}}",
    "include path": "include: [{path: '%s'}]\nservices: {a: {image: x}}",
    "include override": "include: [{path: [good.yml, '%s']}]\nservices: {a: {image: x}}",
    "include env_file": "include: [{path: good.yml, env_file: '%s'}]\nservices: {a: {image: x}}",
    "variable": "services: {a: {image: x}}\nsecrets: {c: {file: '${WAY:-%s}'}}",
}
CANARY = "CANARY=hunter2"


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with its own files and files outside of it; links lead to all of them."""
    monkeypatch.setenv("CANARY", "hunter2")
    folder = tmp_path / "project"
    (folder / "sub").mkdir(parents=True)
    outside = tmp_path / "project-other"
    outside.mkdir()
    for place in (folder, folder / "sub", outside):
        (place / "file").write_text(f"{CANARY}\n", encoding="utf-8")
        (place / "good.yml").write_text("services: {b: {image: x}}\n", encoding="utf-8")
    for name, target in {
        "environ": "/proc/self/environ",
        "kernel": "/proc",
        "round": "sub/../kernel/self/environ",
        "twice": "environ",
        "zero": "/dev/zero",
        "devices": "/dev",
        "out": "../project-other",
        "out-file": "../project-other/file",
        "root": "/",
        "in": "sub",
    }.items():
        (folder / name).symlink_to(target)
    return folder


def problems_of(text, project, **more):
    """Returns the codes of the problems; checks that no message contains data of a file."""
    compose = project / "compose.yml"
    compose.write_text(text, encoding="utf-8")
    try:
        compile_stack(CompileRequest([Source(str(compose))], name="shop", **more), LocalFiles())
    except ComposeError as error:
        assert "hunter2" not in str(error)
        assert all(problem.file and problem.line for problem in error.problems)
        return [problem.code for problem in error.problems]
    return []


@pytest.mark.slow
@pytest.mark.parametrize("confine", ["none", "project"])
@pytest.mark.parametrize("path", ["/proc/self/environ", "environ", "devices/zero"])
@pytest.mark.parametrize("how", NAMES)
def test_the_kernels_files_are_refused_wherever_they_are_named(how, path, confine, project):
    assert problems_of(NAMES[how] % path, project, confine=confine) == ["file_forbidden"]


@pytest.mark.parametrize(
    "path",
    [
        "/proc/self/environ",
        "//proc/self/environ",
        "/proc//self/./environ",
        "/./proc/self/environ",
        "/proc/../proc/self/environ",
        "/../../proc/self/environ",
        "../" * 30 + "proc/self/environ",
        "/proc/self/root/etc/hostname",
        "/proc/self/cwd/pyproject.toml",
        "/proc/self/fd/0",
        "/proc/none",
        "/proc",
        "/sys/kernel/mm/transparent_hugepage/enabled",
        "/dev/zero",
        "/dev/stdin",
        "/dev/fd/0",
        "/dev/shm/none",
        "/etc/../dev/../proc/version",
        "environ",
        "kernel/self/environ",
        "kernel/version",
        "kernel/self/root/etc/hostname",
        "round",
        "twice",
        "zero",
        "devices/zero",
        "root/proc/self/environ",
        "%s/out/../project/environ",
        "sub/../environ",
        "~/proc/self/environ",
    ],
)
def test_the_kernels_files_are_refused_however_they_are_written(path, project):
    text = f"services: {{a: {{image: x}}}}\nsecrets: {{c: {{file: '{path.replace('%s', str(project))}'}}}}"
    assert problems_of(text, project, variables={"HOME": "/"}) == ["file_forbidden"]


def test_what_the_caller_names_is_not_the_kernels_either(project):
    for request in (
        {"sources": [Source("/proc/self/environ")]},
        {"sources": [Source(str(project / "environ"))]},
        {"sources": [Source("c.yml", "services: {a: {image: x}}")], "env_files": ["/proc/self/environ"]},
    ):
        with pytest.raises(ComposeError) as caught:
            compile_stack(CompileRequest(name="shop", **request), LocalFiles())
        assert [problem.code for problem in caught.value.problems] == ["file_forbidden"]
        assert "hunter2" not in str(caught.value)


def test_the_empty_device_is_an_empty_file(project):
    assert problems_of("services: {a: {image: x, env_file: /dev/null}}", project, confine="project") == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "path", ["../project-other/file", "%s/project-other/file", "out/file", "out-file", "/none", "out/none"]
)
@pytest.mark.parametrize("how", NAMES)
def test_a_confined_file_names_only_what_lies_in_its_folder(how, path, project):
    text = NAMES[how] % path.replace("%s", str(project.parent))
    assert problems_of(text, project, confine="project") == ["file_outside"]
    unconfined = problems_of(text, project, confine="none")
    assert "file_outside" not in unconfined


@pytest.mark.parametrize(
    "path", ["good.yml", "sub/good.yml", "./sub/../good.yml", "in/good.yml", "%s/out/../project/good.yml"]
)
@pytest.mark.parametrize("how", ["include", "include path", "config", "secret", "include override"])
def test_a_confined_file_names_what_lies_in_its_folder(how, path, project):
    assert problems_of(NAMES[how] % path.replace("%s", str(project)), project, confine="project") == []


def test_the_folder_may_be_wider_or_a_link(project, tmp_path):
    text = NAMES["secret"] % "../project-other/file"
    assert problems_of(text, project, confine="project", project_directory=str(tmp_path / "project")) == [
        "file_outside"
    ]
    (tmp_path / "link").symlink_to(project)
    text = NAMES["secret"] % "sub/file"
    assert problems_of(text, tmp_path / "link", confine="project") == []
    wide = NAMES["secret"] % "project-other/file"
    assert problems_of(wide, project, confine="project", project_directory=str(tmp_path)) == []


def test_a_folder_whose_name_begins_alike_is_another_one(project):
    assert problems_of(NAMES["config"] % f"{project}-other/file", project, confine="project") == ["file_outside"]


@pytest.mark.parametrize("directory", ["../project-other", "out", "/"])
@pytest.mark.parametrize("env_file", ["", ", env_file: file"])
def test_the_folder_of_an_included_project_lies_in_the_folder_too(directory, env_file, project):
    text = f"include: [{{path: good.yml, project_directory: {directory}{env_file}}}]\nservices: {{a: {{image: x}}}}"
    assert problems_of(text, project, confine="project") == ["file_outside"]


def test_an_included_projects_own_variables_are_confined(project):
    (project / "sub" / ".env").symlink_to("../../project-other/file")
    text = "include: [sub/good.yml]\nservices: {a: {image: x}}"
    assert problems_of(text, project, confine="project") == ["file_outside"]
    assert problems_of(text, project) == []
    (project / "sub" / ".env").unlink()
    (project / "sub" / ".env").symlink_to("/proc/self/environ")
    assert problems_of(text, project) == ["file_forbidden"]


def test_files_that_included_and_extended_files_name_are_confined(project):
    (project / "sub" / "reads.yml").write_text(NAMES["secret"] % "../../project-other/file", encoding="utf-8")
    text = "include: [sub/reads.yml]\nservices: {c: {image: x}}"
    assert problems_of(text, project, confine="project") == ["file_outside"]
    (project / "sub" / "reads.yml").write_text(NAMES["env_file"] % "../../project-other/file", encoding="utf-8")
    text = "services: {c: {extends: {file: sub/reads.yml, service: a}}}"
    assert problems_of(text, project, confine="project") == ["file_outside"]


def test_files_that_the_caller_names_may_lie_elsewhere(project, tmp_path):
    text = "services: {a: {image: 'x:${CANARY}'}}"
    named = {"env_files": [str(tmp_path / "project-other" / "file")], "confine": "project"}
    assert problems_of(text, project, **named) == []
    second = Source(str(tmp_path / "project-other" / "good.yml"))
    request = CompileRequest([Source(str(project / "compose.yml")), second], name="shop", **named)
    assert len(compile_stack(request, LocalFiles())["services"]) == 2


def test_a_definition_alone_is_confined_to_its_project_directory(project):
    source = Source("definition", {"services": {"a": {"image": "x", "env_file": "file"}}})
    request = CompileRequest([source], name="shop", project_directory=str(project / "sub"), confine="project")
    assert compile_stack(request, LocalFiles())["services"]
    source = Source("definition", {"services": {"a": {"image": "x", "env_file": "../file"}}})
    request = CompileRequest([source], name="shop", project_directory=str(project / "sub"), confine="project")
    with pytest.raises(ComposeError, match="outside of the project folder"):
        compile_stack(request, LocalFiles())


@pytest.mark.parametrize("kind", ["pipe", "socket", "folder", "loop"])
def test_only_regular_files_are_read(kind, project):
    path = project / kind
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as door:
            here = os.getcwd()
            os.chdir(project)
            door.bind(kind)
            os.chdir(here)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(kind)
    assert problems_of(NAMES["secret"] % kind, project) == ["file_unreadable"]


@pytest.mark.parametrize("what", ["the file", "a folder on the way"])
def test_a_file_that_is_replaced_after_the_check_is_not_read(what, project, monkeypatch):
    """Another file or a link to the outside replaces it between the check and the opening."""
    target = project / "sub" / "file"
    moved = target if what == "the file" else target.parent
    opened = os.open

    def open_later(name, flags, *more, **others):
        if name == moved.name and "dir_fd" in others and not moved.is_symlink():
            moved.rename(moved.with_name("before"))
            moved.symlink_to("/proc/self/environ" if what == "the file" else "/proc/self")
        return opened(name, flags, *more, **others)

    monkeypatch.setattr(local_files.os, "open", open_later)
    with pytest.raises(OSError, match="symbolic links|Not a directory"):
        LocalFiles().read(str(target))


def test_a_regular_file_that_takes_the_place_is_noticed(project, monkeypatch):
    target = project / "file"
    opened = os.open

    def open_later(name, flags, *more, **others):
        if name == "file":
            (project / "sub" / "file").rename(target)
        return opened(name, flags, *more, **others)

    monkeypatch.setattr(local_files.os, "open", open_later)
    with pytest.raises(OSError, match="replaced while it was opened"):
        LocalFiles().read(str(target))


IN_A_NAMESPACE = """
import subprocess, sys
for kind, name in (("proc", "p"), ("sysfs", "s"), ("devpts", "d")):
    subprocess.run(["mount", "-t", kind, "none", name], check=kind == "proc", capture_output=True)
subprocess.run(["mount", "--bind", "/proc/self/environ", "file"], check=True)
sys.path.insert(0, sys.argv[1])
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.local_files import LocalFiles
for path in ("p/self/environ", "p/version", "file"):
    try:
        print(path, len(LocalFiles().read(path)))
    except OSError as error:
        print(path, getattr(error, "code", error))
"""


def test_other_mounts_of_the_kernels_files_are_refused(project):
    """A second /proc with another name, and one of its files mounted over a file."""
    for name in "psd":
        (project / name).mkdir()
    collections = next(entry for entry in sys.path if entry.endswith(".cache/collections"))
    unshare = ["unshare", "--mount", "--pid", "--fork", "--map-root-user", "--user"]
    if subprocess.run([*unshare, "mount", "-t", "proc", "none", str(project / "p")], capture_output=True).returncode:
        pytest.skip("namespaces are not for us here")
    done = subprocess.run(
        [*unshare, sys.executable, "-c", IN_A_NAMESPACE, collections], cwd=project, capture_output=True, text=True
    )
    assert done.stdout.splitlines() == [f"{path} file_forbidden" for path in ("p/self/environ", "p/version", "file")], (
        done
    )


def test_a_long_way_and_many_links_end(project):
    for number in range(60):
        (project / f"l{number}").symlink_to(f"l{number + 1}")
    with pytest.raises(OSError, match="symbolic links"):
        LocalFiles().read(str(project / "l0"))
    with pytest.raises(OSError, match="too long"):
        LocalFiles().read(str(project / ("x" * 300)))


def test_handles_are_given_back(project):
    before = len(list(Path("/proc/self/fd").iterdir()))
    reader = LocalFiles()
    for path in ("sub/file", "none/x", "out-file", "environ", "file/x"):
        for below in (None, str(project)):
            with contextlib.suppress(OSError):
                reader.read(str(project / path), below)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
