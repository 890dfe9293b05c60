# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects that a cleanup removes, and those that it must keep: from one snapshot, without further calls."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, AbstractSet, Any, Callable, Dict, List, Mapping, Optional, Sequence, Set, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import PRUNE, Operation, ordered
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.prune import (
    KINDS,
    gone_services,
    references_after,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.volumes import labels_on, named_in
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import (
    BASE,
    NAMESPACE,
    id_of,
    name_of,
    stack_of,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.volume_names import (
    expanded,
    is_one_of,
    of_task,
)

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.request.option_types import CleanupOptions
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import (
        ContainerSpec,
        Service,
        Task,
        TaskTemplate,
    )
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import Observed

Entry = Dict[str, str]
#: The node of a task in these states has not created its volumes yet.
NOT_YET = ("new", "pending", "allocated", "assigned", "accepted", "rejected")


def entry(kind: str, name: str, node: str = "", reason: str = "") -> Entry:
    """Returns an object that is removed or kept, as data; ``node`` is empty for objects of the whole cluster."""
    return {"kind": kind, "name": name, "node": node, **({"reason": reason} if reason else {})}


def removal(stack: str, observed: Observed, kinds: AbstractSet[str], nodes: int) -> Tuple[List[Operation], List[Entry]]:
    """Returns removals of the stack's objects of ``kinds``, and the residue: those that a remaining service uses."""
    operations = gone_services(stack, set(), observed, nodes) if "service" in kinds else []
    operations = [replace(operation, reason="clean-up") for operation in operations]
    used = references_after(observed, operations)
    found, residue = list(operations), []
    for kind, obj in _own(stack, observed, kinds):
        users = used.get((kind, id_of(obj))) or used.get((kind, name_of(obj)))
        if users:
            reason = "in use by " + ", ".join(f"service {name}" for name, _stack in sorted(users))
            residue.append(entry(kind, name_of(obj), reason=reason))
        else:
            found.append(_removed(kind, obj, "clean-up"))
    return list(ordered(found)), residue


def dangling(
    stack: str, observed: Observed, kinds: AbstractSet[str], needed: Mapping[str, AbstractSet[str]]
) -> List[Operation]:
    """Returns removals of the stack's networks, configs and secrets that neither a service nor a revision needs.

    ``needed`` has the names that revisions need, by kind.
    """
    used = references_after(observed, [])
    found = [
        _removed(kind, obj, "unused")
        for kind, obj in _own(stack, observed, kinds)
        if not (used.get((kind, id_of(obj))) or used.get((kind, name_of(obj))) or name_of(obj) in needed[kind])
    ]
    return list(ordered(found))


def _own(stack: str, observed: Observed, kinds: AbstractSet[str]) -> List[Tuple[str, Mapping[str, Any]]]:
    return [
        (kind, obj)
        for kind, plural in KINDS
        if kind in kinds
        for obj in sorted(observed[plural], key=name_of)
        if stack_of(obj) == stack
    ]


def _removed(kind: str, obj: Mapping[str, object], reason: str) -> Operation:
    return Operation("remove", kind, name_of(obj), reason=reason, phase=PRUNE, payload={"id": id_of(obj)})


# -- volumes: only the nodes have a list of them; the Swarm knows those that services and tasks mount


def mounted(container: ContainerSpec) -> List[Tuple[str, str]]:
    """Returns the named volumes of a ContainerSpec, each with its stack (empty for an external volume)."""
    return [(str(mount["Source"]), str(labels_on(mount).get(NAMESPACE) or "")) for mount in named_in(container)]


def volumes_at(
    stack: str,
    tasks: Sequence[Task],
    services: Sequence[Service],
    label: Callable[[str], str],
    chosen: Optional[Sequence[str]],
) -> Dict[str, List[str]]:
    """Returns the stack's volumes that tasks have used on each node, by node id. Swarm only keeps recent tasks.

    ``label`` returns the name of a node for its id; ``chosen`` is that of ``is_chosen``.
    """
    named = {id_of(service): name_of(service) for service in services}
    found: Dict[str, Set[str]] = {}
    for task in tasks:
        state = (task.get("Status") or {}).get("State")
        if task.get("NodeID") and state not in NOT_YET:
            container = (task.get("Spec") or {}).get("ContainerSpec") or {}
            node = label(task["NodeID"])
            known = of_task(task, named.get(task.get("ServiceID", ""), ""), node)
            own = [mount for mount in named_in(container) if labels_on(mount).get(NAMESPACE) == stack]
            both = [
                (expanded(mount["Source"], known), expanded(labels_on(mount).get(BASE, ""), known)) for mount in own
            ]
            names = {name for name, base in both if is_chosen(stack, name, chosen, node, base)}
            if names:
                found.setdefault(task["NodeID"], set()).update(names)
    return {node: sorted(names) for node, names in sorted(found.items())}


def volume_users(services: Sequence[Service]) -> Dict[str, List[str]]:
    """Returns the services that mount each volume, or did before their latest update, by volume."""
    found: Dict[str, Set[str]] = {}
    for service in services:
        for spec in (service["Spec"], service.get("PreviousSpec") or {}):
            container = (spec.get("TaskTemplate") or {}).get("ContainerSpec") or {}
            for name, _stack in mounted(container):
                found.setdefault(name, set()).add(name_of(service))
    return {name: sorted(users) for name, users in sorted(found.items())}


def images_of(stack: str, services: Sequence[Service], tasks: Sequence[Task]) -> List[str]:
    """Returns the images of the stack's services and tasks that no service of another stack uses."""
    mine = images_wanted([service for service in services if stack_of(service) == stack])
    others = images_wanted([service for service in services if stack_of(service) != stack])
    tasked = {_image(task.get("Spec") or {}) for task in tasks}
    return sorted({*mine, *tasked} - {*others, ""})


def images_wanted(services: Sequence[Service]) -> List[str]:
    """Returns the images of services, also those before their latest update."""
    specs = [spec for service in services for spec in (service["Spec"], service.get("PreviousSpec") or {})]
    return sorted({_image(spec.get("TaskTemplate") or {}) for spec in specs} - {""})


def _image(template: TaskTemplate) -> str:
    return str((template.get("ContainerSpec") or {}).get("Image") or "")


def touches_nodes(options: CleanupOptions) -> bool:
    """Whether a clean-up removes objects that only the nodes have. A new deployment would use them again, so they may
    only be removed under the lock."""
    values = options["values"] and not options["dangling"]
    return bool(options["volumes"] or options["volume_names"] or options["images"] or values)


def is_chosen(stack: str, name: str, chosen: Optional[Sequence[str]], node: str, base: str = "") -> bool:
    """Whether a volume on ``node`` is one of ``chosen`` (names in the file or full names; None: all of them). ``base``
    is the name in the file of a recreated volume."""
    return chosen is None or any(
        is_one_of(known, given, node) for given in (name, base) for key in chosen for known in (key, f"{stack}_{key}")
    )


def similar(stack: str, observed: Observed) -> List[str]:
    """Returns the stacks whose names differ from this one only in case."""
    names = {stack_of(obj) for kind in ("all_services", "networks", "secrets") for obj in observed[kind]}
    return sorted(name for name in names if name != stack and name.lower() == stack.lower())
