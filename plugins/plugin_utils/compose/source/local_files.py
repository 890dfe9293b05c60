# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of the local machine: the only place of the compiler that opens files."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.file_source import (
    KERNEL,
    FileRefused,
    forbidden,
    parts_of,
    refuse_kernel,
    refuse_outside,
)

# One byte more than the YAML reader takes (it then says so); also bounds configs and secrets,
# which Swarm takes only up to 1,024,000 bytes.
LONGEST = 10_000_001
MOST_LINKS = 40
_FOLDER = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_DIRECTORY | getattr(os, "O_PATH", os.O_RDONLY)
_FILE = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_RDONLY
#: Filesystems of the kernel's own, wherever they are mounted.
_KINDS = frozenset(
    (
        "proc", "sysfs", "devtmpfs", "devpts", "cgroup", "cgroup2", "debugfs", "tracefs", "securityfs", "configfs",
        "efivarfs", "pstore", "bpf", "mqueue", "binfmt_misc", "nsfs", "selinuxfs", "rpc_pipefs",
    )
)  # fmt: skip


class LocalFiles:
    """Reads regular files, at most ``LONGEST`` bytes of each. A device or pipe, which might never end, is refused."""

    def __init__(self) -> None:
        self._devices: set[int] | None = None
        self._folders: dict[str, tuple[str, ...]] = {}

    def read(self, path: str, below: str | None = None) -> bytes:
        folder = None if below is None else self._folder(below)
        with _Way(self._kernel_devices(), folder) as way:
            way.go(path)
            return way.read(path)

    def _folder(self, path: str) -> tuple[str, ...]:
        """The real path of a folder; one that is not there stays as it is written."""
        if path not in self._folders:
            with _Way(self._kernel_devices(), None) as way:
                try:
                    way.go(path)
                    self._folders[path] = way.real
                except (FileNotFoundError, NotADirectoryError):
                    self._folders[path] = parts_of(os.path.abspath(path))
        return self._folders[path]

    def _kernel_devices(self) -> set[int]:
        """The device numbers of the kernel's own filesystems, however often each is mounted."""
        if self._devices is None:
            root = os.stat("/").st_dev
            found = {os.stat(f"/{name}").st_dev for name in KERNEL if os.path.isdir(f"/{name}")}
            self._devices = (found | set(_mounted())) - {root}
        return self._devices


def _mounted() -> list[int]:
    try:
        lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # not Linux
        return []
    found = []
    for line in lines:
        about, _dash, kind = line.partition(" - ")
        if kind.split(" ", 1)[0] in _KINDS:
            major, _colon, minor = about.split(" ")[2].partition(":")
            found.append(os.makedev(int(major), int(minor)))
    return found


class _Way:
    """Goes to a file step by step from the root, link by link: what is opened is what was looked at on the way."""

    def __init__(self, devices: set[int], folder: tuple[str, ...] | None) -> None:
        self.devices = devices
        self.folder = folder
        self.names: list[str] = []
        self.handles = [os.open("/", _FOLDER)]
        self.last = ""  # the file's name in the last folder; "" for the folder itself
        self.status = os.fstat(self.handles[0])

    def __enter__(self) -> _Way:
        return self

    def __exit__(self, *_error: object) -> None:
        for handle in self.handles:
            os.close(handle)

    @property
    def real(self) -> tuple[str, ...]:
        return (*self.names, self.last) if self.last else tuple(self.names)

    def go(self, path: str) -> None:
        """Goes to ``path``; it may end at a folder.

        :raises OSError: also FileRefused, which tells nothing of what is outside: neither what is there nor what not.
        """
        waiting = list(reversed(parts_of(path if path.startswith("/") else f"{os.getcwd()}/{path}")))
        links = 0
        try:
            while waiting:
                target = self._step(waiting.pop(), bool(waiting))
                if target is None:
                    continue
                links += 1
                if links > MOST_LINKS:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
                if target.startswith("/"):
                    self._up(len(self.names))
                waiting += reversed(parts_of(target))
        except FileRefused:
            raise
        except OSError:
            refuse_outside(self.real, self.folder)
            raise
        refuse_outside(self.real, self.folder)

    def _step(self, name: str, more: bool) -> str | None:
        """One entry further; a link is not followed, but its target given back."""
        if name == "..":
            self._up(1)
            return None
        here = self.handles[-1]
        self.last = name
        refuse_kernel(self.real)
        self.status = os.stat(name, dir_fd=here, follow_symlinks=False)
        if self.status.st_dev in self.devices:
            raise forbidden()
        if stat.S_ISLNK(self.status.st_mode):
            self.last = ""
            return os.readlink(name, dir_fd=here)
        if stat.S_ISDIR(self.status.st_mode):
            handle = os.open(name, _FOLDER, dir_fd=here)
            self.handles.append(handle)
            self.names.append(name)
            self.last = ""
            self.status = os.fstat(handle)
            if self.status.st_dev in self.devices:
                raise forbidden()
        elif more:
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), name)
        return None

    def _up(self, steps: int) -> None:
        for _step in range(min(steps, len(self.names))):
            self.names.pop()
            os.close(self.handles.pop())
        self.last = ""
        self.status = os.fstat(self.handles[-1])

    def read(self, path: str) -> bytes:
        if not self.last:
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
        if not stat.S_ISREG(self.status.st_mode):
            raise OSError(errno.EINVAL, "Not a regular file", path)
        handle = os.open(self.last, _FILE, dir_fd=self.handles[-1])
        with os.fdopen(handle, "rb") as stream:
            opened = os.fstat(handle)
            if not os.path.samestat(opened, self.status):
                raise OSError(errno.ESTALE, "It was replaced while it was opened", path)
            return stream.read(LONGEST)
