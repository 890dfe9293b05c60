# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The types of the modules' results, with the fields that reports read. Imported for types only."""

from typing import Any, Dict, List, Mapping, Optional, TypedDict

class Failure(TypedDict, total=False):
    at: str
    error: str
    exit_code: Optional[int]
    node: str
    since: str

class Task(TypedDict, total=False):
    created: str
    desired_state: str
    error: str
    exit_code: Optional[int]
    id: str
    image: str
    node: str
    since: str
    slot: Optional[int]
    state: str

class Updating(TypedDict, total=False):
    done: int
    total: int

class Service(TypedDict, total=False):
    desired: int
    image: str
    image_asked: str
    last_failure: Optional[Failure]
    log: List[str]
    message: str
    name: str
    restarts: int
    running: int
    since: str
    stack: str
    status: str
    tasks: List[Task]
    update_status: Updating
    updating: bool

class Note(TypedDict, total=False):
    at: str
    did: str
    kind: str
    name: str
    who: str

class Revision(TypedDict, total=False):
    back_to: Optional[int]
    changes: List[str]
    finished: Optional[str]
    message: str
    metadata: Optional[Dict[str, str]]
    number: int
    operation: str
    own: List[Note]
    queued: Optional[str]
    reason: str
    restored: str
    started: Optional[str]
    status: str
    who: str

class Drift(TypedDict, total=False):
    drift: List[Mapping[str, Any]]
    drift_lines: List[str]
    error_code: str
    item: Mapping[str, Any]
    msg: str
    ours: List[str]
    revision: int
    stack: str

class Compared(TypedDict, total=False):
    """The drift of a stack in a report."""

    failed: bool
    found: List[Mapping[str, Any]]
    known: bool
    lines: List[str]
    ours: List[str]
    revision: Optional[int]
    why: str

class Stack(TypedDict, total=False):
    deployments: Optional[Mapping[str, Any]]
    drift: Compared
    gone: bool
    locked_by: str
    name: str
    revisions: List[Revision]
    services: List[Service]
    status: str

class Health(TypedDict, total=False):
    overall: str
    services: List[Service]
    stack: str

class Node(TypedDict, total=False):
    availability: str
    cpus: float
    cpus_reserved: float
    cpus_share: Optional[float]
    memory: int
    memory_reserved: int
    memory_share: Optional[float]
    message: str
    name: str
    state: str
    updated: str

class ServiceTasks(TypedDict, total=False):
    service: str
    stack: str
    tasks: int

class NodeTasks(TypedDict, total=False):
    node: str
    services: List[ServiceTasks]

class Raft(TypedDict, total=False):
    managers: int
    may_fail: int
    needed: int
    quorum: bool
    reachable: int
    unreachable: List[str]

class Swarm(TypedDict, total=False):
    raft: Raft
    warnings: List[str]

class Usage(TypedDict, total=False):
    load: float
    memory_used: int

class Given(TypedDict, total=False):
    """The data of a cluster from one of its managers."""

    drift: Mapping[str, Drift]
    host: str
    stacks: List[Stack]
    swarm: Mapping[str, Any]
    usage: Mapping[str, Usage]

class Cluster(TypedDict, total=False):
    """A cluster in a report."""

    cluster: Swarm
    counts: Mapping[str, Any]
    figures: Mapping[str, Any]
    key: str
    name: str
    nodes: List[Node]
    problems: List[Dict[str, str]]
    services: List[Service]
    stacks: List[Stack]
    tasks_by_node: List[NodeTasks]

class Unanswered(TypedDict):
    host: str
    msg: str

class Report(TypedDict):
    clusters: List[Cluster]
    refused: Optional[Mapping[str, Any]]
    time: str
    title: str
    unanswered: List[Unanswered]

class Run(TypedDict):
    at: str
    number: int
    seconds: float
    stack: str
    status: str
    torn: bool
    week: str

class Week(TypedDict):
    done: int
    failed: int
    rate: Optional[float]
    week: str
