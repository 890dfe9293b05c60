# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Converts a planned deployment to a revision's snapshot, and a snapshot back to a bound desired state."""

from __future__ import annotations

from functools import partial
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Callable, Collection, Dict, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.binding.bind import CREATE_THEM, missing_externals
from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.content import create_key, digest
from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.observe import configs_named
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import DeployError, EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.core.shape import wrong
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.shapes import SPECS
from ansible_collections.stackwright.swarm.plugins.module_utils.history.encoding import pack, unpack
from ansible_collections.stackwright.swarm.plugins.module_utils.history.retention import present
from ansible_collections.stackwright.swarm.plugins.module_utils.history.revision import (
    DEPLOY,
    Revision,
    without_texts,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.history.snapshot import (
    KINDS,
    Digest,
    hidden_values,
    keyed,
    needs,
    reveal,
    take,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import Plan
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.reconcile import own_services
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import (
    CONTENT,
    KEY_CONFIG,
    labels_of,
    name_of,
)

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.binding.pinned import Pinned
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Config
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import (
        Binder,
        Binding,
        ContentEntry,
        Observed,
        Snapshot,
        State,
    )


def draft(
    stack: str,
    holder: Mapping[str, object],
    message: str,
    operation: str = DEPLOY,
    snapshot: Optional[Snapshot] = None,
    back_to: int = 0,
) -> Revision:
    """Returns a revision that is not recorded yet, of the run ``holder`` (of the lock)."""
    return Revision(
        stack,
        id=str(holder.get("run") or ""),
        operation=operation,
        message=message,
        who=str(holder.get("who") or ""),
        back_to=back_to,
        references=tuple(needs(snapshot)) if snapshot is not None else (),
        sources=without_texts(snapshot.get("sources")) if snapshot is not None else {},
        packed=pack(snapshot) if snapshot is not None else b"",
    )


def snapshot_of(client: EngineClient, bound: State, observed: Observed, plan: Plan) -> Snapshot:
    """Returns the stack's state after the plan, without secrets. Creates the cluster's key if it hides values.

    If the stack has kept values, the snapshot has the references and their versions.
    """
    key = observed.get("key")
    any_key = key or observed.get("history_key")
    binder = bound.get("binder")
    if binder is not None:
        bound = _with_references(bound, binder)
    contents = {}
    for kind, plural in KINDS:
        for entry in bound[plural]:
            if not entry["external"]:
                live, real = entry["binding"]["object"], entry["binding"]["name"]
                known = labels_of(live).get(CONTENT) if live is not None else ""
                contents[kind, real] = known or ("data" in entry and digest(kind, entry, key)) or ""
    stack = bound["stack"]["name"]
    snapshot = take(bound, plan.operations, own_services(stack, observed), contents, digest_of(client, any_key))
    if binder is not None:
        store: Any = {name: binder.options.get(name) for name in ("store", "path") if binder.options.get(name)}
        snapshot["values"] = {"labels": dict(binder.labels), "store": store}
    return snapshot


def with_others(snapshot: Snapshot, stack: str, revisions: Sequence[Revision]) -> Snapshot:
    """Adds the other services and their objects from the last good revision to the ``snapshot`` of a run that deployed
    only some services. Without a readable last good revision, returns ``snapshot``."""
    last = present(revisions)
    if last is None or last.damaged or not last.packed:
        return snapshot
    before = unpack(last.packed)
    out: Snapshot = {**snapshot}
    names = {service["name"] for service in snapshot["services"]}
    others = [service for service in before["services"] if service["name"] not in names]
    out["services"] = sorted([*snapshot["services"], *others], key=lambda service: str(service["name"]))
    parts: Any = out
    new_parts: Any = snapshot
    old_parts: Any = before
    for plural in ("networks", "configs", "secrets"):
        known = {entry.get("real", entry["name"]) for entry in new_parts[plural]}
        parts[plural] = [
            *new_parts[plural],
            *(e for e in old_parts[plural] if e.get("real", e["name"]) not in known),
        ]
    keys = {service["key"] for service in others}
    waves = zip_longest(snapshot["waves"], before["waves"], fillvalue=())
    out["waves"] = [[*new, *(key for key in old if key in keys)] for new, old in waves]
    kept = before.get("values")
    if kept:
        now = snapshot.get("values") or kept
        out["values"] = {**kept, **now, "labels": {**(kept.get("labels") or {}), **(now.get("labels") or {})}}
    return out


def _with_references(bound: State, binder: Binder) -> State:
    """Returns the bound state with real names, and with references in place of values."""
    written: State = {**bound, "services": binder.unbound["services"]}
    parts: Any = written
    desired: Any = binder.desired
    for plural in ("networks", "configs", "secrets"):
        specs = {entry["key"]: entry.get("spec") for entry in desired[plural]}
        parts[plural] = [{**entry, "spec": specs[entry["key"]]} for entry in parts[plural]]
    return written


def recall(
    client: EngineClient,
    snapshot: Snapshot,
    observed: Observed,
    what: str = "it",
    spared: Collection[Tuple[str, str]] = (),
    values: Optional[Pinned] = None,
) -> State:
    """Returns a bound desired state, as ``bind`` does, from a snapshot. ``what`` is the revision in errors.

    ``values`` are its kept values, if they were read already. The configs and secrets ``spared`` (kind, name) may be
    missing or changed.

    Raises DeployError (``value_lost`` if no running service has a hidden value, ``revision_incomplete`` if a config or
    secret is missing or changed), EngineError (``not_found``) for missing external objects.
    """
    bound = _revealed(client, snapshot, observed, what)
    gone: List[str] = []
    for kind, plural in KINDS:
        live = {name_of(obj): obj for obj in observed[plural]}
        bound[plural] = [
            entry if entry["external"] else _found(kind, entry, live.get(entry["real"]), gone, spared)
            for entry in bound[plural]
            if entry["external"] or entry["real"] in live or (kind, entry["real"]) not in spared
        ]
    if gone:
        raise DeployError(
            f"The stack can't be rolled back to {what}: {'; '.join(gone)}.",
            "revision_incomplete",
            "Deploy the stack from its files, or roll back to another revision (stack_info lists them). Nothing was "
            "changed.",
            {"missing": gone},
        )
    missing = list(missing_externals(bound, observed))
    if missing:
        raise EngineError("External objects are missing: " + "; ".join(missing) + ".", "not_found", CREATE_THEM)
    if snapshot.get("values"):
        from ansible_collections.stackwright.swarm.plugins.module_utils.binding.pinned import Pinned

        return (values or Pinned(client, observed["info"], snapshot)).bind(bound)
    return bound


def _found(
    kind: str,
    entry: ContentEntry,
    live: Optional[Config],
    gone: List[str],
    spared: Collection[Tuple[str, str]],
) -> ContentEntry:
    real = entry["real"]
    if live is None:
        gone.append(f"{kind} {real} no longer exists")
    elif (kind, real) not in spared:
        have = labels_of(live).get(CONTENT, "")
        if entry["content"] and have and have != entry["content"]:
            gone.append(f"{kind} {real} has different content now")
    binding: Binding = {"name": real, "object": live, "reason": "labels differ", "adopt": False}
    return {**entry, "data": None, "binding": binding}


def _revealed(client: EngineClient, snapshot: Snapshot, observed: Observed, what: str) -> State:
    values: Optional[Dict[str, Any]] = None
    lost: List[str] = []

    def find(where: str, mark: str, name: str) -> Any:
        nonlocal values
        if values is None:
            values = running_values(observed.get("key") or _stored_key(client), observed)
        if mark not in values:
            lost.append(f"{name} of {where}")
        return values.get(mark, "")

    bound = revealed(snapshot, find)
    if lost:
        raise DeployError(
            f"The stack can't be rolled back to {what}: its history contains no secrets, and no running service has "
            "these values any more: "
            f"{', '.join(sorted(lost))}.",
            "value_lost",
            "Deploy the stack from its files, which have the values. Nothing was changed.",
            {"lost": sorted(lost)},
        )
    return bound


def revealed(snapshot: Snapshot, find: Callable[[str, str, str], object]) -> State:
    """Returns a snapshot's state with its hidden values, which ``find(where, digest, name)`` returns.

    ``where`` is for example ``service web``. Raises DeployError (``revision_damaged``) for an invalid specification.
    """
    bound: State = {"format": 1, "routes": [], "notices": [], "stack": snapshot["stack"], "waves": snapshot["waves"]}
    parts: Any = bound
    packed: Any = snapshot
    for kind in ("network", "config", "secret", "service"):
        parts[kind + "s"] = [
            {**entry, "spec": reveal(entry["spec"], partial(find, f"{kind} {entry['key']}"))}
            for entry in packed[kind + "s"]
        ]
        for entry in parts[kind + "s"]:
            fault = wrong(entry["spec"], SPECS[kind]) if entry["spec"] is not None else None
            if fault is not None:
                raise DeployError(
                    f"A revision of the stack {bound['stack']['name']} is damaged: the {kind} {entry['key']}{fault}.",
                    "revision_damaged",
                    "Deploy the stack from its files: this creates a new revision. Nothing was changed.",
                )
    return bound


def running_values(key: Optional[str], observed: Observed) -> Dict[str, Any]:
    """Returns the values that snapshots hide, from current and previous specifications of the objects in the Swarm, by
    their digest with the cluster's ``key``."""
    if not key:
        return {}
    mark = keyed(key)
    specs: List[Tuple[str, Optional[Mapping[str, object]]]]
    specs = [("service", spec) for s in observed["services"] for spec in (s["Spec"], s.get("PreviousSpec"))]
    specs += [("network", network) for network in observed["networks"]]
    specs += [(kind, obj["Spec"]) for kind, plural in KINDS for obj in observed[plural]]
    return {mark(value): value for kind, spec in specs if spec for value in hidden_values(kind, spec)}


def _stored_key(client: EngineClient) -> str:
    return next((str(config["Spec"].get("Data") or "") for config in configs_named(client, [KEY_CONFIG])), "")


def digest_of(client: EngineClient, key: Optional[str]) -> Digest:
    """Returns the cluster's digest function, which reads or creates the key at the first value."""
    made: List[Callable[[Any], str]] = []

    def mark(value: object) -> str:
        if not made:
            made.append(keyed(key or _stored_key(client) or create_key(client)))
        return made[0](value)

    return mark
