# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The types of snapshots of volumes. Imported for types only."""

from typing import Callable, Dict, List, Mapping, Optional, Protocol, TypedDict

from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import Clock
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Labels

class Kept(TypedDict):
    """content.py: Content."""

    digest: str
    entries: int
    size: int
    sha256: str
    length: int

class Meta(TypedDict, total=False):
    """The description of a snapshot. ``new`` is only in results; ``seal`` (of all other fields) only in the file."""

    format: int
    id: str
    kind: str
    volume: str
    node: str
    taken: str
    stack: str
    consistency: str
    labels: Labels
    volume_labels: Labels
    content: Kept
    new: bool
    seal: str

class Restoring(TypedDict):
    """The note of a restore: the snapshot, the one of the previous content (``before``), and the volume's labels."""

    snapshot: str
    before: Optional[str]
    labels: Labels

class Quiesced(TypedDict, total=False):
    """The note of stopped services with their replicas, and of the ids of stopped and paused containers."""

    services: Dict[str, int]
    containers: List[str]
    paused: List[str]

class Options(TypedDict, total=False):
    """The options of volume_snapshot and volume_restore."""

    name: Optional[str]
    volumes: List[str]
    volume: str
    dest: str
    src: str
    snapshot: Optional[str]
    quiesce: str
    command: List[str]
    keep: int
    labels: Labels
    wait_timeout: int

class Copying(TypedDict):
    """The options of volume_copy."""

    volume: str
    to: str
    state: str
    dest: str
    refresh: bool
    quiesce: str
    command: List[str]
    labels: Labels
    wait_timeout: int

class Applying(Protocol):
    """The part of deploy/apply.py that a step of a plan needs. ``patience`` is in seconds."""

    client: EngineClient
    clock: Clock
    keep: Callable[[], None]
    patience: float
    paid: Callable[[str], None]

Shot = Mapping[str, str]

class Looked(TypedDict):
    """What a node has: volumes, complete snapshots (volume and id), unfinished restores."""

    volumes: List[str]
    whole: List[List[str]]
    restoring: Dict[str, Dict[str, str]]
