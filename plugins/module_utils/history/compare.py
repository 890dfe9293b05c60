# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares two revisions, with operations as in a plan. Pure.

Hidden values are compared by digest and shown as hidden: the result shows that they changed, but not the values.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Sequence, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.history.snapshot import reveal
from ansible_collections.stackwright.swarm.plugins.module_utils.masking.mask import HIDDEN, mask
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.differences import differences
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import Change, Operation, ordered
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm import normalise

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.history.shapes import Entry, Snapshot

#: Encloses the digest of a hidden value during the comparison; no text of a snapshot has this character.
MARK = "\1"
SEALED = re.compile(f"{MARK}[^{MARK}]*{MARK}")
GENERATED = re.compile("\0[^\0]*\0")


def changes_between(before: Snapshot, after: Snapshot) -> List[Operation]:
    """Returns the operations that change a stack from one snapshot to the other, in the order of a plan."""
    found = [*_networks(before, after), *_services(before, after)]
    found += _objects("config", _by_name(before["configs"]), _by_name(after["configs"]))
    found += _objects("secret", _by_name(before["secrets"]), _by_name(after["secrets"]))
    return list(ordered(found))


def in_sequence(first: Sequence[Operation], then: Sequence[Operation]) -> List[Operation]:
    """Combines the operations ``first`` and ``then``; leaves out changes that ``then`` takes back."""
    done = {(op.kind, op.name): op for op in first}
    for op in then:
        before = done.pop((op.kind, op.name), None)
        known = before.action if before is not None else ""
        if before is None or (known, op.action) == ("update", "remove"):
            done[op.kind, op.name] = op
        elif (known, op.action) == ("create", "update"):
            done[op.kind, op.name] = before
        elif known == "remove":
            done[op.kind, op.name] = replace(op, action="update", reason="another specification", changes=())
        elif op.action == "update":
            changes = _joined(before.changes, op.changes)
            if changes or not (before.changes and op.changes):
                done[op.kind, op.name] = replace(op, changes=changes, reason=op.reason or before.reason)
    return list(ordered(list(done.values())))


def _joined(first: Sequence[Change], then: Sequence[Change]) -> Tuple[Change, ...]:
    paths = {change.path: change for change in first}
    for change in then:
        before = paths.pop(change.path, change).before
        # Two hidden values look alike.
        if before != change.after or before == HIDDEN:
            paths[change.path] = Change(change.path, before, change.after)
    return tuple(paths[path] for path in sorted(paths))


def _by_name(entries: List[Entry]) -> Dict[str, Entry]:
    return {str(entry["name"]): entry for entry in entries}


def _services(before: Snapshot, after: Snapshot) -> Iterator[Operation]:
    old, new = _by_name(before["services"]), _by_name(after["services"])
    for name in sorted({*old, *new}):
        entry = new.get(name) or old[name]
        if name not in old or name not in new:
            yield Operation("remove" if name in old else "create", "service", name, entry["key"])
            continue
        changes = differences(_specification(old[name]), _specification(new[name]))
        if changes:
            shown = tuple(_shown(entry["key"], change) for change in changes)
            yield Operation("update", "service", name, entry["key"], changes=shown)


def _specification(entry: Entry) -> Any:
    sealed = reveal(entry["spec"], lambda digest, _name: f"{MARK}{digest}{MARK}")
    return normalise.service(sealed, {})


def _shown(key: str, change: Change) -> Change:
    values = (mask("service", key, change.path, _open(value)) for value in (change.before, change.after))
    return Change(change.path, *values)


def _open(value: object) -> Any:
    if isinstance(value, str):
        return GENERATED.sub("<generated>", SEALED.sub(HIDDEN, value))
    if isinstance(value, dict):
        return {_open(key): _open(item) for key, item in value.items()}
    return [_open(item) for item in value] if isinstance(value, (list, tuple)) else value


def _networks(before: Snapshot, after: Snapshot) -> Iterator[Operation]:
    old, new = _by_name(before["networks"]), _by_name(after["networks"])
    for name in sorted({*old, *new}):
        entry = new.get(name) or old[name]
        if name not in old or name not in new:
            yield Operation("remove" if name in old else "create", "network", name, entry["key"])
        elif old[name]["spec"] != new[name]["spec"]:
            yield Operation("update", "network", name, entry["key"], "another specification")


def _objects(kind: str, old: Dict[str, Entry], new: Dict[str, Entry]) -> Iterator[Operation]:
    for name in sorted({*old, *new}):
        entry = new.get(name) or old[name]
        if name not in old or name not in new:
            yield Operation("remove" if name in old else "create", kind, name, entry["key"])
        elif (old[name].get("content"), old[name]["spec"]) != (new[name].get("content"), new[name]["spec"]):
            yield Operation("update", kind, name, entry["key"], "another content")
