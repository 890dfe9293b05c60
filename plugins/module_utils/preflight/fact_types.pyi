# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The types of what a preflight asks a node to check (node_questions.py). Imported for types only."""

from typing import List, TypedDict, Union

class About(TypedDict):
    service: str
    where: str
    level: str

class PortFact(About):
    """``port`` is its number and its protocol."""

    port: List[Union[int, str]]
    mode: str

class BindFact(About):
    source: str

class Volume(TypedDict):
    """``base`` is the name in the files."""

    base: str
    name: str

class VolumeFact(About, Volume): ...

class Facts(TypedDict, total=False):
    name: str
    ports: List[PortFact]
    binds: List[BindFact]
    volumes: List[VolumeFact]
