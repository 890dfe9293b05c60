# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The types of steps of a run on another node, between a manager and the controller. Imported for types only."""

from typing import Dict, List, Mapping, Sequence, TypedDict

class Place(TypedDict):
    """The data to find a node's host: ``names`` has its names and addresses, ``others`` those of other nodes."""

    id: str
    name: str
    names: List[str]
    others: List[str]

class Step(TypedDict, total=False):
    """``do`` is look, snapshot or restore, ``names`` are the volumes. A look has ``volumes`` and ``shots``."""

    do: str
    names: List[str]
    volumes: Sequence[str]
    shots: Sequence[Mapping[str, str]]
    payload: Dict[str, object]
    patience: float

class Question(TypedDict, total=False):
    """A step on the volume of a node; ``number`` identifies the question of a process."""

    node: Place
    volume: Step
    number: int
