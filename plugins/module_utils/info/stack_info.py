# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stacks and their parts, in seven calls whatever their number. It never shows secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.observe import (
    manager_info,
    networks_of,
    predefined,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.gate.wait import judged
from ansible_collections.stackwright.swarm.plugins.module_utils.health.job_runs import with_outcome
from ansible_collections.stackwright.swarm.plugins.module_utils.health.judge import tasks_by_service
from ansible_collections.stackwright.swarm.plugins.module_utils.health.nodes import hostname
from ansible_collections.stackwright.swarm.plugins.module_utils.health.statuses import update_state, worst
from ansible_collections.stackwright.swarm.plugins.module_utils.health.tasks import error_of, seconds, state_of
from ansible_collections.stackwright.swarm.plugins.module_utils.locking.holder import locked_by
from ansible_collections.stackwright.swarm.plugins.module_utils.masking.mask import mask
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import (
    DEFAULT_PREFIX,
    IMAGE,
    LOCK,
    NAMESPACE,
    id_of,
    is_bookkeeping,
    labels_of,
    name_of,
    spellings,
    stack_of,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.names import full_name
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.owner import (
    Owner,
    labels_in,
    of_text,
    recorded,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.volume_names import expanded, of_task

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Mount, Network, Service, Task
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import Lists, Observed

Item = Dict[str, Any]


def stack_info(
    client: EngineClient,
    stack: Optional[str] = None,
    history: bool = False,
    prefix: str = DEFAULT_PREFIX,
    files: bool = False,
    details: bool = False,
    changes: bool = False,
) -> Dict[str, Any]:
    """Returns one stack, or all: stacks (sorted by name), cluster_id, node, calls.

    Each stack has name, owner, status, services (with ports, networks, tasks), routes, networks, configs, secrets,
    volumes, images, locked_by. ``history`` (one more call) adds revisions, deployments and removed stacks, ``files``
    the kept texts of Compose files, ``changes`` the changes of each revision, ``details`` the specifications of
    services. ``prefix`` is that of the labels of routes.
    """
    info = manager_info(client)
    mine = {"filters": {"label": [f"{NAMESPACE}={stack}" if stack else NAMESPACE]}}
    lists: Observed = {
        "services": client.list("/services", {**mine, "status": True}),
        "tasks": client.list("/tasks", mine),
        "networks": networks_of(client),
        "configs": client.list("/configs", mine),
        "secrets": client.list("/secrets", mine),
        "nodes": client.list("/nodes"),
    }
    locks = {stack_of(config): config for config in lists["configs"] if LOCK in labels_of(config)}
    lists["configs"] = [config for config in lists["configs"] if not is_bookkeeping(config)]
    network_names = {id_of(network): name_of(network) for network in lists["networks"]}
    network_names.update(predefined(client, lists))
    kinds: Tuple[Lists, ...] = ("services", "networks", "configs", "secrets")
    names = {stack_of(obj) for kind in kinds for obj in lists[kind]} - {""}
    past: Dict[str, Item] = {}
    if history:
        from ansible_collections.stackwright.swarm.plugins.module_utils.info.history import past_of

        past = past_of(client, stack, files, changes)
        names |= set(past)
    describe: Callable[[Service], Item] = _nothing
    if details:
        from ansible_collections.stackwright.swarm.plugins.module_utils.info.service_details import service_details

        describe = service_details
    stacks = [
        {
            **past.get(name, {}),
            **_stack(name, lists, network_names, prefix, seconds(info.get("SystemTime")), describe),
            "owner": _owner(name, {**lists, "lock": locks.get(name)}, past.get(name, {})),
            "locked_by": locked_by(locks.get(name)),
        }
        for name in sorted(names)
        if stack in (None, "", name)
    ]
    if history:
        stacks = [{"revisions": [], "deployments": None, **item} for item in stacks]
    return {
        "changed": False,
        "stacks": stacks,
        "cluster_id": str(((info.get("Swarm") or {}).get("Cluster") or {}).get("ID") or ""),
        "node": str(info.get("Name") or ""),
        "calls": client.calls,
    }


def _nothing(_service: Service) -> Item:
    return {}


def _stack(
    name: str,
    lists: Observed,
    network_names: Mapping[str, str],
    prefix: str,
    now: Optional[float],
    details: Callable[[Service], Mapping[str, object]],
) -> Item:
    services = sorted((s for s in lists["services"] if stack_of(s) == name), key=name_of)
    grouped = tasks_by_service(lists["tasks"])
    judgements = {judgement.name: judgement for judgement in judged(services, lists["tasks"], lists["nodes"], now)}
    nodes = {n["ID"]: hostname(n) for n in lists["nodes"]}
    described = []
    for service in services:
        tasks, judgement = grouped.get(service["ID"], []), judgements[name_of(service)]
        described.append(
            {
                **judgement.as_dict(),
                **describe_service(service, network_names, tasks, nodes),
                **details(service),
                "runs": with_outcome(service, tasks),
                **_without_secrets(service, judgement.message, [describe_task(t, nodes) for t in _sorted(tasks)]),
            }
        )
    return {
        "name": name,
        "status": worst(item["status"] for item in described),
        "services": described,
        "routes": _routes(services, name, prefix),
        "networks": [_network(n) for n in sorted(lists["networks"], key=name_of) if stack_of(n) == name],
        "configs": sorted(name_of(config) for config in lists["configs"] if stack_of(config) == name),
        "secrets": sorted(name_of(secret) for secret in lists["secrets"] if stack_of(secret) == name),
        "volumes": sorted({volume for item in described for volume in item["volumes"]}),
        "images": sorted({item["image"] for item in described}),
    }


def _without_secrets(service: Service, message: str, tasks: Sequence[Mapping[str, object]]) -> Item:
    """Returns ``message`` and ``tasks`` without texts that look like secrets of the service."""
    if not message and not any(task["error"] for task in tasks):
        return {"message": message, "tasks": list(tasks)}
    from ansible_collections.stackwright.swarm.plugins.module_utils.gate.evidence import hider

    hide = hider(service)
    return {"message": hide(message), "tasks": [{**task, "error": hide(str(task["error"]))} for task in tasks]}


def _owner(name: str, lists: Observed, past: Item) -> Dict[str, str]:
    """Returns the owner of the stack from labels or history; empty texts if it is unknown."""
    known = filter(None, (recorded(labels, name) for labels in labels_in(lists, name)))
    found = next(known, None) or of_text(past.pop("owner", ""))
    return (found or Owner("")).as_dict()


def _routes(services: Sequence[Service], stack: str, prefix: str) -> List[Item]:
    """Returns the routes in the labels of the running services. Imports the parser only if there is such a label."""
    starts = tuple(spelling + ".http." for spelling in spellings(prefix))
    labels = (label for service in services for label in (*labels_of(service), *_container_labels(service)))
    if not any(label.startswith(starts) for label in labels):
        return []
    from ansible_collections.stackwright.swarm.plugins.module_utils.routing.live import public_routes

    return public_routes(services, stack, prefix)


def _container_labels(service: Service) -> Mapping[str, str]:
    return (service["Spec"]["TaskTemplate"].get("ContainerSpec") or {}).get("Labels") or {}


def describe_service(
    service: Service, network_names: Mapping[str, str], tasks: Sequence[Task], nodes: Mapping[str, str]
) -> Item:
    """Describes a service without its health; ``network_names`` and ``nodes`` map ids to names."""
    spec = service["Spec"]
    template = spec["TaskTemplate"]
    container = template.get("ContainerSpec") or {}
    ports = (service.get("Endpoint") or {}).get("Ports") or (spec.get("EndpointSpec") or {}).get("Ports") or []
    running = [task for task in tasks if task.get("NodeID") and task.get("DesiredState") in ("running", "complete")]
    known = [of_task(task, name_of(service), nodes.get(task["NodeID"], "")) for task in running]
    return {
        "id": service["ID"],
        "image": str(container.get("Image") or ""),
        "image_asked": labels_of(service).get(IMAGE, ""),
        "labels": shown_labels(service),
        "ports": [
            {
                "published": port.get("PublishedPort"),
                "target": port.get("TargetPort"),
                "protocol": port.get("Protocol") or "tcp",
                "mode": port.get("PublishMode") or "ingress",
            }
            for port in ports
        ],
        "networks": sorted(
            network_names.get(n.get("Target", ""), n.get("Target", "")) for n in template.get("Networks") or []
        ),
        "volumes": sorted({name for mount in container.get("Mounts") or [] for name in _volumes(mount, known)}),
        "update_state": update_state(service),
        "created": service.get("CreatedAt", ""),
        "updated": service.get("UpdatedAt", ""),
    }


def _volumes(mount: Mount, tasks: Sequence[Mapping[str, str]]) -> List[str]:
    """Returns the volumes of a mount: for a template those of the tasks, without tasks the template itself."""
    name = str(mount.get("Source") or "") if mount.get("Type") == "volume" else ""
    return [expanded(name, known) for known in tasks or [{}]] if name else []


def shown_labels(obj: Mapping[str, object]) -> Dict[str, str]:
    """Returns the labels of an object. Hides those that look like passwords."""
    labels = labels_of(obj)
    return {name: mask("", "", f"Labels.{name}", labels[name]) for name in sorted(labels)}


def describe_task(task: Task, nodes: Mapping[str, str]) -> Item:
    """Describes a task; ``nodes`` maps ids to names."""
    node = str(task.get("NodeID") or "")
    container = (task.get("Status") or {}).get("ContainerStatus") or {}
    return {
        "id": task["ID"],
        "slot": task.get("Slot"),
        "node": nodes.get(node, node),
        "state": state_of(task),
        "desired_state": task.get("DesiredState", ""),
        "error": error_of(task),
        "exit_code": container.get("ExitCode") if state_of(task) in ("failed", "complete", "shutdown") else None,
        "container_id": container.get("ContainerID", ""),
        "image": str(((task.get("Spec") or {}).get("ContainerSpec") or {}).get("Image") or ""),
        "created": task.get("CreatedAt", ""),
        "since": str((task.get("Status") or {}).get("Timestamp") or ""),
    }


def _sorted(tasks: Sequence[Task]) -> List[Task]:
    return sorted(tasks, key=lambda t: (t.get("Slot") or 0, str(t.get("NodeID") or ""), str(t.get("CreatedAt") or "")))


def _network(network: Network) -> Item:
    return {
        "name": name_of(network),
        "id": id_of(network),
        "driver": network.get("Driver", ""),
        "attachable": bool(network.get("Attachable")),
        "internal": bool(network.get("Internal")),
        "subnets": [str(c["Subnet"]) for c in (network.get("IPAM") or {}).get("Config") or [] if c.get("Subnet")],
    }


def show_stacks(client: EngineClient, params: Dict[str, Any], check: bool) -> Dict[str, Any]:
    """Returns the result of the module stack_info."""
    del check  # nothing is changed either way
    name, diff = full_name(params), params["diff"]
    if diff is not None and not name:
        raise StackwrightError("diff needs the name of a stack.", "invalid_options", "Set name.")
    options = (params["history"], params["label_prefix"], params["files"], params["details"], params["changes"])
    result = stack_info(client, name, *options)
    if diff is not None and name:
        from ansible_collections.stackwright.swarm.plugins.module_utils.info.history import difference

        result["diff_revisions"] = difference(client, name, diff)
    return result
