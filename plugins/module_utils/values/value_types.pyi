# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The types of kept values in a DesiredState, and of the generators' parameters. Imported for types only."""

from typing import Dict, List, Optional, TypedDict

class Params(TypedDict, total=False):
    """The parameters of all generators, by name (generators.py); generate_jwt takes claims as well."""

    length: int
    bytes: int
    suffix: str
    domain: str
    key: str
    days: int

class ValueEntry(TypedDict, total=False):
    """A value that the files refer to: ``where``, how it is generated, or the text that was ``given``."""

    name: str
    where: str
    generator: Optional[str]
    params: Optional[Params]
    given: Optional[str]
    sensitive: bool

class KeptVersion(TypedDict):
    number: int
    mark: str
    created: str
    origin: str
    value: Optional[str]

class KeptEntry(TypedDict):
    current: str
    generator: Optional[str]
    params: Optional[Params]
    versions: List[KeptVersion]

class KeptData(TypedDict, total=False):
    """The kept values of a stack as a store has them (kept.py)."""

    format: int
    stack: str
    owner: str
    counter: int
    values: Dict[str, KeptEntry]
