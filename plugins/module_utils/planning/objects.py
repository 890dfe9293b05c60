# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operations for networks, configs and secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Collection, Dict, Iterator, List, Mapping, NamedTuple, Sequence, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError, PlanError
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.differences import differences
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import CHANGE, Operation
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.prefixes import labels_spelled_like
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.prune import references
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm import normalise
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import (
    KEY_CONFIG,
    PRIVATE,
    id_of,
    labels_of,
    name_of,
    stack_of,
)

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import (
        ContentEntry,
        Contents,
        Observed,
        State,
    )

MADE_ANEW = "differs, and no service uses it"


def network_operations(
    desired: State, observed: Observed, unused: Collection[str] = (), recreate: bool = False
) -> Tuple[List[Operation], List[str]]:
    """Returns operations and notices for the stack's own networks.

    The Engine can't change a network. Those in ``unused`` may be recreated, with ``recreate`` all. The networks that an
    entry has as ``in_place`` are removed first. Raises PlanError (``unsafe_change``) if one differs in more than its
    labels, and EngineError (``conflict``) if a name belongs to another owner.
    """
    stack, prefix = desired["stack"]["name"], desired["stack"].get("prefix", "")
    operations, notices, unsafe = [], [], []
    by_name: Dict[str, List[Mapping[str, Any]]] = {}
    for network in observed["networks"]:
        by_name.setdefault(name_of(network), []).append(network)
    for entry in desired["networks"]:
        if entry["external"]:
            continue
        name, key = entry["name"], entry["key"]
        found = by_name.get(name, [])
        own = [network for network in found if stack_of(network) == stack]
        if found and not own:
            raise EngineError(
                f"network {key}: the name {name} belongs to {owner(found[0])}.",
                "conflict",
                "Give the network another `name`, or declare it `external: true`.",
            )
        for old in (network for gone in entry.get("in_place") or () for network in by_name.get(gone, ())):
            reason = entry["reason"] if name_of(old) == name else f"replaced by {name}"
            operations.append(Operation("remove", "network", name_of(old), key, reason, payload={"id": id_of(old)}))
        if not own or name in (entry.get("in_place") or ()):
            payload = {"spec": entry["spec"]}
            operations.append(Operation("create", "network", name, key, entry.get("reason", "new"), payload=payload))
            continue
        spec = entry["spec"] or {}
        labels = labels_spelled_like(spec.get("Labels"), labels_of(own[0]), prefix)
        want, have = normalise.network_pair({**spec, "Labels": labels}, own[0])
        changes = differences(have, want)
        serious = [str(change) for change in changes if not change.path.startswith("Labels")]
        if serious and (recreate or name in unused):
            reason = MADE_ANEW if name in unused else f"recreated: {', '.join(serious)}"
            operations.append(Operation("remove", "network", name, key, reason, changes, payload={"id": id_of(own[0])}))
            operations.append(Operation("create", "network", name, key, reason, payload={"spec": entry["spec"]}))
            continue
        if serious:
            unsafe.append(f"network {name}: {', '.join(serious)}")
        elif changes:
            notices.append(f"network {name} keeps its labels: Swarm can't change them ({', '.join(map(str, changes))})")
        operations.append(
            Operation("keep", "network", name, key, "equal" if not changes else "labels can't be changed")
        )
    if unsafe:
        raise PlanError(
            "Swarm can't change a network: " + "; ".join(unsafe) + ".",
            hint="Set `recreate: true` to replace it: with a new one beside it (services move and restart, the old "
            "one is pruned) or, if the file sets its `name`, in its place (its services stop in between). Or change "
            "its `name` in the file, or undo the change.",
        )
    return operations, notices


def removed_first(operations: Sequence[Operation]) -> Dict[str, str]:
    """Returns the networks that are removed before the services change: names by id."""
    return {
        op.payload["id"]: op.name
        for op in operations
        if (op.action, op.kind, op.phase) == ("remove", "network", CHANGE)
    }


def object_operations(kind: str, entries: Sequence[ContentEntry], prefix: str = "") -> List[Operation]:
    """Returns operations for the bound configs or secrets (``entry["binding"]``)."""
    operations = []
    for entry in entries:
        if entry["external"]:
            continue
        binding = entry["binding"]
        name, key, spec = binding["name"], entry["key"], entry["spec"] or {}
        live = binding["object"]
        if live is None:
            payload: Dict[str, object] = {"spec": {**spec, "Name": name}, "data": entry["data"], "base": entry["name"]}
            payload["was"] = binding.get("was")
            operations.append(Operation("create", kind, name, key, binding["reason"], payload=payload))
            continue
        have = labels_of(live)
        private = {k: v for k, v in have.items() if k.startswith(PRIVATE)}
        changes = differences(
            {"Labels": {k: v for k, v in have.items() if k not in private}},
            {"Labels": labels_spelled_like(spec.get("Labels"), have, prefix)},
        )
        if not changes and not binding["adopt"]:
            operations.append(Operation("keep", kind, name, key, "equal"))
            continue
        payload = {
            "id": id_of(live),
            "version": live["Version"]["Index"],
            "spec": {**live["Spec"], "Labels": {**(spec.get("Labels") or {}), **private}},
            "data": entry["data"] if kind == "secret" else None,
            "base": entry["name"],
            "adopt": binding["adopt"],
        }
        operations.append(Operation("update", kind, name, key, binding["reason"], changes, payload=payload))
    return operations


