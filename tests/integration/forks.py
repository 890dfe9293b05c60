"""ansible-playbook in a fork of a process that has imported it: the same run without a second of imports.

``Fork`` is a run. As a program this file is the process that forks, started by the first run (see docs/decisions/0024).
What Ansible reads from its environment while it is imported can't be told to a fork: each such environment has a
process of its own that forks, once it is used often. Everything else (settings, temporary folder, streams, working
directory, signals) is made anew in the fork, before ansible-playbook's own ``main``.
"""

from __future__ import annotations

import array
import ast
import atexit
import contextlib
import ctypes
import gc
import importlib
import json
import logging
import marshal
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from warm import SOCKET, Codes, Warm, receive

#: Settings that differ from run to run; a fork reads them again.
READ_AGAIN = {
    "ANSIBLE_CACHE_PLUGIN_CONNECTION",
    "ANSIBLE_CALLBACKS_ENABLED",
    "ANSIBLE_CALLBACK_RESULT_FORMAT",
    "ANSIBLE_FORKS",
    "ANSIBLE_HOME",
    "ANSIBLE_INVENTORY_UNPARSED_FAILED",
    "ANSIBLE_KEEP_REMOTE_FILES",
    "ANSIBLE_LOCAL_TEMP",
    "ANSIBLE_PIPELINING",
    "ANSIBLE_REMOTE_TEMP",
    "ANSIBLE_REMOTE_TMP",
    "ANSIBLE_SHOW_TASK_PATH_ON_FAILURE",
    "ANSIBLE_VAULT_IDENTITY_LIST",
    "ANSIBLE_VAULT_PASSWORD_FILE",
}
#: Plugins of Ansible that each run loads.
PLUGINS = ("become/*", "cache/memory", "callback/*", "connection/*", "inventory/*", "shell/*", "vars/*")
#: From so many runs on, the start of a process that forks costs less than it saves.
OFTEN = 3
#: ansible-playbook for a program that starts it by its name: hands all that it has to ``command``.
COMMAND = """#!{python} -ISE
import _socket as socket, marshal, os, sys

me = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
me.connect({path!r})
job = marshal.dumps([sys.argv, os.getcwd(), dict(os.environ)])
handles = b"".join(number.to_bytes(4, sys.byteorder) for number in (1, 2))
me.sendmsg([len(job).to_bytes(8, "big")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, handles)])
me.sendall(job)
code = int(me.recv(20))
if code < 0:
    os.kill(os.getpid(), -code)
os._exit(code)
"""
_lock = threading.Lock()
_servers: dict[tuple, tuple[socket.socket, Warm]] = {}
_used: Counter[tuple] = Counter()


def can_run(argv: list[str], environment: dict[str, str], usual: dict[str, str]) -> bool:
    """Whether it is ansible-playbook itself, in the usual environment, but for what is read again, or in one that is
    used often."""
    if os.path.basename(argv[0]) != "ansible-playbook" or os.environ.get("STACKWRIGHT_FORKS") == "0":
        return False
    start = at_start(environment)
    _used[start] += 1
    return start == at_start(usual) or _used[start] >= OFTEN


def at_start(environment: dict[str, str]) -> tuple:
    """What Python and Ansible read of an environment while they are imported."""
    prefixes = ("ANSIBLE_", "PYTHON", "LC_", "LANG")
    return tuple(
        sorted(item for item in environment.items() if item[0].startswith(prefixes) and item[0] not in READ_AGAIN)
    )


