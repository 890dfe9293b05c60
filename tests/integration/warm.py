"""A module's interpreter that has started already: the same process without its start and without compiling again.

On the target a module is one Python process, which imports a hundred files from its zip: a second of compiling, for the
same files in each run. ``Warm`` starts a process that forks for each module, and remembers the code of each source text
that one of them has compiled. ``PYTHON`` is the interpreter for an inventory: a program that has the module run in such
a fork if its own surroundings are those of the process that forks, and becomes the real interpreter otherwise.
See docs/decisions/0024.
"""

from __future__ import annotations

import builtins
import contextlib
import ctypes
import functools
import gc
import json
import marshal
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import CodeType, ModuleType

from imported import Imports

#: The variable that names the socket of the process that forks; without it, PYTHON is the real interpreter.
SOCKET = "STACKWRIGHT_WARM"
PYTHON = Path(__file__).resolve().parents[2] / ".cache" / "warm" / "python"
#: What a module imports of Python itself.
USUAL = """
argparse array atexit base64 binascii bisect codecs contextlib copy csv ctypes dataclasses datetime decimal
difflib email.message email.parser enum errno fcntl fnmatch functools getpass glob grp hashlib heapq hmac
http.client http.cookiejar importlib importlib.machinery importlib.util inspect ipaddress itertools json keyword
linecache locale logging logging.handlers math mimetypes netrc numbers operator pathlib pickle pkgutil platform
pwd queue random resource runpy secrets select selectors shlex shutil signal socket ssl stat string struct
subprocess syslog tempfile textwrap threading time tokenize traceback typing unicodedata urllib.error
urllib.parse urllib.request uuid weakref zipfile zipimport zlib
"""
#: The surroundings that a fork can't take over: the user, Python's own start, the view of the machine.
NAMESPACES = ("ipc", "user")
#: Namespaces that a fork has of its caller.
TAKEN = ("pid", "net", "uts", "mnt")
SHIM = """#!{python} -ISE
import os, sys

def surroundings():
    spaces = [os.readlink("/proc/self/ns/" + name) for name in {namespaces}]
    start = sorted(item for item in os.environ.items() if item[0].startswith(("PYTHON", "LC_", "LANG", "TZ")))
    mask = os.umask(0o22)
    os.umask(mask)
    return [os.geteuid(), os.getegid(), sorted(os.getgroups()), mask, spaces, start]

def warm(path):
    # Without what the modules socket and json import: half of this program's time.
    import _socket as socket, marshal
    me = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    me.connect(path)
    job = marshal.dumps([surroundings(), sys.argv[1:], os.getcwd(), dict(os.environ)])
    handles = b"".join(number.to_bytes(4, sys.byteorder) for number in range(3))
    me.sendmsg([len(job).to_bytes(8, "big")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, handles)])
    me.sendall(job)
    return me.recv(20).decode().strip()

if __name__ == "__main__":
    path, code = os.environ.get("{variable}"), ""
    if path and not (len(sys.argv) > 1 and sys.argv[1].startswith("-")):
        code = warm(path)
    if not code or code == "other":
        os.execv("{python}", ["{python}", *sys.argv[1:]])
    if int(code) < 0:
        os.kill(os.getpid(), -int(code))
    os._exit(int(code))
"""


@functools.cache
def interpreter() -> Path:
    """PYTHON, which is made if need be."""
    PYTHON.parent.mkdir(parents=True, exist_ok=True)
    own = PYTHON.with_name(f"python-{os.getpid()}")
    own.write_text(shim())
    own.chmod(0o755)
    own.replace(PYTHON)
    return PYTHON


def shim() -> str:
    return SHIM.format(python=sys.executable, namespaces=NAMESPACES, variable=SOCKET)


class Warm:
    """The process that forks; it ends with this one, or when it is closed."""

    def __init__(self, env: dict[str, str]) -> None:
        self.folder = tempfile.mkdtemp(prefix="stackwright-warm-")
        self.path = os.path.join(self.folder, "socket")
        self._end, theirs = socket.socketpair()
        with theirs, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
            listener.bind(self.path)
            listener.listen(64)
            handles = [listener.fileno(), theirs.fileno()]
            subprocess.Popen(
                [sys.executable, os.path.abspath(__file__), *map(str, handles), self.folder],
                cwd="/",
                env=env,
                stdin=subprocess.DEVNULL,
                pass_fds=handles,
                start_new_session=True,
            )


# -- the process that forks


def receive(sender: socket.socket, handles: int, loads: Callable[[bytes], object] = json.loads) -> tuple | None:
    """A job (after its length) and the handles that come with it; None if the sender has ended."""
    head, fds, _flags, _address = socket.recv_fds(sender, 8, handles)
    data, part = b"", head
    while part and len(data) < int.from_bytes(head, "big"):
        part = sender.recv(int.from_bytes(head, "big") - len(data))
        data += part
    if part:
        return loads(data), fds
    for fd in fds:
        os.close(fd)
    return None