def key_operation(desired: State, observed: Observed, adopting: bool) -> List[Operation]:
    """Returns the creation of the cluster's key if a secret needs it for the first time."""
    if observed.get("key") is not None:
        return []
    if not any(not e["external"] and (e["binding"]["object"] is None or adopting) for e in desired["secrets"]):
        return []
    reason = "the key for digests of secrets; one for the whole Swarm"
    return [Operation("create", "config", KEY_CONFIG, "", reason, payload={"key": True})]


CONTENTS: Tuple[Tuple[str, Contents], ...] = (("config", "configs"), ("secret", "secrets"))
#: Names of networks that each node has, and the Swarm does not.
PREDEFINED = ("host", "bridge", "none", "default")


class Absent(NamedTuple):
    """An external object that services can't use: the problem, and the command that creates it."""

    kind: str
    name: str
    users: List[Mapping[str, Any]]
    problem: str
    remedy: str
    exists: bool = False


def absent_externals(desired: State, observed: Observed) -> Iterator[Absent]:
    """Yields the external objects that a service refers to and that don't exist, or only on one node."""
    users = _users(desired)
    networks = {name_of(network): network for network in observed["networks"]}
    for network in observed["networks"]:  # a network of the Swarm hides one of a node with the same name
        if network.get("Scope") == "swarm":
            networks[name_of(network)] = network
    for entry in desired["networks"]:
        name = entry["name"]
        if not entry["external"] or name in PREDEFINED or name.startswith("container:"):
            continue
        user = users.get(("network", name))
        remedy = f"docker network create --driver overlay {name}"
        if user and name not in networks:
            yield Absent("network", name, user, "does not exist", remedy)
        elif user and networks[name].get("Scope") != "swarm":
            problem = "is local to one node; services need an overlay network"
            yield Absent("network", name, user, problem, "", exists=True)
    for kind, plural in CONTENTS:
        names = {name_of(obj) for obj in observed[plural]}
        for content in desired[plural]:
            name = content["name"]
            user = users.get((kind, name))
            if content["external"] and user and name not in names:
                yield Absent(kind, name, user, "does not exist", f"docker {kind} create {name} FILE")


def _users(desired: State) -> Dict[Tuple[str, str], List[Mapping[str, Any]]]:
    users: Dict[Tuple[str, str], List[Mapping[str, Any]]] = {}
    for service in desired["services"]:
        for reference in () if service.get("step_of") else set(references(service["spec"])):
            users.setdefault(reference, []).append(service)
    return users


def owner(obj: Mapping[str, object]) -> str:
    """Returns the owner of an object, for messages."""
    stack = stack_of(obj)
    return f"the stack {stack}" if stack else "no stack (it was not created by one)"


def refuse_replacement(desired: State, observed: Observed, first: Mapping[str, str]) -> None:
    """Raises PlanError (``unsafe_change``) if others use a network that the plan replaces with another one, or
    recreates in place (``first``: names by id).

    Checks containers that were attached by hand if ``observed`` has ``attached`` (descriptions by network id).
    """
    replaced = {old: entry["key"] for entry in desired["networks"] for old in entry.get("replaces") or ()}
    wanted = {service["name"] for service in desired["services"]}
    stack, part = desired["stack"]["name"], bool(desired.get("part"))
    for old in observed["networks"]:
        if stack_of(old) != stack or (name_of(old) not in replaced and id_of(old) not in first):
            continue
        users = [
            name_of(service)
            for service in observed.get("all_services") or ()
            if {("network", id_of(old)), ("network", name_of(old))} & set(references(service["Spec"]))
            and (stack_of(service) != stack or (part and name_of(service) not in wanted))
        ]
        users += (observed.get("attached") or {}).get(id_of(old), [])
        if users:
            raise PlanError(
                f"network {replaced.get(name_of(old), name_of(old))}: {name_of(old)} can't be replaced: "
                f"{', '.join(sorted(users))} {'use' if len(users) > 1 else 'uses'} it.",
                hint="Disconnect them from the network first, or give the new network another name in the file.",
            )
