# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Converts the Engine's lists to the items of an overview of the Swarm. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Iterable, List, Mapping, Optional, Set, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.gate.wait import judged
from ansible_collections.stackwright.swarm.plugins.module_utils.health.judge import tasks_by_service
from ansible_collections.stackwright.swarm.plugins.module_utils.health.lost import how_it_is
from ansible_collections.stackwright.swarm.plugins.module_utils.health.nodes import hostname, rejoined
from ansible_collections.stackwright.swarm.plugins.module_utils.health.statuses import at_a_glance, worst
from ansible_collections.stackwright.swarm.plugins.module_utils.health.tasks import seconds, state_of
from ansible_collections.stackwright.swarm.plugins.module_utils.info.stack_info import (
    describe_service,
    describe_task,
    shown_labels,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.prune import references
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import id_of, name_of, stack_of
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.owner import (
    Owner,
    labels_in,
    recorded,
)

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Info, Node, Service, Swarm
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import Gathered, Objects, Observed

Item = Dict[str, Any]

HIDDEN = "********"
#: Tasks in these states hold their reservations.
HOLDING = ("assigned", "accepted", "preparing", "ready", "starting", "running")


def cluster(info: Info, swarm: Swarm, join_tokens: bool) -> Item:
    """Describes the Swarm itself. Shows join tokens only on request, and without their secret part."""
    own = info.get("Swarm") or {}
    spec = swarm.get("Spec") or {}
    found = {
        "id": str(swarm.get("ID") or ""),
        "created": str(swarm.get("CreatedAt") or ""),
        "updated": str(swarm.get("UpdatedAt") or ""),
        "managers": int(own.get("Managers") or 0),
        "nodes": int(own.get("Nodes") or 0),
        "autolock": bool((spec.get("EncryptionConfig") or {}).get("AutoLockManagers")),
        "task_history": int((spec.get("Orchestration") or {}).get("TaskHistoryRetentionLimit") or 0),
        "address_pools": [str(pool) for pool in swarm.get("DefaultAddrPool") or []],
        "vxlan_port": int(swarm.get("DataPathPort") or 0),
    }
    if join_tokens:
        tokens = swarm.get("JoinTokens") or {}
        found["join_tokens"] = {role.lower(): _masked(str(tokens[role])) for role in sorted(tokens)}
    return found


def _masked(token: str) -> str:
    """Hides the last part of SWMTKN-1-DIGEST-SECRET; the digest of the cluster's certificate is public."""
    head, _dash, _secret = token.rpartition("-")
    return f"{head}-{HIDDEN}" if head else HIDDEN


def nodes(lists: Gathered) -> List[Item]:
    """Describes the nodes, with the reservations of their tasks. CPUs in cores, memory in bytes."""
    reserved: Dict[str, Tuple[float, int, int]] = {}
    for task in lists["tasks"]:
        if state_of(task) in HOLDING and task.get("DesiredState") in ("running", "ready"):
            wants = ((task.get("Spec") or {}).get("Resources") or {}).get("Reservations") or {}
            cpus, memory, count = reserved.get(str(task.get("NodeID")), (0.0, 0, 0))
            reserved[str(task.get("NodeID"))] = (
                cpus + int(wants.get("NanoCPUs") or 0) / 1e9,
                memory + int(wants.get("MemoryBytes") or 0),
                count + 1,
            )
    found = [_node(node, reserved.get(node["ID"], (0.0, 0, 0))) for node in lists["nodes"]]
    for node, item in zip(lists["nodes"], found):
        if rejoined(node, lists["nodes"]):
            item["message"] = f"{item['name']} {how_it_is(node, lists['nodes'])}"
    return sorted(found, key=_by_name)


def _node(node: Node, reserved: Tuple[float, int, int]) -> Item:
    spec, description = node.get("Spec") or {}, node.get("Description") or {}
    status, manager = node.get("Status") or {}, node.get("ManagerStatus") or {}
    resources, platform = description.get("Resources") or {}, description.get("Platform") or {}
    return {
        "id": node["ID"],
        "name": hostname(node),
        "role": str(spec.get("Role") or ""),
        "availability": str(spec.get("Availability") or ""),
        "state": str(status.get("State") or ""),
        "message": str(status.get("Message") or ""),
        "address": _address(str(status.get("Addr") or ""), str(manager.get("Addr") or "")),
        "leader": bool(manager.get("Leader")),
        "reachability": str(manager.get("Reachability") or ""),
        "engine": str((description.get("Engine") or {}).get("EngineVersion") or ""),
        "os": str(platform.get("OS") or ""),
        "architecture": str(platform.get("Architecture") or ""),
        "labels": dict(spec.get("Labels") or {}),
        "engine_labels": dict((description.get("Engine") or {}).get("Labels") or {}),
        "cpus": int(resources.get("NanoCPUs") or 0) / 1e9,
        "memory": int(resources.get("MemoryBytes") or 0),
        "cpus_reserved": round(reserved[0], 3),
        "memory_reserved": reserved[1],
        "tasks": reserved[2],
        "created": str(node.get("CreatedAt") or ""),
        "updated": str(node.get("UpdatedAt") or ""),
    }


def _address(own: str, as_manager: str) -> str:
    """Returns a node's address. A leader may report 0.0.0.0, so the address for other managers replaces that."""
    host = as_manager.rpartition(":")[0].strip("[]")
    return host if host and own in ("", "0.0.0.0", "127.0.0.1", "::") else own


def services(lists: Gathered) -> List[Item]:
    """Describes the services with their stack and health, without tasks."""
    networks_by_id = {id_of(network): name_of(network) for network in lists["networks"]}
    # The Engine's own counts are conclusive for most services, which saves the judgement of their tasks.
    glances = {name_of(service): at_a_glance(service, lists["nodes"]) for service in lists["services"]}
    open_ones = [service for service in lists["services"] if glances[name_of(service)] is None]
    now = seconds(lists["info"][0].get("SystemTime"))
    judgements = judged(open_ones, lists["tasks"], lists["nodes"], now)
    glances.update((judgement.name, judgement) for judgement in judgements)
    grouped = tasks_by_service(lists["tasks"])
    node_names = {node["ID"]: hostname(node) for node in lists["nodes"]}
    found = []
    for service in lists["services"]:
        judgement = glances[name_of(service)]
        state = judgement.as_dict() if judgement else {}
        described = describe_service(service, networks_by_id, grouped.get(service["ID"], []), node_names)
        found.append({"stack": stack_of(service), **state, **described})
    return sorted(found, key=_by_name)


def tasks(lists: Gathered) -> List[Item]:
    """Describes the tasks, also ended ones that the Swarm still remembers."""
    names = {node["ID"]: hostname(node) for node in lists["nodes"]}
    owners = {service["ID"]: service for service in lists["services"]}
    found = []
    for task in lists["tasks"]:
        owner = owners.get(str(task.get("ServiceID")))
        found.append(
            {
                "service": name_of(owner) if owner else str(task.get("ServiceID") or ""),
                "stack": stack_of(owner) if owner else "",
                **describe_task(task, names),
            }
        )
    return sorted(found, key=lambda item: (item["service"], item["slot"] or 0, item["node"], item["created"]))


def stacks(lists: Gathered) -> List[Item]:
    """Describes the stacks: their status, and the number of objects of each kind."""
    described = services(lists)
    kinds: Tuple[Objects, ...] = ("networks", "configs", "secrets")
    names = {item["stack"] for item in described} | {stack_of(obj) for kind in kinds for obj in lists[kind]}
    found: List[Item] = []
    for name in sorted(names - {""}):
        own = [item for item in described if item["stack"] == name]
        found.append(
            {
                "name": name,
                "owner": (_owner(name, lists) or Owner("")).as_dict(),
                "status": worst(item["status"] for item in own),
                "services": len(own),
                "running": sum(item["running"] for item in own),
                "desired": sum(item["desired"] for item in own),
                **{kind: len([obj for obj in lists[kind] if stack_of(obj) == name]) for kind in kinds},
                "volumes": len({volume for item in own for volume in item["volumes"]}),
            }
        )
    return found


def _owner(name: str, lists: Gathered) -> Optional[Owner]:
    seen: Observed = {
        "services": lists["services"],
        "networks": lists["networks"],
        "configs": lists["configs"],
        "secrets": lists["secrets"],
    }
    return next(filter(None, (recorded(labels, name) for labels in labels_in(seen, name))), None)


def networks(lists: Gathered) -> List[Item]:
    """Describes the networks of the whole Swarm."""
    users = _users("network", lists["services"])
    return sorted(
        (
            {
                **_object(network, users),
                "driver": str(network.get("Driver") or ""),
                "attachable": bool(network.get("Attachable")),
                "internal": bool(network.get("Internal")),
                "ingress": bool(network.get("Ingress")),
                "encrypted": "encrypted" in (network.get("Options") or {}),
                "subnets": [
                    str(config["Subnet"])
                    for config in (network.get("IPAM") or {}).get("Config") or []
                    if config.get("Subnet")
                ],
            }
            for network in lists["networks"]
            if network.get("Scope") == "swarm"
        ),
        key=_by_name,
    )


def configs(lists: Gathered) -> List[Item]:
    """Describes the configs without their content."""
    users = _users("config", lists["services"])
    return sorted((_object(config, users) for config in lists["configs"]), key=_by_name)


def secrets(lists: Gathered) -> List[Item]:
    """Describes the secrets; their content can't be read."""
    users = _users("secret", lists["services"])
    return sorted((_object(secret, users) for secret in lists["secrets"]), key=_by_name)


def _object(obj: Mapping[str, object], users: Mapping[str, Set[str]]) -> Item:
    return {
        "id": id_of(obj),
        "name": name_of(obj),
        "stack": stack_of(obj),
        "labels": shown_labels(obj),
        "created": str(obj.get("CreatedAt") or obj.get("Created") or ""),
        "used_by": sorted(users.get(id_of(obj), set()) | users.get(name_of(obj), set())),
    }


def _users(kind: str, found: Iterable[Service]) -> Dict[str, Set[str]]:
    """Returns the services that refer to each object, by its id or name."""
    users: Dict[str, Set[str]] = {}
    for service in found:
        for kind_of_reference, target in references(service["Spec"]):
            if kind_of_reference == kind and target:
                users.setdefault(target, set()).add(name_of(service))
    return users


def _by_name(item: Mapping[str, object]) -> Any:
    return item["name"]
