# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Readers of files: their protocol, the files that every reader refuses, and files in memory."""

from __future__ import annotations

import errno
import posixpath
from collections.abc import Mapping
from typing import Protocol

#: Kernel filesystems: their files reveal data of the machine and of this process, such as its environment.
KERNEL = ("proc", "sys", "dev")


class FileRefused(OSError):
    """A reader refuses a file, whether it exists or not. ``code`` is ``file_forbidden`` or ``file_outside``."""

    def __init__(self, why: str, hint: str, code: str) -> None:
        super().__init__(errno.EPERM, why)
        self.hint = hint
        self.code = code


class FileReader(Protocol):
    """Reads whole files by path."""

    def read(self, path: str, below: str | None = None) -> bytes:
        """Returns the bytes of ``path``.

        Raises FileNotFoundError, IsADirectoryError, PermissionError or another OSError. Raises FileRefused for kernel
        files and, if ``below`` is given, for files whose real path (after links) is outside of that folder.
        """


def parts_of(path: str) -> tuple[str, ...]:
    return tuple(part for part in path.split("/") if part not in ("", "."))


def refuse_kernel(parts: tuple[str, ...]) -> None:
    """Raises FileRefused if an absolute path is in a kernel filesystem."""
    if parts[:1] and parts[0] in KERNEL:
        raise forbidden()


def refuse_outside(parts: tuple[str, ...], folder: tuple[str, ...] | None) -> None:
    """Raises FileRefused if a real path is not below the real ``folder`` (None: no limit)."""
    if folder is not None and parts[: len(folder)] != folder:
        why = "is outside of the project folder, and 'confine' is 'project'"
        raise FileRefused(why, "move the file into the folder, or set a wider project_directory", "file_outside")


def forbidden() -> FileRefused:
    why = "is a kernel file (/proc, /sys, /dev), which is never read"
    return FileRefused(why, "use a file of the project", "file_forbidden")


class MemoryFiles:
    """Files in memory, as text or bytes by path; a path with other files below it is a directory."""

    def __init__(self, files: Mapping[str, str | bytes]) -> None:
        self.files = {posixpath.normpath(path): data for path, data in files.items()}

    def read(self, path: str, below: str | None = None) -> bytes:
        path = posixpath.normpath(path)
        if path.startswith("/"):
            refuse_kernel(parts_of(path))
        refuse_outside(parts_of(path), None if below is None else parts_of(posixpath.normpath(below)))
        if path in self.files:
            data = self.files[path]
            return data.encode("utf-8") if isinstance(data, str) else data
        if path == "." or any(other.startswith(path + "/") for other in self.files):
            raise IsADirectoryError(errno.EISDIR, "Is a directory", path)
        raise FileNotFoundError(errno.ENOENT, "No such file or directory", path)
