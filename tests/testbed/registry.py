"""Debian's docker-registry, serving a store of images in a network namespace of the bed."""

from __future__ import annotations

import ctypes
import ctypes.util
import http.client
import json
import tempfile
from pathlib import Path

from . import processes
from .commands import wait_for
from .network import Network
from .packages import Release, unpack
from .paths import ENGINES, BedError, locked
from .store import Store

MEMBER = "reg"
NUMBER = 2
#: name -> port; "auth" requires the user and password below.
PORTS = {"open": 5000, "auth": 5001}
USER = "bed"
PASSWORD = "bed-password"
#: bcrypt, the only kind that the registry accepts; cost 4 is the lowest.
SALT = b"$2b$04$abcdefghijklmnopqrstuu"


class Registry:
    """A registry of a bed. ``address`` is HOST:PORT, with which image names begin."""

    def __init__(self, name: str, network: Network, folder: Path, process: dict | None = None) -> None:
        self.name = name
        self.network = network
        self.folder = folder / f"registry-{name}"
        self.process = process or {}
        self.store = Store(self.folder / "store")
        self.host = network.address(NUMBER)
        self.port = PORTS[name]
        self.address = f"{self.host}:{self.port}"
        self.user, self.password = (USER, PASSWORD) if name == "auth" else ("", "")

    @property
    def is_up(self) -> bool:
        return processes.is_alive(self.process) and self._answers()

    def start(self) -> None:
        """Starts it in the network namespace of the registries, and does not wait for it."""
        if processes.is_alive(self.process):
            return
        self.store.top.mkdir(parents=True, exist_ok=True)
        config = self.folder / "config.json"
        config.write_text(json.dumps(self._settings(), indent=2))
        enter = ["nsenter", f"--net={self.network.namespace_path(MEMBER)}"]
        self.process = processes.start(
            [*enter, str(program()), "serve", str(config)], self.folder / "log", env={"OTEL_TRACES_EXPORTER": "none"}
        )

    def wait_until_up(self) -> None:
        wait_for(f"the registry at {self.address} (log: {self.folder / 'log'})", self._answers, 120, 0.02)

    def stop(self) -> None:
        processes.end(self.process)

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=2)
        try:
            connection.request("GET", "/v2/")
            return connection.getresponse().status in (200, 401)
        except OSError:
            return False
        finally:
            connection.close()

    def _settings(self) -> dict[str, object]:
        settings: dict[str, object] = {
            "version": 0.1,
            "log": {"level": "warn"},
            "storage": {"filesystem": {"rootdirectory": str(self.store.folder)}, "delete": {"enabled": True}},
            "http": {"addr": self.address, "secret": "of no importance"},
        }
        if self.user:
            secrets = self.folder / "htpasswd"
            secrets.write_text(f"{self.user}:{_bcrypt(self.password)}\n")
            settings["auth"] = {"htpasswd": {"realm": "bed", "path": str(secrets)}}
        return settings


def program() -> Path:
    """Returns the path of the registry's program, fetched if absent."""
    target = ENGINES / "docker-registry"
    with locked(ENGINES / "docker-registry.lock"):
        if not target.exists():
            with tempfile.TemporaryDirectory(dir=ENGINES) as scratch:
                unpack(Release("bookworm").download(["docker-registry"]), Path(scratch))
                (Path(scratch) / "usr/bin/docker-registry").rename(target)
    return target


def _bcrypt(password: str) -> str:
    """Hashes with the system's crypt(3): Python 3.13 no longer has a module for it."""
    library = ctypes.CDLL(ctypes.util.find_library("crypt") or "libcrypt.so.1")
    library.crypt.restype = ctypes.c_char_p
    hashed = library.crypt(password.encode(), SALT)
    if not hashed or not hashed.startswith(b"$2b$"):
        raise BedError("this system's crypt(3) does not support bcrypt")
    return hashed.decode()
