"""One node of a bed: an Engine with its own network, mounts, host name and processes."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from . import cgroups, engine_api, processes
from .commands import run, wait_for
from .network import INSECURE, Network
from .paths import BedError, text

SCRIPT = Path(__file__).with_name("node.sh")
ENGINE_SCRIPT = SCRIPT.with_name("engine.sh")
START_SECONDS = 240
#: dockerd ends if its containerd does not answer within 15 s, as on a busy machine: this many more tries.
SLOW, START_TRIES = "timeout waiting for containerd to start", 3


@dataclass
class Node:
    """A node. When the process ``keeper`` (unshare) ends, the kernel ends the whole node. ``first`` is its pid 1.

    ``folder`` has the lasting files (the Engine's data, its log), ``run_folder`` the socket.
    """

    name: str
    role: str
    address: str
    folder: Path
    run_folder: Path
    programs: Path
    network: Network
    keeper: dict = field(default_factory=dict)
    first: dict = field(default_factory=dict)

    @property
    def socket(self) -> Path:
        return self.run_folder / f"{self.name}.sock"

    @property
    def docker_host(self) -> str:
        """The value for DOCKER_HOST."""
        return f"unix://{self.socket}"

    @property
    def log(self) -> Path:
        return self.folder / "dockerd.log"

    @property
    def pid(self) -> int:
        """The host's pid of the node's first process; 0 if the node is down."""
        return int(self.first["pid"]) if processes.is_alive(self.first) else 0

    @property
    def is_up(self) -> bool:
        return bool(self.pid) and engine_api.answers(self.socket)

    def start(self) -> None:
        """Starts the node's Engine with its existing data, and does not wait for it."""
        if processes.is_alive(self.keeper):
            return
        shutil.rmtree(self.folder / "exec", ignore_errors=True)
        for path in (self.socket, self.folder / "pid", self.folder / "stopped"):
            path.unlink(missing_ok=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "daemon.json").write_text(json.dumps(self._settings(), indent=2))
        (self.folder / "resolv.conf").write_text(
            f"nameserver {self.network.address(1)}\noptions attempts:1 timeout:1\n"
        )
        namespace = ["nsenter", f"--net={self.network.namespace_path(self.name)}"]
        unshare = ["unshare", "--mount", "--uts", "--pid", "--fork", "--kill-child=SIGKILL"]
        inside = ["sh", str(SCRIPT), self.name, *(str(self.folder / part) for part in ("daemon.json", "resolv.conf"))]
        self.keeper = processes.start([*namespace, *unshare, *inside, str(self.programs)], self.log)

    def wait_until_up(self, seconds: float = START_SECONDS) -> None:
        """Waits until the Engine answers.

        Raises BedError with the end of its log if it ends, or does not answer in time.
        """

        tries = iter(range(START_TRIES))

        def answers() -> bool:
            if not processes.is_alive(self.keeper):
                if SLOW in self.log_tail() and next(tries, None) is not None:
                    self.start()
                    return False
                raise BedError(
                    f"the engine of node {self.name} ended; its log {self.log} ends with:\n{self.log_tail()}"
                )
            return engine_api.answers(self.socket)

        wait_for(f"the engine of node {self.name} (log: {self.log})", answers, seconds)
        self.first = processes.record(next(iter(processes.children(int(self.keeper["pid"]))), 0))

    def kill(self) -> None:
        """Ends all processes of the node at once, like a power failure. Its data and its network stay."""
        processes.end(self.keeper)
        if self.first:
            wait_for(f"node {self.name} to end", lambda: not processes.is_alive(self.first), 120, 0.01)
        cgroups.remove(self.cgroup)

    def engine_command(self, what: str) -> str:
        """Returns the node's command line that stops or starts its Engine while the node itself keeps running."""
        return shlex.join(["sh", str(ENGINE_SCRIPT), what, str(self.folder)])

    @property
    def cgroup(self) -> str:
        return f"{self.network.bridge}/{self.name}"

    def partition(self) -> None:
        """Cuts the node off from the others; it keeps running."""
        self.network.set_link(self.name, "down")

    def heal(self) -> None:
        self.network.set_link(self.name, "up")

    def inside(self, argv: Sequence[str]) -> list[str]:
        """Returns the command line that runs ``argv`` on the node."""
        if not self.pid:
            raise BedError(f"node {self.name} is down")
        path = f"PATH={self.programs}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        enter = ["nsenter", f"--target={self.pid}", "--mount", "--uts", "--net", "--pid", "--root", "--wd"]
        return [*enter, "env", path, f"DOCKER_HOST={self.docker_host}", *argv]

    def run(self, argv: Sequence[str], check: bool = True, timeout: float | None = 300) -> subprocess.CompletedProcess:
        """Runs a command on the node, with its DOCKER_HOST and its Engine's programs in PATH."""
        return run(self.inside(argv), check=check, timeout=timeout)

    def cli(self, argv: Sequence[str], check: bool = True, timeout: float | None = 300) -> subprocess.CompletedProcess:
        """Runs docker's CLI of the Engine's version from the host; ``argv[0]`` is "docker"."""
        if argv[0] != "docker":
            raise BedError(f"not a docker command: {' '.join(argv)}")
        return run([str(self.programs / "docker"), "-H", self.docker_host, *argv[1:]], check=check, timeout=timeout)

    def api(self, method: str, url: str, body: object = None, timeout: float = 60) -> object:
        """Makes one call of the Engine API (``url`` without a version: the Engine's newest)."""
        return engine_api.call(self.socket, method, url, body, timeout)

    def log_tail(self, lines: int = 15) -> str:
        return "\n".join(text(self.log).splitlines()[-lines:])

    def _settings(self) -> dict[str, object]:
        return {
            "hosts": [self.docker_host],
            "data-root": str(self.folder / "data"),
            "exec-root": str(self.folder / "exec"),
            "pidfile": str(self.folder / "pid"),
            "cgroup-parent": f"/{self.cgroup}",
            "exec-opts": ["native.cgroupdriver=cgroupfs"],
            "insecure-registries": [INSECURE],
            "log-level": "info",
        }
