"""A module's interpreter that has started already does what the real one does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import warm

LOOK = """\
import atexit, os, sys, threading
atexit.register(print, "at exit")
names = sorted(name for name in globals() if name not in ("__file__", "__cached__", "__annotations__"))
print(__name__, sys.argv, sys.path[0], names, globals().get("__file__"), sys.modules["__main__"].__dict__ is globals())
print(os.getcwd(), sorted(item for item in os.environ.items() if not item[0].startswith(("STACKWRIGHT_", "_"))))
print(repr(sys.stdin.read()), sorted(os.listdir("/proc/self/fd"))[:3])
print(sys.executable, sys.stdout.encoding, [part for part in sys.path if "tests/" in part])
print(os.umask(0o22), "ansible" in sys.modules, [name for name in sys.modules if "warm" in name], os.getpgid(0) != 0)
threading.Timer(0.1, print, ["a thread"]).start()
sys.stdout.flush()
"""
#: Without it Python changes its own environment at its start.
LANGUAGE = {"LC_ALL": "C.UTF-8"}
ENDS = {
    "well": "",
    "a code": "sys.exit(3)",
    "a text": "sys.exit('no')",
    "an error": "raise KeyError('gone')",
    "a syntax error": "exec('1 +')",
    "a signal": "sys.stdout.flush(); import signal; os.kill(os.getpid(), signal.SIGTERM)",
    "at once": "sys.stdout.flush(); os._exit(7)",
}


@pytest.fixture(scope="module")
def server():
    return warm.Warm({"PATH": os.environ["PATH"], **LANGUAGE})


def run(program, folder, environment=None, text=None, **how):
    env = {"PATH": os.environ["PATH"], "MARK": "mine", **LANGUAGE, **(environment or {})}
    done = subprocess.run(program, cwd=folder, env=env, input=text, capture_output=True, text=True, timeout=60, **how)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("given", ["a file", "stdin"])
def test_a_module_sees_and_says_the_same(server, tmp_path, given, end):
    path = tmp_path / "module.py"
    path.write_text(LOOK + ENDS[end] + "\n")
    argv, text = ([str(path)], "rest") if given == "a file" else ([], path.read_text())
    real = run([sys.executable, *argv], tmp_path, text=text)
    mine = run([str(warm.interpreter()), *argv], tmp_path, {warm.SOCKET: server.path}, text)
    assert mine[:2] == real[:2], mine[2]
    # The lines of a traceback name the file; those of the interpreter's own start are no part of the module's.
    assert mine[2].splitlines()[-1:] == real[2].splitlines()[-1:]
    assert ("at exit" in mine[1]) == (end not in ("a signal", "at once"))


def test_the_surroundings_decide(server, tmp_path):
    """Another user, namespace of messages, or Python's own settings: the real interpreter runs, which sees them."""
    look = "import os, sys; print(os.geteuid(), os.readlink('/proc/self/ns/net'), sys.flags.optimize, os.getppid())"
    path = tmp_path / "look.py"
    path.write_text(look)
    path.chmod(0o644)
    shim, more = [str(warm.interpreter()), str(path)], {warm.SOCKET: server.path}
    inside = run(shim, "/", more)[1].split()
    assert inside[:1] == ["0"] and int(inside[3]) != os.getpid()
    for program, environment, place, differs in (
        (["unshare", "--ipc", *shim], more, 3, True),
        (shim, {**more, "PYTHONOPTIMIZE": "1"}, 2, True),
        (shim, {}, 3, True),
        (
            [sys.executable, "-c", "import os, sys; os.umask(0o77); os.execv(sys.argv[1], sys.argv[1:])", *shim],
            more,
            3,
            True,
        ),
    ):
        found = run(program, "/", environment)[1].split()
        assert (found[place] != inside[place]) is differs, (program, found, inside)


