# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads files of the local machine. No other file of the compiler opens files."""

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

# One byte more than the YAML reader's maximum, so that the reader reports it. Configs and secrets are smaller anyway:
# Swarm accepts at most 1,024,000 bytes.
LONGEST = 10_000_001
MOST_LINKS = 40
_FOLDER = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_DIRECTORY | getattr(os, "O_PATH", os.O_RDONLY)
_FILE = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_RDONLY
#: Types of kernel filesystems, wherever they are mounted.
_KINDS = frozenset(
    (
        "proc", "sysfs", "devtmpfs", "devpts", "cgroup", "cgroup2", "debugfs", "tracefs", "securityfs", "configfs",
        "efivarfs", "pstore", "bpf", "mqueue", "binfmt_misc", "nsfs", "selinuxfs", "rpc_pipefs",
    )
)  # fmt: skip


class LocalFiles:
    """Reads regular files, at most ``LONGEST`` bytes of each. Refuses devices and pipes, which might never end."""

    def __init__(self) -> None:
        self._devices: set[int] | None = None
        self._folders: dict[str, tuple[str, ...]] = {}

    def read(self, path: str, below: str | None = None) -> bytes:
        folder = None if below is None else self._folder(below)
        with _Walk(self._kernel_devices(), folder) as walk:
            walk.to(path)
            return walk.read(path)

    def _folder(self, path: str) -> tuple[str, ...]:
        """Returns the real path of a folder; the path as written if it does not exist."""
        if path not in self._folders:
            with _Walk(self._kernel_devices(), None) as walk:
                try:
                    walk.to(path)
                    self._folders[path] = walk.real
                except (FileNotFoundError, NotADirectoryError):
                    self._folders[path] = parts_of(os.path.abspath(path))
        return self._folders[path]

    def _kernel_devices(self) -> set[int]:
        """Returns the device numbers of all mounted kernel filesystems."""
        if self._devices is None:
            root = os.stat("/").st_dev
            found = {os.stat(f"/{name}").st_dev for name in KERNEL if os.path.isdir(f"/{name}")}
            self._devices = (found | set(_kernel_mounts())) - {root}
        return self._devices


def _kernel_mounts() -> list[int]:
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


class _Walk:
    """Walks from the root to a file, one folder or link at a time, and opens exactly the file that it checked."""

    def __init__(self, devices: set[int], folder: tuple[str, ...] | None) -> None:
        self.devices = devices
        self.folder = folder
        self.names: list[str] = []
        self.handles = [os.open("/", _FOLDER)]
        self.last = ""  # the file's name in the last folder; "" for the folder itself
        self.status = os.fstat(self.handles[0])

    def __enter__(self) -> _Walk:
        return self

    def __exit__(self, *_error: object) -> None:
        for handle in self.handles:
            os.close(handle)

    @property
    def real(self) -> tuple[str, ...]:
        return (*self.names, self.last) if self.last else tuple(self.names)

    def to(self, path: str) -> None:
        """Walks to ``path``, which may be a folder.

        :raises OSError: if it does not exist. Outside of the folder always FileRefused, whether it exists or not.
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
        """Enters ``name``. Doesn't follow a link, but returns its target."""
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
