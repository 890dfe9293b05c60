# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Differences between existing networks, configs and secrets and those of a revision."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Dict, Iterable, Iterator, List, Mapping, Optional, Set, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.drift.findings import (
    BY_HAND,
    CREATE,
    FILES,
    HEAL_OR_DEPLOY,
    LOST,
    NO_CONTENTS,
    Context,
    Drift,
    extra,
    missing,
    seen,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.differences import differences
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import Change
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.ignore_rules import (
    EDITED,
    MISSING,
    REPLACED,
    VOLUME_DIFFERS,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.objects import owner
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.prefixes import labels_spelled_like
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.prune import references
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.volumes import (
    base_of,
    differing_volumes,
    driver_of,
    own_volumes,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm import normalise
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import (
    CONTENT,
    PRIVATE,
    id_of,
    labels_of,
    name_of,
    stack_of,
)

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import (
        Config,
        Network,
        Service,
        ServiceSpec,
    )
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import (
        ContentEntry,
        NetworkEntry,
        Observed,
        State,
    )

#: Networks that each Engine has.
PREDEFINED = ("host", "bridge", "none", "default")
IN_USE = "Swarm can't change a network in use: remove these services and the network, then heal to recreate them."

Services = Mapping[str, "Service"]


def network_drift(intended: State, observed: Observed, live: Services, context: Context) -> Iterator[Drift]:
    """Yields the drift of networks; ``live`` are the stack's services by name."""
    stack = intended["stack"]["name"]
    by_name: Dict[str, List[Network]] = {}
    for network in observed["networks"]:
        by_name.setdefault(name_of(network), []).append(network)
    used = _uses("network", [service["Spec"] for service in live.values()])
    for entry in intended["networks"]:
        drift = _network(stack, entry, by_name.get(entry["name"], []), used, context.what)
        if drift is not None:
            yield drift
    names = {entry["name"] for entry in intended["networks"]}
    left = {s["name"] for s in intended["services"] if s.get("not_run")}
    names |= _uses("network", [service["Spec"] for name, service in live.items() if name in left])
    for network in observed["networks"]:
        if stack_of(network) == stack and not {name_of(network), id_of(network)} & names:
            yield extra("network", network, context.what)


def _network(stack: str, entry: NetworkEntry, found: List[Network], used: Set[str], what: str) -> Optional[Drift]:
    name, key = entry["name"], entry["key"]
    own = [network for network in found if stack_of(network) == stack]
    if entry["external"]:
        exists = found or name in PREDEFINED or name.startswith("container:")
        return None if exists else _missing_external("network", name, key)
    if not found:
        return missing("network", name, key, what)
    if not own:
        drift = _replaced("network", name, key, f"the name belongs to {owner(found[0])} now", found[0])
        return replace(drift, healing=BY_HAND, hint="Rename or remove it, then heal.")
    want, have = normalise.network_pair(entry["spec"] or {}, own[0])
    # Swarm can't change labels of a network, so those of the revision may never have been set.
    changes = tuple(change for change in differences(want, have) if not change.path.startswith("Labels"))
    if not changes:
        return None
    drift = _replaced("network", name, key, "it was recreated with different options", own[0], changes)
    if id_of(own[0]) in used:
        return replace(drift, healing=BY_HAND, hint=IN_USE)
    return replace(drift, healing=CREATE, hint="No service uses it: healing recreates it.")


def object_drift(kind: str, intended: State, observed: Observed, live: Services, context: Context) -> Iterator[Drift]:
    """Yields the drift of configs or secrets; ``live`` are the stack's services by name."""
    stack = intended["stack"]["name"]
    existing = {name_of(obj): obj for obj in (observed["configs"] if kind == "config" else observed["secrets"])}
    wanted = set()
    for entry in intended["configs"] if kind == "config" else intended["secrets"]:
        name = entry["name"] if entry["external"] else entry["real"]
        wanted.add(name)
        drift = _object(kind, stack, entry, name, existing.get(name), context)
        if drift is not None:
            yield drift
    now = _uses(kind, [service["Spec"] for service in live.values()])
    # Swarm would roll back to these specifications.
    before = _uses(kind, [service.get("PreviousSpec") for service in live.values()])
    for name, obj in existing.items():
        if stack_of(obj) != stack or name in wanted or name in context.referenced.get(kind, ()):
            continue
        # Objects for a rollback by Swarm stay until the next deployment, and so do those that our deployment created.
        spared = before | now if CONTENT in labels_of(obj) else before - now
        if not {name, id_of(obj)} & spared:
            yield extra(kind, obj, context.what)


def _object(
    kind: str, stack: str, entry: ContentEntry, name: str, there: Optional[Config], context: Context
) -> Optional[Drift]:
    key = entry["key"]
    if there is None:
        return _missing_external(kind, name, key) if entry["external"] else missing(kind, name, key, context.what)
    if entry["external"]:
        return None
    if stack_of(there) != stack:
        return _replaced(kind, name, key, f"it belongs to {owner(there)} now", there)
    have = context.contents.get((kind, name), "")
    unreadable = kind == "secret" and not (entry.get("spec") or {}).get("Driver")
    if entry.get("content") and entry["content"] != have and (have or unreadable):
        reason = (
            "its content differs" if have else "it was not created by this collection, and its content can't be read"
        )
        return _replaced(kind, name, key, reason, there)
    want, now = (
        {label: value for label, value in labels.items() if not label.startswith(PRIVATE)}
        for labels in (
            labels_spelled_like((entry["spec"] or {}).get("Labels"), labels_of(there), context.prefix),
            labels_of(there),
        )
    )
    changes = differences({"Labels": want}, {"Labels": now})
    if not changes:
        return None
    reason = f"its labels differ from {context.what}"
    return seen(Drift(EDITED, kind, name, key, reason, HEAL_OR_DEPLOY, changes), there)


def _uses(kind: str, specs: Iterable[Optional[ServiceSpec]]) -> Set[str]:
    """Returns the ids and names of this kind that ServiceSpecs refer to."""
    return {name for spec in specs for its_kind, name in references(spec or {}) if its_kind == kind}


def _missing_external(kind: str, name: str, key: str) -> Drift:
    reason = "it does not exist, and is external to this stack"
    return Drift(MISSING, kind, name, key, reason, "Create it again.", (), BY_HAND)


def _replaced(
    kind: str, name: str, key: str, reason: str, there: Mapping[str, object], changes: Tuple[Change, ...] = ()
) -> Drift:
    return seen(Drift(REPLACED, kind, name, key, reason, NO_CONTENTS, changes, FILES), there)


def volume_drift(intended: State, observed: Observed, context: Context) -> Iterator[Drift]:
    """Yields the volumes of the observed node (``observed["volumes"]``) that have other options than intended."""
    stack = intended["stack"]["name"]
    own = [mount for service in intended["services"] for mount in own_volumes(service["spec"], stack)]
    bases = {str(mount["Source"]): base_of(mount) for mount in own}
    wanted = {str(mount["Source"]): driver_of(mount) for mount in own}
    node = str(observed["info"].get("Name") or "")
    for source, name, text in differing_volumes(wanted, observed.get("volumes") or (), LOST):
        yield Drift(
            VOLUME_DIFFERS,
            "volume",
            name,
            reason=f"on the node {node} it was created with other options than in {context.what}: {text}",
            hint=f"A volume keeps its options. Deploy with recreate_volumes: [{bases[source]}] to replace it with an "
            "empty one, or move the data and remove it.",
            healing=BY_HAND,
        )
