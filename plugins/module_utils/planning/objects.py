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
    """Operations and notices for the stack's own networks.

    The Engine never changes a network; those that are named in ``unused`` may be recreated, with ``recreate`` all.
    What an entry names as ``in_place`` goes first. Raises PlanError (``unsafe_change``) if one differs in more than
    its labels, EngineError (``conflict``) where a name belongs to somebody else.
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
    """The networks that go before the services change: names by id."""
    return {
        op.payload["id"]: op.name
        for op in operations
        if (op.action, op.kind, op.phase) == ("remove", "network", CHANGE)
    }


def object_operations(kind: str, entries: Sequence[ContentEntry], prefix: str = "") -> List[Operation]:
    """Operations for the configs or secrets as ``bind`` left them (``entry["binding"]``)."""
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
    """The creation of the cluster's key, where a secret needs it for the first time."""
    if observed.get("key") is not None:
        return []
    if not any(not e["external"] and (e["binding"]["object"] is None or adopting) for e in desired["secrets"]):
        return []
    reason = "the key for digests of secrets; one for the whole Swarm"
    return [Operation("create", "config", KEY_CONFIG, "", reason, payload={"key": True})]


#: Names of networks that each node has, and that no Swarm does.
CONTENTS: Tuple[Tuple[str, Contents], ...] = (("config", "configs"), ("secret", "secrets"))
PREDEFINED = ("host", "bridge", "none", "default")


class Absent(NamedTuple):
    """An external object that services refer to and can't have: why, and the command that makes it."""

    kind: str
    name: str
    users: List[Mapping[str, Any]]
    problem: str
    remedy: str
    exists: bool = False


def absent_externals(desired: State, observed: Observed) -> Iterator[Absent]:
    """The external objects that a service refers to and that do not exist, or only on one node."""
    users = _users(desired)
    networks = {name_of(network): network for network in observed["networks"]}
    for network in observed["networks"]:  # of two with one name, the Swarm's counts
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
    """Whose an object is, for messages."""
    stack = stack_of(obj)
    return f"the stack {stack}" if stack else "no stack (it was not created by one)"


def refuse_replacement(desired: State, observed: Observed, first: Mapping[str, str]) -> None:
    """Raises PlanError (``unsafe_change``) if somebody else uses a network that is to be replaced, by another one
    or in its place (``first``: names by id).

    Containers that were attached by hand are seen where ``observed`` has ``attached`` (network id → words for each).
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
