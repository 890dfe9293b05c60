# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects that are no longer in the file: removed after the gate, unless something still needs them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict, Iterator, List, Mapping, Sequence, Set, Tuple, cast

from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import NOTE, PRUNE, Operation
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.services import task_count
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import (
    KEPT,
    id_of,
    labels_of,
    name_of,
    stack_of,
)

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Config, ServiceSpec
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import Objects, Observed

KINDS: Tuple[Tuple[str, Objects], ...] = (("network", "networks"), ("config", "configs"), ("secret", "secrets"))


def gone_services(stack: str, wanted: Set[str], observed: Observed, nodes: int) -> List[Operation]:
    """Returns removals of the stack's services that are not in ``wanted`` (names)."""
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
    stack: str,
    wanted: Mapping[str, Set[str]],
    observed: Observed,
    operations: Sequence[Operation],
    waits: bool = True,
) -> Tuple[List[Operation], List[str]]:
    """Returns operations that remove or keep networks, configs and secrets, and notices about those that others use.

    ``wanted`` has the names by kind. An object is kept if a service's Spec or PreviousSpec refers to it after
    ``operations`` (Swarm rolls back to PreviousSpec, but checks only Spec when an object is removed). It is also kept
    if a revision needs it: by ``observed["kept"]`` (kind → name → numbers), or by a label if the history was not read.
    A rollback recreates networks, so a PreviousSpec only keeps one if the run does not wait for updates (``waits``).
    """
    removals, notices = [], []
    kept = observed.get("kept")
    used, now = references_after(observed, operations), references_after(observed, operations, before=False)
    for kind, plural in KINDS:
        uses = now if kind == "network" and waits else used
        for obj in observed[plural]:
            name = name_of(obj)
            if stack_of(obj) != stack or name in wanted[kind]:
                continue
            users = uses.get((kind, id_of(obj))) or uses.get((kind, name))
            foreign = sorted(user for user, its_stack in users or () if its_stack != stack)
            if foreign:
                notices.append(f"{kind} {name} is no longer in the file, but is kept: {', '.join(foreign)} uses it")
            numbers = (kept or {}).get(kind, {}).get(name)
            noted = labels_of(obj).get(KEPT)
            if users:
                own = ", ".join(sorted(user for user, its_stack in users if its_stack == stack))
                if own:
                    reason = f"no longer in the file, but {own} used it before its latest update"
                    removals.append(_keep(kind, name, reason))
                    if kind == "network":
                        notices.append(f"network {name} is kept: {reason}; a run that waits removes it")
            elif kept is None and noted is not None:
                removals.append(_keep(kind, name, FOR_REVISION.format(noted)))
            elif not numbers:
                payload = {"id": id_of(obj)}
                removals.append(Operation("remove", kind, name, reason="not in the file", phase=PRUNE, payload=payload))
            elif noted is not None:
                removals.append(_keep(kind, name, FOR_REVISION.format(max(numbers))))
            else:
                removals.append(_kept(kind, cast("Config", obj), max(numbers)))
    return removals, notices


FOR_REVISION = "no longer in the file, but revision {0} needs it"


def _keep(kind: str, name: str, reason: str) -> Operation:
    return Operation("keep", kind, name, reason=reason, phase=PRUNE)


def _kept(kind: str, obj: Config, number: int) -> Operation:
    """Returns an operation that labels a config or secret as needed by a revision. So runs without changes need not
    read the history."""
    spec = {**obj["Spec"], "Labels": {**labels_of(obj), KEPT: str(number)}}
    payload = {"id": id_of(obj), "version": obj["Version"]["Index"], "spec": spec, "data": None, "base": name_of(obj)}
    reason = FOR_REVISION.format(number)
    return Operation(NOTE, kind, name_of(obj), reason=reason, phase=PRUNE, payload=payload)


def references_after(
    observed: Observed, operations: Sequence[Operation], before: bool = True
) -> Dict[Tuple[str, str], Set[Tuple[str, str]]]:
    """Returns the services (name, stack) by the (kind, id or name) that they refer to after ``operations``, or with
    ``before`` also before their latest update."""
    by_name = {op.name: op for op in operations if op.kind == "service" and op.action != "keep"}
    used: Dict[Tuple[str, str], Set[Tuple[str, str]]] = {}
    for service in observed.get("all_services") or observed["services"]:
        operation = by_name.get(name_of(service))
        specs = [service["Spec"], service.get("PreviousSpec")]
        if operation is not None and operation.action == "update":
            specs = [operation.payload["spec"], service["Spec"]]
        elif operation is not None:
            continue
        for spec in specs if before else specs[:1]:
            for reference in references(spec or {}):
                used.setdefault(reference, set()).add((name_of(service), stack_of(service)))
    return used


def references(spec: Mapping[str, object]) -> Iterator[Tuple[str, str]]:
    """Yields the objects that a ServiceSpec refers to, by id and by name."""
    its = cast("ServiceSpec", spec)
    template = its.get("TaskTemplate") or {}
    container = template.get("ContainerSpec") or {}
    for network in (template.get("Networks") or []) + (its.get("Networks") or []):
        yield "network", network.get("Target") or ""
    for reference in container.get("Configs") or []:
        yield "config", reference.get("ConfigID") or ""
        yield "config", reference.get("ConfigName") or ""
    for secret in container.get("Secrets") or []:
        yield "secret", secret.get("SecretID") or ""
        yield "secret", secret.get("SecretName") or ""
    credentials = (container.get("Privileges") or {}).get("CredentialSpec") or {}
    if credentials.get("Config"):
        yield "config", credentials["Config"]