def test_a_module_sees_its_callers_machine(server, tmp_path):
    """Its network, mounts, name and processes, as a node's of a bed; the next one sees its own caller's again."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "look.py").write_text(
        "import os, socket; print(sorted(os.listdir('folder')), len(open('/proc/net/dev').readlines()) - 2,"
        " socket.gethostname(), os.getpid() < 9, os.path.exists(f'/proc/{os.getpid()}'))"
    )
    shim, more = [str(warm.interpreter()), "look.py"], {warm.SOCKET: server.path}
    script = 'mount -t tmpfs none "$1/folder" && touch folder/new && hostname other && shift && "$@"'
    spaces = ["--net", "--mount", "--uts", "--pid", "--fork", "--mount-proc"]
    own = ["unshare", *spaces, "sh", "-c", script, "sh", str(tmp_path)]
    here, there = run(shim, tmp_path, more)[1], run([*own, *shim], tmp_path, more)[1]
    assert there == run([*own, sys.executable, "look.py"], tmp_path)[1] == "['new'] 1 other True True\n"
    assert here == run(shim, tmp_path, more)[1] and here.startswith("[] ") and "other True" not in here
    # Not by the real interpreter: the process that forks is in no namespace of the caller's.
    (tmp_path / "look.py").write_text("import os; print(os.getppid())")
    assert run([*own, *shim], tmp_path, more)[1] == "0\n"


def test_the_code_of_a_text_is_remembered_and_another_text_has_its_own(server, tmp_path):
    def seen(text):
        with zipfile.ZipFile(tmp_path / "code.zip", "w") as archive:
            archive.writestr("part.py", text)
        path = tmp_path / "module.py"
        path.write_text("import sys; sys.path.insert(0, 'code.zip'); import part; print(part.WHAT, part.__file__)")
        code, output, error = run([str(warm.interpreter()), str(path)], tmp_path, {warm.SOCKET: server.path})
        assert code == 0, error
        return output.split()

    assert [seen(f"WHAT = {number}")[0] for number in (1, 1, 1, 2, 1)] == ["1", "1", "1", "2", "1"]
    assert seen("WHAT = 1")[1].endswith("code.zip/part.py")


#: A module's files, each of which says when it is imported.
FILES = {
    "ansible/__init__.py": "",
    "ansible/module_utils/__init__.py": "",
    "ansible/module_utils/part.py": """
print('part')
from ansible.module_utils import other
WHAT, NONE = other.WHAT, None
""",
    "ansible/module_utils/other.py": "print('other'); WHAT = 1",
    "ansible/module_utils/unused.py": "",
}
PARTS = """\
import sys; sys.path.insert(0, 'module.zip')
import ansible.module_utils
from ansible.module_utils import part
print(part.WHAT, part.NONE, part.__file__, part.__spec__.origin, part.__loader__.archive)
print(part.other is sys.modules[part.other.__name__])
print([name for name in ('part', 'other', 'unused') if hasattr(ansible.module_utils, name)])
"""


def test_files_are_imported_once_and_are_those_of_the_modules_own_zip(server, tmp_path):
    (tmp_path / "module.py").write_text(PARTS)

    def seen(files, program=None):
        with zipfile.ZipFile(tmp_path / "module.zip", "w") as archive:
            for name, text in files.items():
                archive.writestr(name, text)
        command = [program or str(warm.interpreter()), "module.py"]
        code, output, error = run(command, tmp_path, {warm.SOCKET: server.path})
        # In any order: what a file imports may come before it.
        return code, sorted(output.splitlines()), error.splitlines()[-1:]

    def real(files):
        return seen(files, sys.executable)

    assert seen(FILES) == real(FILES) and {"part", "other"} < set(real(FILES)[1])
    # What the process that forks has imported says so no more; all else is the same.
    expected = (0, [line for line in real(FILES)[1] if line not in ("part", "other")], [])
    assert any(seen(FILES) == expected for _try in range(100))
    changed = {**FILES, "ansible/module_utils/other.py": "print('other'); WHAT = 2"}
    assert seen(changed) == real(changed), "a file of other contents, and what has imported the former"
    missing = {name: text for name, text in FILES.items() if "other" not in name}
    assert seen(missing) == real(missing) and "other" in real(missing)[2][0]
    without = {name: text for name, text in FILES.items() if "unused" not in name}
    assert seen(without) == expected


def test_a_module_ends_with_its_interpreter(server, tmp_path):
    path = tmp_path / "module.py"
    path.write_text(
        "import subprocess, os; subprocess.Popen(['sleep', '600']); print(os.getpid(), flush=True); input()"
    )
    env = {"PATH": os.environ["PATH"], **LANGUAGE, warm.SOCKET: server.path}
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([str(warm.interpreter()), str(path)], env=env, **streams) as process:
        group = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        deadline = time.monotonic() + 60
        while True:
            try:
                os.killpg(group, 0)
            except ProcessLookupError:
                break
            assert time.monotonic() < deadline
            time.sleep(0.01)
