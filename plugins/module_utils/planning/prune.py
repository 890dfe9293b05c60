# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the file no longer has: removed after the gate, unless something still needs it."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Mapping, Sequence, Set, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.planning.model import PRUNE, Operation
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.services import task_count
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import (
    KEPT,
    id_of,
    labels_of,
    name_of,
    stack_of,
)

KINDS = (("network", "networks"), ("config", "configs"), ("secret", "secrets"))


def gone_services(stack: str, wanted: Set[str], observed: Mapping[str, Any], nodes: int) -> List[Operation]:
    """Removals of this stack's services that are not in ``wanted`` (names)."""
    return [
        Operation(
            "remove",
            "service",
            name_of(service),
            reason="not in the file",
            restarts=task_count(service, nodes),
            phase=PRUNE,
            payload={"id": id_of(service)},
        )
        for service in observed["services"]
        if stack_of(service) == stack and name_of(service) not in wanted
    ]


def gone_objects(
    stack: str, wanted: Mapping[str, Set[str]], observed: Mapping[str, Any], operations: Sequence[Operation]
) -> Tuple[List[Operation], List[str]]:
    """Removals of networks, configs and secrets, and notices of those that somebody else still uses.

    ``wanted`` holds the names by kind. Kept is what a service's Spec or PreviousSpec will refer to after ``operations``
    (Swarm rolls back to PreviousSpec, but checks only Spec when an object is removed), and what a revision needs:
    ``observed["kept"]`` (kind → name → numbers), or a label that says so where the history was not read.
    """
    removals, notices = [], []
    kept = observed.get("kept")
    used = references_after(observed, operations)
    for kind, plural in KINDS:
        for obj in observed[plural]:
            name = name_of(obj)
            if stack_of(obj) != stack or name in wanted[kind]:
                continue
            users = used.get((kind, id_of(obj))) or used.get((kind, name))
            foreign = sorted(user for user, its_stack in users or () if its_stack != stack)
            if foreign:
                notices.append(f"{kind} {name} is no longer in the file, but stays: {', '.join(foreign)} uses it")
            numbers = (kept or {}).get(kind, {}).get(name)
            if users or (kept is None and KEPT in labels_of(obj)):
                continue
            if not numbers:
                payload = {"id": id_of(obj)}
                removals.append(Operation("remove", kind, name, reason="not in the file", phase=PRUNE, payload=payload))
            elif KEPT not in labels_of(obj):
                removals.append(_kept(kind, obj, max(numbers)))
    return removals, notices


def _kept(kind: str, obj: Mapping[str, Any], number: int) -> Operation:
    """Notes on a config or secret that a revision needs it, so that runs without changes need not read the history."""
    spec = {**obj["Spec"], "Labels": {**labels_of(obj), KEPT: str(number)}}
    payload = {"id": id_of(obj), "version": obj["Version"]["Index"], "spec": spec, "data": None, "base": name_of(obj)}
    reason = f"not in the file, but kept for revision {number}"
    return Operation("update", kind, name_of(obj), reason=reason, phase=PRUNE, payload=payload)


def references_after(
    observed: Mapping[str, Any], operations: Sequence[Operation]
) -> Dict[Tuple[str, str], Set[Tuple[str, str]]]:
    """(kind, id or name) → the services (name, stack) that will refer to it, now or as their rollback target."""
    by_name = {op.name: op for op in operations if op.kind == "service" and op.action != "keep"}
    used: Dict[Tuple[str, str], Set[Tuple[str, str]]] = {}
    for service in observed.get("all_services") or observed["services"]:
        operation = by_name.get(name_of(service))
        specs = [service["Spec"], service.get("PreviousSpec")]
        if operation is not None and operation.action == "update":
            specs = [operation.payload["spec"], service["Spec"]]
        elif operation is not None:
            continue
        for spec in specs:
            for reference in references(spec or {}):
                used.setdefault(reference, set()).add((name_of(service), stack_of(service)))
    return used


def references(spec: Mapping[str, Any]) -> Iterator[Tuple[str, str]]:
    """What a ServiceSpec refers to, by id and by name."""
    template = spec.get("TaskTemplate") or {}
    container = template.get("ContainerSpec") or {}
    for network in (template.get("Networks") or []) + (spec.get("Networks") or []):
        yield "network", network.get("Target") or ""
    for reference in container.get("Configs") or []:
        yield "config", reference.get("ConfigID") or ""
        yield "config", reference.get("ConfigName") or ""
    for reference in container.get("Secrets") or []:
        yield "secret", reference.get("SecretID") or ""
        yield "secret", reference.get("SecretName") or ""
    credentials = (container.get("Privileges") or {}).get("CredentialSpec") or {}
    if credentials.get("Config"):
        yield "config", credentials["Config"]
