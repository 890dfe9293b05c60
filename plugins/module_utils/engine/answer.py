# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The response of a transport."""

from __future__ import annotations

from typing import NamedTuple, Optional


class Answer(NamedTuple):
    """A complete HTTP response. ``api_version`` is the newest version that the Engine supports, if it sent one."""

    status: int
    body: bytes
    api_version: Optional[str]


class Torn(Exception):
    """The connection was closed before the response was complete."""
