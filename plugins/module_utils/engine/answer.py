# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The answer of a transport."""

from __future__ import annotations

from typing import NamedTuple, Optional


class Answer(NamedTuple):
    """One HTTP answer: status, whole body, and the engine's newest API version if it said so."""

    status: int
    body: bytes
    api_version: Optional[str]


class Torn(Exception):
    """The connection ended before the answer was complete."""
