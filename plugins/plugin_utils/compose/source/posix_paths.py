# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Joins and cleans POSIX paths as text, since their files may be on another machine."""

from __future__ import annotations

import posixpath


def is_absolute(path: str) -> bool:
    return path.startswith("/")


def is_remote(path: str) -> bool:
    """Returns whether Compose would fetch ``path`` from a repository or registry."""
    return "://" in path or path.startswith(("git@", "oci:"))


def directory_of(path: str) -> str:
    return posixpath.dirname(path) or "."


def join(directory: str, path: str) -> str:
    """Returns ``path`` relative to ``directory``, cleaned; an absolute path stays as written."""
    return path if is_absolute(path) else posixpath.normpath(posixpath.join(directory or ".", path))


def expand_home(path: str, home: str | None) -> str | None:
    """Replaces a leading ``~`` with ``home``; returns None if ``home`` is needed but not known.

    Like Docker's CLI, it also replaces the ``~`` of ``~name``: it doesn't look up the homes of other users.
    """
    if not path.startswith("~"):
        return path
    return home + path[1:] if home else None
