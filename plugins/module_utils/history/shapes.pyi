# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The types of a snapshot, with the fields that encoding.py checks. Imported for types only."""

from typing import List, Mapping, Optional, TypedDict

class Entry(TypedDict, total=False):
    content: str
    external: bool
    key: str
    name: str
    real: str
    spec: Optional[Mapping[str, object]]

class Snapshot(TypedDict, total=False):
    configs: List[Entry]
    networks: List[Entry]
    secrets: List[Entry]
    services: List[Entry]
