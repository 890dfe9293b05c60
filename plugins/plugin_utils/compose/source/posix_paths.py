# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Joining and cleaning of POSIX paths as text: what the paths name may lie on another machine."""

from __future__ import annotations

import posixpath


def is_absolute(path: str) -> bool:
    return path.startswith("/")


def is_remote(path: str) -> bool:
    """Whether Compose would fetch this from a repository or registry."""
    return "://" in path or path.startswith(("git@", "oci:"))


def directory_of(path: str) -> str:
    return posixpath.dirname(path) or "."


def join(directory: str, path: str) -> str:
    """``path`` seen from ``directory``, cleaned; an absolute path is left as it was written."""
    return path if is_absolute(path) else posixpath.normpath(posixpath.join(directory or ".", path))


def expand_home(path: str, home: str | None) -> str | None:
    """``path`` with a leading ``~`` replaced by ``home``; None if that is needed and not known.

    Like Docker's CLI this also replaces the ``~`` of ``~name``: there is no lookup of other users' homes.
    """
    if not path.startswith("~"):
        return path
    return home + path[1:] if home else None