class Fork:
    """A run in a session of its own; as far as it goes like subprocess.Popen."""

    def __init__(
        self, argv: list[str], cwd: object, env: dict[str, str], stdout: int, stderr: int, mounts: dict | None = None
    ) -> None:
        self.argv, self.returncode = argv, None
        self._end, theirs = socket.socketpair()
        with open(os.devnull, "rb") as nothing, theirs:
            binds = {target: str(source) for target, source in (mounts or {}).items()}
            fds = array.array("i", [nothing.fileno(), stdout, stderr, theirs.fileno()])
            with _lock:
                server, modules = _server(env)
                env = {**env, SOCKET: modules.path}
                job = json.dumps({"argv": argv, "cwd": str(cwd), "env": env, "mounts": binds}).encode()
                server.sendmsg([len(job).to_bytes(8, "big")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
                server.sendall(job)
        self._reader = self._end.makefile("rb", buffering=0)  # no byte of the exit code
        self.pid = int(self._reader.readline())

    def poll(self) -> int | None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0.001)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, negative for a signal; raises subprocess.TimeoutExpired."""
        if self.returncode is None:
            self._end.settimeout(timeout)
            try:
                line = self._end.recv(100)
            except TimeoutError:
                raise subprocess.TimeoutExpired(self.argv, timeout) from None
            if not line:
                raise RuntimeError("the process that forks ansible-playbook has ended")
            self.returncode = int(line)
            self._reader.close()
            self._end.close()
        return self.returncode


def run(
    argv: list[str], cwd: object, env: dict[str, str], timeout: float, mounts: dict | None = None
) -> subprocess.CompletedProcess:
    """As subprocess.run with ``capture_output`` and ``text``. ``mounts``: target -> source, for this run alone."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        fork = Fork(argv, cwd, env, output.fileno(), errors.fileno(), mounts)
        try:
            code = fork.wait(timeout)
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(fork.pid, signal.SIGKILL)
            raise
        texts = [(stream.seek(0), stream.read().decode(errors="replace"))[1] for stream in (output, errors)]
    return subprocess.CompletedProcess(argv, code, *texts)


@contextlib.contextmanager
def command() -> Iterator[str]:
    """A folder for PATH: its ansible-playbook is a fork, one after the other; with STACKWRIGHT_FORKS=0 the real one."""
    if os.environ.get("STACKWRIGHT_FORKS") == "0":
        yield os.path.dirname(sys.executable)
        return
    with tempfile.TemporaryDirectory(prefix="stackwright-forks-") as folder, socket.socket(socket.AF_UNIX) as listener:
        program, path = Path(folder, "ansible-playbook"), os.path.join(folder, "socket")
        program.write_text(COMMAND.format(python=sys.executable, path=path))
        program.chmod(0o700)
        listener.bind(path)
        listener.listen()

        def serve_callers() -> None:
            with contextlib.suppress(OSError):
                while True:
                    caller, _address = listener.accept()
                    with caller:
                        (argv, cwd, env), fds = receive(caller, 2, marshal.loads)
                        fork = Fork(argv, cwd, env, *fds)
                        for fd in fds:
                            os.close(fd)
                        caller.sendall(b"%d" % fork.wait())

        threading.Thread(target=serve_callers, daemon=True).start()
        try:
            yield folder
        finally:
            listener.shutdown(socket.SHUT_RDWR)


def _server(env: dict[str, str]) -> tuple[socket.socket, Warm]:
    """The socket of the process that forks, and what its modules start in; both end when their sockets are closed."""
    start = at_start(env)
    if start not in _servers:
        for unusual in list(_servers)[1:]:
            _servers.pop(unusual)[0].close()
        mine, theirs = socket.socketpair()
        home = tempfile.mkdtemp(prefix="stackwright-forks-")
        with theirs:
            subprocess.Popen(
                [sys.executable, os.path.abspath(__file__), str(theirs.fileno()), home],
                cwd=home,
                env={key: value for key, value in env.items() if key not in READ_AGAIN} | {"ANSIBLE_HOME": home},
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        own = {key: value for key, value in env.items() if not key.startswith("ANSIBLE_")}
        _servers[start] = mine, Warm(own)
    return _servers[start]


# -- the process that forks


def serve(control: socket.socket, modules: str, codes: Codes) -> dict | None:
    """Forks for every job that comes; gives the job back in the fork, None at the end."""
    runs: dict[int, socket.socket] = {}

    def reap(*_signal: object) -> None:
        for pid in list(runs):
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                with contextlib.suppress(OSError), runs.pop(pid) as told:
                    told.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))

    signal.signal(signal.SIGCHLD, reap)
    while True:
        received = receive(control, 4)
        if received is None:
            return None
        job, fds = received
        codes.add()
        told = socket.socket(fileno=fds[3])
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
        pid = os.fork()
        if not pid:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
            become(job, fds[:3], modules, codes)
            return job
        for fd in fds[:3]:
            os.close(fd)
        runs[pid] = told
        told.sendall(b"%d\n" % pid)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])


def become(job: dict, fds: list[int], modules: str, codes: Codes) -> None:
    """What a process that has just been started has of its own, and what Ansible has read while it was imported."""
    os.setsid()
    for number, fd in enumerate(fds):
        os.dup2(fd, number)
    for handler in logging.getLogger().handlers:  # a log opens its file again
        handler.close()
    codes.close_others(3, 256)
    if job["mounts"]:
        mount(job["mounts"])
    os.chdir(job["cwd"])
    os.environ.clear()
    os.environ.update(job["env"])
    sys.argv = job["argv"]
    for stream, number in ((sys.stdout, 1), (sys.stderr, 2)):
        stream.reconfigure(line_buffering=os.isatty(number) or number == 2)
    tempfile.tempdir = None

    from ansible import constants
    from ansible.config import manager

    atexit.unregister(manager.cleanup_tmp_file)  # of the temporary folder that is not ours
    for name in constants.config.get_configuration_definitions():
        constants.set_constant(name, constants.config.get_config_value(name, variables=vars(constants)))
    # Ansible looks for results a thousand times a second: in a minute of waiting, two seconds of CPU.
    constants.DEFAULT_INTERNAL_POLL_INTERVAL = 0.005
    # A module's zip is the same for every run: made by the first one that needs it.
    os.symlink(modules, os.path.join(constants.DEFAULT_LOCAL_TMP, "ansiballz_cache"))