class Codes:
    """``compile`` with a memory: the code of a source text that a forked process has compiled before.

    With ``named``, of the same file only: its name stands in tracebacks.
    """

    def __init__(self, named: bool = False) -> None:
        self.named = named
        self.known: dict[bytes, CodeType] = {}
        self.learn, self.tell = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.learn.setblocking(False)
        self.tell.setblocking(False)
        self.tell.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 21)
        self.imports: Imports | None = None
        self.real = builtins.compile
        builtins.compile = self.compile

    def compile(self, source, filename, mode, flags=0, dont_inherit=False, optimize=-1, **more):
        if mode != "exec" or flags or not dont_inherit or more or not isinstance(source, bytes):
            if not dont_inherit:  # the flags of the caller, as the real one sees them
                flags |= sys._getframe(1).f_code.co_flags & 0x1FF0000
            return self.real(source, filename, mode, flags, True, optimize, **more)
        name = os.fsencode(filename) if self.named else b"<a module's file>"
        text = name + b"\0" + source
        if text not in self.known:
            with contextlib.suppress(OSError):
                self.tell.send(text)
            return self.real(source, filename, mode, dont_inherit=True, optimize=optimize)
        return self.known[text]

    def add(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                text = self.learn.recv(1 << 21)
                name, _zero, source = text.partition(b"\0")
                if not name:
                    self.imports.add(source)
                elif text not in self.known:
                    self.known[text] = self.real(source, os.fsdecode(name), "exec", dont_inherit=True)

    def close_others(self, first: int, last: int) -> None:
        """Closes all handles from ``first`` on, but the one by which new texts are told."""
        os.closerange(first, self.tell.fileno())
        os.closerange(max(first, self.tell.fileno() + 1), last)


def serve(listener: socket.socket, control: socket.socket, codes: Codes, own: list) -> list | None:
    """Forks for every module that comes; gives its job back in the fork, None at the end."""
    runs: dict[int, socket.socket] = {}
    dropped: set[int] = set()
    processes = os.open("/proc/self/ns/pid", os.O_RDONLY)
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing)
    signal.signal(signal.SIGCHLD, lambda *_what: None)
    while True:
        ready = select.select([listener, control, codes.learn, reading, *runs.values()], [], [])[0]
        for pid in [pid for pid, caller in runs.items() if caller in ready]:
            # Its interpreter was killed, so the module is: with what it has started, as at the end of a session.
            runs.pop(pid).close()
            dropped.add(pid)
            with contextlib.suppress(OSError):
                os.killpg(pid, signal.SIGKILL)
        if reading in ready:
            os.read(reading, 4096)
            for pid in [*runs, *dropped]:
                found, status = os.waitpid(pid, os.WNOHANG)
                if found and pid in dropped:
                    dropped.discard(pid)
                elif found:
                    with contextlib.suppress(OSError), runs.pop(pid) as told:
                        told.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))
        if codes.learn in ready:
            codes.add()
        if control in ready:
            return None
        if listener not in ready:
            continue
        caller, _address = listener.accept()
        received = receive(caller, 3, marshal.loads)
        if received is None:
            caller.close()
            continue
        job, fds = received
        if job[0] != own:
            caller.sendall(b"other\n")
            caller.close()
        else:
            peer = caller.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
            pid = -1
            with contextlib.suppress(OSError):  # the caller has just ended, or all that it sees of the machine
                folder = f"/proc/{struct.unpack('3i', peer)[0]}/ns"
                spaces = [os.open(f"{folder}/{name}", os.O_RDONLY) for name in TAKEN]
                fds = [*fds, *spaces]
                pid = fork(spaces[0], processes)
            if not pid:
                os.setpgid(0, 0)
                for space in spaces[1:]:
                    setns(space)
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for number, fd in enumerate(fds[:3]):
                    os.dup2(fd, number)
                codes.close_others(3, 1024)
                return job
            if pid < 0:
                caller.close()
            else:
                with contextlib.suppress(OSError):  # it has done so itself, or has ended
                    os.setpgid(pid, pid)
                runs[pid] = caller
        for fd in fds:
            os.close(fd)


def fork(processes: int, own: int) -> int:
    """A fork that is one of the processes of another namespace, ``processes``; ``own`` is that of this process."""
    pid = -1
    try:
        setns(processes)
        pid = os.fork()
    finally:
        if pid:
            setns(own)
    return pid


def setns(namespace: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(namespace, 0):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def become(argv: list[str], folder: str, env: dict[str, str]) -> None:
    """Runs a module's program, from its file or from stdin, as a Python that has just started."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(env)
    tempfile.tempdir, encoding = None, sys.stdout.encoding
    sys.stdin, sys.stdout, sys.stderr = (
        open(number, mode, closefd=False, encoding=encoding, errors=errors)  # noqa: SIM115
        for number, mode, errors in ((0, "r", None), (1, "w", None), (2, "w", "backslashreplace"))
    )
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr
    main = ModuleType("__main__")
    sys.modules["__main__"] = main
    if argv:
        sys.argv, sys.path[0] = argv, os.path.dirname(os.path.abspath(argv[0]))
        source: str | bytes = Path(argv[0]).read_bytes()
    else:
        sys.argv, sys.path[0] = [""], ""
        source = sys.stdin.read()
    main.__dict__["__file__"] = argv[0] if argv else "<stdin>"
    exec(builtins.compile(source, main.__dict__["__file__"], "exec", 0, True), main.__dict__)


def preload() -> None:
    """What Python has of its own. Nothing of Ansible: a module has its own, in its zip."""
    for name in USUAL.split():
        with contextlib.suppress(ImportError):
            __import__(name)


def main() -> None:
    listener, control = (socket.socket(fileno=int(number)) for number in sys.argv[1:3])
    folder = sys.argv[3]
    preload()
    codes = Codes()
    codes.imports = Imports(folder, lambda told: codes.tell.send(b"\0" + told))
    surroundings: dict = {"__name__": "shim"}
    exec(shim(), surroundings)
    gc.collect()
    gc.freeze()
    job = serve(listener, control, codes, surroundings["surroundings"]())
    if job is None:
        shutil.rmtree(folder)
        return
    become(*job[1:])


if __name__ == "__main__":
    main()
