# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where files come from: the reader protocol, and files held in memory."""

from __future__ import annotations

import errno
import posixpath
from collections.abc import Mapping
from typing import Protocol


class FileReader(Protocol):
    """Reads whole files by path.

    ``read`` raises FileNotFoundError, IsADirectoryError, PermissionError or another OSError.
    """

    def read(self, path: str) -> bytes: ...


class MemoryFiles:
    """Files that are given as text or bytes by path; a path that others lie under is a directory."""

    def __init__(self, files: Mapping[str, str | bytes]) -> None:
        self.files = {posixpath.normpath(path): data for path, data in files.items()}

    def read(self, path: str) -> bytes:
        path = posixpath.normpath(path)
        if path in self.files:
            data = self.files[path]
            return data.encode("utf-8") if isinstance(data, str) else data
        if path == "." or any(other.startswith(path + "/") for other in self.files):
            raise IsADirectoryError(errno.EISDIR, "Is a directory", path)
        raise FileNotFoundError(errno.ENOENT, "No such file or directory", path)
