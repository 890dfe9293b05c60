# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An invalid value whose place is not known yet."""

from __future__ import annotations

from typing import NamedTuple


class Wrong(Exception):
    """An invalid value: ``message`` has the reason, ``hint`` a valid alternative. Never has the value itself if that
    may be a secret."""

    def __init__(self, message: str, hint: str = "", code: str = "route") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code


class Fault(NamedTuple):
    """A fault of the route's field ``field`` (dotted, ``health.uri``)."""

    field: str
    message: str
    hint: str = ""
    code: str = "route"
