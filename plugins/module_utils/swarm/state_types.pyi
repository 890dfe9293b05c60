# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The types of a stack's state: as it is observed. Imported for types only."""

from typing import Dict, List, Literal, Mapping, Optional, Sequence, TypedDict

from ansible_collections.stackwright.swarm.plugins.module_utils.history.retention import References
from ansible_collections.stackwright.swarm.plugins.module_utils.history.revision import Revision
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import (
    Config,
    Info,
    Network,
    Node,
    Service,
    Task,
    Volume,
)

# Names of the lists in a state.
Lists = Literal["services", "networks", "configs", "secrets"]
Objects = Literal["networks", "configs", "secrets"]
Contents = Literal["configs", "secrets"]

class Placing(TypedDict, total=False):
    """What decides where tasks can run: all nodes, the running tasks of all stacks, the volumes of this node."""

    nodes: List[Node]
    tasks: List[Task]
    volumes: List[Volume]

class Observed(TypedDict, total=False):
    """One snapshot of the Swarm (cluster/observe.py). What is not asked for is absent."""

    info: Info
    api: List[int]
    services: List[Service]
    networks: List[Network]
    secrets: List[Config]
    configs: List[Config]
    lock: Optional[Config]
    key: Optional[str]
    history_key: str
    predefined: Dict[str, str]
    nodes: List[Node]
    tasks: List[Task]
    volumes: List[Volume]
    all_services: List[Service]
    attached: Dict[str, List[str]]
    mounting: Mapping[str, List[str]]
    placing: Placing
    revisions: Sequence[Revision]
    kept: References
