# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the files that a project refers to; a file that can't be read is a problem at the place that names it."""

from __future__ import annotations

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.file_source import (
    FileReader,
    FileRefused,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.posix_paths import is_remote
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.report import Place


class CachedFiles:
    """Reads each path once through another reader; ``below`` is the folder that must contain all paths."""

    def __init__(self, reader: FileReader, below: str | None = None) -> None:
        self.reader = reader
        self.below = below
        self._results: dict[str, bytes | Exception] = {}

    def read(self, path: str, below: str | None = None) -> bytes:
        if path not in self._results:
            try:
                self._results[path] = self.reader.read(path, self.below)
            except (OSError, ValueError) as error:
                self._results[path] = error
        result = self._results[path]
        if isinstance(result, Exception):
            raise result
        return result


def read_file(reader: FileReader, path: str, place: Place, what: str) -> bytes | None:
    """Returns the bytes of ``path``; None if it can't be read, after a problem at ``place``."""
    if path == "/dev/null":
        return b""
    try:
        return reader.read(path)
    except FileRefused as error:
        place.problem(f"{what} {path} {error.strerror}", hint=error.hint, code=error.code)
    except FileNotFoundError:
        hint = "check the path and the directory that it is relative to"
        place.problem(f"{what} {path} does not exist", hint=hint, code="file_missing")
    except IsADirectoryError:
        place.problem(f"{what} {path} is a directory", hint="name a file", code="file_unreadable")
    except PermissionError:
        place.problem(
            f"{what} {path} can't be read: permission denied", hint="check its owner and mode", code="file_unreadable"
        )
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "its name is not valid"
        place.problem(f"{what} can't be read: {reason}", hint="check the path", code="file_unreadable")
    return None


def refuse_remote(path: str, place: Place) -> bool:
    """Returns whether ``path`` is not local, and reports it."""
    if is_remote(path):
        place.problem(
            "is not a local file: files are not fetched from repositories or registries",
            hint="fetch it in an earlier task, for example with ansible.builtin.git",
            code="remote_file",
        )
        return True
    return False
