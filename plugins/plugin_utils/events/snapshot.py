# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Swarm at one moment: the Engine's objects, reduced to the data that a comparison needs. Pure.

A snapshot has a few texts of each object, so 2,000 services take a few megabytes. It contains no values of variables
and no contents of configs.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Callable, Dict, FrozenSet, List, Mapping, NamedTuple, Optional, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.observe import lingers
from ansible_collections.stackwright.swarm.plugins.module_utils.core.plain import parse
from ansible_collections.stackwright.swarm.plugins.module_utils.gate.evidence import hider
from ansible_collections.stackwright.swarm.plugins.module_utils.gate.wait import overcome, updates_of
from ansible_collections.stackwright.swarm.plugins.module_utils.health.judge import judge, tasks_by_service
from ansible_collections.stackwright.swarm.plugins.module_utils.health.nodes import hostname
from ansible_collections.stackwright.swarm.plugins.module_utils.health.seen import View, condition_of
from ansible_collections.stackwright.swarm.plugins.module_utils.health.statuses import (
    PROGRESSING,
    Judgement,
    at_a_glance,
    mode_of,
    replicas_of,
    worst,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.health.tasks import (
    ENDED_BADLY,
    error_of,
    how_it_ended,
    seconds,
    state_of,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.info.status import OVERALL
from ansible_collections.stackwright.swarm.plugins.module_utils.locking.holder import (
    describe,
    holder_of,
    is_free,
    number,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import (
    LOCK,
    PRIVATE,
    PULL,
    RECORD,
    STACK,
    id_of,
    labels_of,
    name_of,
    stack_of,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.owner import recorded

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import (
        Config,
        Info,
        Node,
        Service,
        Task,
    )
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import Gathered

Raw = Mapping[str, Any]
ENDED = (*ENDED_BADLY, "orphaned")
#: Parts of a service's specification, by their names in events.
PARTS = {
    "image": ("TaskTemplate", "ContainerSpec", "Image"),
    "replicas": ("Mode",),
    "ports": ("EndpointSpec",),
    "labels": ("Labels",),
    "environment": ("TaskTemplate", "ContainerSpec", "Env"),
    "mounts": ("TaskTemplate", "ContainerSpec", "Mounts"),
    "configs": ("TaskTemplate", "ContainerSpec", "Configs"),
    "secrets": ("TaskTemplate", "ContainerSpec", "Secrets"),
    "placement": ("TaskTemplate", "Placement"),
    "resources": ("TaskTemplate", "Resources"),
    "networks": ("TaskTemplate", "Networks"),
    "update_config": ("UpdateConfig",),
    "restart": ("TaskTemplate", "ForceUpdate"),
}


class Thing(NamedTuple):
    """One object. ``version`` is its version index; ``facts`` are compared one by one."""

    name: str
    stack: str
    version: int
    facts: Mapping[str, Any]


class Failure(NamedTuple):
    """A task that has ended badly."""

    service: str
    stack: str
    node: str
    reason: str
    more: Mapping[str, Any]


class Lock(NamedTuple):
    """A stack's lock. Each renewal changes ``version``. ``expires`` is in seconds since 1970."""

    stack: str
    version: int
    expires: float
    holder: str


class Record(NamedTuple):
    """A revision of a stack."""

    stack: str
    number: int
    status: str
    operation: str


class Snapshot(NamedTuple):
    """The Swarm at one moment.

    :param things: by kind (services, nodes, networks, secrets, configs) and id.
    :param failures: by the id of the task.
    :param health: by the id of the service.
    :param stacks: statuses by name.
    :param locks: by the id of their config, as ``records``.
    :param certificate: the digest of the root certificate, and its end in seconds since 1970; None if unknown.
    :param now: the Engine's own time.
    :param told: the keys of alarms that were reported (compare.py).
    :param owners: project, environment and name of the stacks.
    """

    things: Dict[str, Dict[str, Thing]]
    failures: Dict[str, Failure] = {}
    health: Dict[str, Judgement] = {}
    stacks: Dict[str, str] = {}
    locks: Dict[str, Lock] = {}
    records: Dict[str, Record] = {}
    certificate: Optional[Tuple[str, float]] = None
    now: float = 0.0
    told: FrozenSet[str] = frozenset()
    owners: Mapping[str, Tuple[str, str, str]] = {}


def snapshot(info: Info, lists: Gathered, certificate_end: Optional[float] = None) -> Snapshot:
    """Returns the snapshot of ``/info`` and of the lists services, tasks, nodes, networks, secrets, configs.

    :param certificate_end: when the root certificate expires, in seconds since 1970.
    """
    lists = {**lists, "services": [service for service in lists["services"] if PULL not in labels_of(service)]}
    every: Mapping[str, Any] = lists
    things = {kind: things_of(kind, every[kind]) for kind in ("services", "nodes", "networks", "secrets", "configs")}
    now = seconds(info.get("SystemTime")) or 0.0
    locks, records = {}, {}
    for config in lists["configs"]:
        labels = labels_of(config)
        if LOCK in labels:
            lock = _lock(config)
            if lock is not None:
                locks[id_of(config)] = lock
        elif RECORD in labels:
            record = _record(config)
            if record is not None:
                records[id_of(config)] = record
    health = _health(lists, now)
    certificate = None if certificate_end is None else (_digest(root_certificate(info)), certificate_end)
    stacks = _stacks(things["services"], health, locks, now)
    return Snapshot(things, _failures(lists), health, stacks, locks, records, certificate, now, owners=_owners(lists))


def things_of(kind: str, objects: List[Dict[str, object]]) -> Dict[str, Thing]:
    """Returns the objects of one kind by their ids, without those that give no events."""
    found = {}
    for obj in objects:
        thing = thing_of(kind, obj)
        if thing is not None:
            found[id_of(obj)] = thing
    return found


def thing_of(kind: str, obj: Any) -> Optional[Thing]:
    """Returns one object; None for bookkeeping of this collection, or a network outside of the Swarm."""
    if kind == "networks" and (obj.get("Scope") != "swarm" or lingers(obj)):
        return None
    if kind == "services" and PULL in labels_of(obj):
        return None
    name = hostname(obj) if kind == "nodes" else name_of(obj)
    if kind in ("configs", "secrets") and name.startswith(PRIVATE):
        return None
    return Thing(name, stack_of(obj), int((obj.get("Version") or {}).get("Index") or 0), FACTS[kind](obj))


def root_certificate(info: Info) -> str:
    """Returns the root certificate of the Swarm (PEM) from ``/info``; empty if it isn't there."""
    found = ((info.get("Swarm") or {}).get("Cluster") or {}).get("TLSInfo")
    return str(found.get("TrustRoot") or "") if isinstance(found, dict) else ""


def _service_facts(obj: Service) -> Dict[str, Any]:
    spec = obj.get("Spec") or {}
    update = obj.get("UpdateStatus") or {}
    container = (spec.get("TaskTemplate") or {}).get("ContainerSpec") or {}
    facts: Dict[str, Any] = {part: _digest(_at(spec, path)) for part, path in PARTS.items()}
    facts["image"] = str(container.get("Image") or "")
    facts["replicas"] = replicas_of(spec) if mode_of(spec).startswith("replicated") else mode_of(spec)
    facts["rest"] = _digest(spec)
    facts["update"] = (str(update.get("State") or ""), str(update.get("StartedAt") or ""))
    facts["said"] = hider(obj)(str(update.get("Message") or "")) if update.get("Message") else ""
    return facts


def _node_facts(obj: Node) -> Dict[str, Any]:
    spec, manager = obj.get("Spec") or {}, obj.get("ManagerStatus") or {}
    return {
        "role": str(spec.get("Role") or ""),
        "availability": str(spec.get("Availability") or ""),
        "labels": _digest(spec.get("Labels") or {}),
        "state": str((obj.get("Status") or {}).get("State") or ""),
        "said": str((obj.get("Status") or {}).get("Message") or ""),
        "reachability": str(manager.get("Reachability") or ""),
        "leader": bool(manager.get("Leader")),
    }


def _label_facts(obj: Config) -> Dict[str, Any]:
    return {"labels": _digest(labels_of(obj))}


FACTS: Dict[str, Callable[[Any], Dict[str, Any]]] = {
    "services": _service_facts,
    "nodes": _node_facts,
    "networks": lambda obj: {},
    "secrets": _label_facts,
    "configs": _label_facts,
}


def _at(spec: Any, path: Tuple[str, ...]) -> Any:
    for step in path:
        spec = (spec or {}).get(step)
    return spec


def _digest(data: object) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:16]


def _lock(config: Raw) -> Optional[Lock]:
    holder = holder_of(config)
    if is_free(holder):
        return None
    stack = labels_of(config).get(STACK, "")
    expires = number(holder.get("expires"), 0.0)
    return Lock(stack, int((config.get("Version") or {}).get("Index") or 0), expires, describe(holder))


def _record(config: Config) -> Optional[Record]:
    labels = labels_of(config)
    try:
        found = parse(labels[RECORD])
    except ValueError:
        return None
    if not isinstance(found, dict) or not isinstance(found.get("number"), int):
        return None
    status, operation = (str(found.get(name) or "") for name in ("status", "operation"))
    return Record(labels.get(STACK, ""), found["number"], status, operation)


def _health(lists: Gathered, now: float) -> Dict[str, Judgement]:
    services, tasks, nodes = lists["services"], lists["tasks"], lists["nodes"]
    grouped, found = tasks_by_service(tasks), {}
    fine = overcome(services, tasks)
    updates = updates_of(services)
    for service in services:
        judgement = at_a_glance(service, nodes)
        if judgement is None:
            view = View(nodes, fine, updates[service["ID"]], now=now or None)
            judgement = judge(service, grouped.get(service["ID"], []), view)
            judgement = judgement._replace(message=hider(service)(judgement.fatal or judgement.message), fatal="")
        found[service["ID"]] = judgement
    return found


def _stacks(
    services: Mapping[str, Thing], health: Mapping[str, Judgement], locks: Mapping[str, Lock], now: float
) -> Dict[str, str]:
    statuses: Dict[str, List[str]] = {}
    for identity, thing in services.items():
        if thing.stack and identity in health:
            statuses.setdefault(thing.stack, []).append(health[identity].status)
    working = {lock.stack for lock in locks.values() if not now or lock.expires > now}
    return {
        stack: OVERALL[PROGRESSING] if stack in working else OVERALL.get(worst(found), "HEALTHY")
        for stack, found in statuses.items()
    }


def _owners(lists: Gathered) -> Dict[str, Tuple[str, str, str]]:
    """Returns project, environment and name of each stack whose services or revisions record them."""
    found = {}
    for obj in (*lists["configs"], *lists["services"]):
        stack = stack_of(obj) or labels_of(obj).get(STACK, "")
        owner = recorded(labels_of(obj), stack) if stack and stack not in found else None
        if owner is not None and owner.name:
            found[stack] = (owner.project, owner.environment, owner.name)
    return found


def _failures(lists: Gathered) -> Dict[str, Failure]:
    services = {service["ID"]: service for service in lists["services"]}
    nodes = {str(node.get("ID")): hostname(node) for node in lists["nodes"]}
    found = {}
    for task in lists["tasks"]:
        service = services.get(str(task.get("ServiceID")))
        if service is not None and _has_failed(task, service):
            found[task["ID"]] = _failure(task, service, nodes)
    return found


def _has_failed(task: Task, service: Service) -> bool:
    state = state_of(task)
    if state in ENDED:
        return True
    runs_forever = not mode_of(service["Spec"]).endswith("job") and condition_of(service["Spec"]) == "any"
    return state == "complete" and runs_forever


def _failure(task: Task, service: Service, nodes: Mapping[str, str]) -> Failure:
    status = task.get("Status") or {}
    code = (status.get("ContainerStatus") or {}).get("ExitCode")
    reason = error_of(task) or (how_it_ended(task) if state_of(task) == "complete" else state_of(task))
    more = {
        "task": task["ID"],
        "state": state_of(task),
        "slot": int(task.get("Slot") or 0),
        "exit_code": code if isinstance(code, int) else None,
        "container": str((status.get("ContainerStatus") or {}).get("ContainerID") or "")[:12],
    }
    node = nodes.get(str(task.get("NodeID") or ""), "")
    # The error may contain a variable that the service no longer has, but the task does.
    hide_own = hider({"Spec": {"TaskTemplate": task.get("Spec") or {}}})
    return Failure(name_of(service), stack_of(service), node, hider(service)(hide_own(reason)), more)