def mount(binds: dict[str, str]) -> None:
    """Mounts that only this process and its children see (unshare(2), mount(2))."""
    libc = ctypes.CDLL(None, use_errno=True)
    new_namespace, bind, recursive_private = 0x20000, 0x1000, 0x44000

    def check(failed: int) -> None:
        if failed:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

    check(libc.unshare(new_namespace))
    check(libc.mount(b"none", b"/", None, recursive_private, None))
    for target, source in binds.items():
        check(libc.mount(source.encode(), target.encode(), None, bind, None))


def preload() -> None:
    """All that a run imports and reads anyway and that keeps nothing of the environment."""
    import ansible.cli.playbook
    import ansible.executor.playbook_executor
    import ansible.plugins.strategy.linear  # noqa: F401
    import yaml
    from ansible._internal._datatag._tags import Origin, TrustedAsTemplate
    from ansible.parsing.yaml.loader import AnsibleLoader
    from ansible.plugins import loader
    from ansible.utils import plugin_docs
    from ansible.utils.collection_loader import _collection_finder as finder

    package = Path(finder.__file__).parents[2]
    # Redirections, and the options of Ansible's plugins: half of what a short run computes before its tasks.
    redirections = (package / "config" / "ansible_builtin_runtime.yml", Path(__file__).parents[2] / "meta/runtime.yml")
    texts = [path.read_bytes() for path in redirections]
    real = finder._meta_yml_to_dict
    finder._meta_yml_to_dict = Ready(real, {text: real(text, None) for text in texts})
    known = {}
    for path in (path for kind in PLUGINS for path in (package / "plugins").glob(f"{kind}.py")):
        for node in ast.parse(path.read_bytes()).body:
            if isinstance(node, ast.Assign) and [getattr(one, "id", "") for one in node.targets] == ["DOCUMENTATION"]:
                for text in (node.value.value, *fragments(node.value.value)):
                    tagged = Origin(path=str(path)).tag(TrustedAsTemplate().tag(text))
                    known[str(path), tagged] = yaml.load(tagged, Loader=AnsibleLoader)
            elif isinstance(node, ast.Import):
                for name in [one.name for one in node.names if one.name in sys.stdlib_module_names]:
                    importlib.import_module(name)
    ready = Ready(yaml.load, known, lambda text: (getattr(Origin.get_tag(text), "path", ""), text))
    loader.yaml = plugin_docs.yaml = SimpleNamespace(load=ready)
    preload_collection(loader)


def fragments(documentation: str) -> list[str]:
    """The texts of Ansible's own that a plugin's documentation extends."""
    import yaml

    names = yaml.safe_load(documentation).get("extends_documentation_fragment", [])
    found = []
    for name in names.split(",") if isinstance(names, str) else names:
        module, _dot, text = name.strip().partition(".")
        plugin = importlib.import_module(f"ansible.plugins.doc_fragments.{module}").ModuleDocFragment
        found.append(getattr(plugin, text.upper() or "DOCUMENTATION"))
    return found


def preload_collection(loader: ModuleType) -> None:
    """All that our action plugins import; each plugin itself is loaded by the run that uses it."""
    loader._configure_collection_loader()
    loader._configure_collection_loader = lambda *_given: None
    with contextlib.suppress(ImportError):  # the collection is not in the paths of these runs
        for path in sorted((Path(__file__).parents[2] / "plugins" / "action").glob("*.py")):
            name = f"ansible_collections.stackwright.swarm.plugins.action.{path.stem}"
            importlib.import_module(name)
            delattr(sys.modules[name.rpartition(".")[0]], path.stem)
            del sys.modules[name]


class Ready:
    """A function, some of whose results are there before it is called. Each is handed out once: it may be changed."""

    def __init__(self, real: Callable, known: dict, key: Callable = lambda first: first) -> None:
        self.real, self.known, self.key = real, known, key

    def __call__(self, first: object, *more: object, **named: object) -> object:
        found = self.known.pop(self.key(first), None)
        return self.real(first, *more, **named) if found is None else found


def main() -> None:
    control = socket.socket(fileno=int(sys.argv[1]))
    preload()
    # Ansible's loader of collections compiles each file of ours anew in each process that imports it.
    codes = Codes(named=True)
    assert threading.active_count() == 1
    gc.collect()
    gc.freeze()
    home = sys.argv[2]
    modules = os.path.join(home, "modules")
    os.mkdir(modules)
    job = serve(control, modules, codes)
    if job is None:
        shutil.rmtree(home)
        return
    from ansible.cli.playbook import main as ansible_playbook

    ansible_playbook(job["argv"])


if __name__ == "__main__":
    main()
