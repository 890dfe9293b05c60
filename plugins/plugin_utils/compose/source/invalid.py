# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A place in a project, and the error that reports an invalid value there."""

from __future__ import annotations

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Path

__all__ = ["Invalid", "Path"]


class Invalid(ValueError):
    """A value that has no place in a spec; ``path`` is where it stands, from the top of the project."""

    def __init__(self, message: str, path: Path, hint: str = "", code: str = "invalid") -> None:
        super().__init__(message)
        self.message = message
        self.path = path
        self.hint = hint
        self.code = code
