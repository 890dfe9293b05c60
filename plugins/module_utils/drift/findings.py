# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drift: a difference between the last good revision and the current state; and which differences a plan repairs."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Sequence, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import Change, Mask, Operation
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.ignore_rules import (
    BEHIND,
    EXTRA,
    FORCED,
    MISSING,
    PAUSED,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import name_of

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import Note

#: What healing does about a difference: updates, recreates, records it in the history, removes (with ``prune``); or
#: nothing, because only the files have the necessary data, or a person must decide.
UPDATE, CREATE, RECORD, PRUNE, FILES, BY_HAND = "update", "create", "record", "prune", "files", "by_hand"
#: The kind of object of a drift of the whole stack.
STACK = "stack"
#: In place of a value that is hidden in the history and that no running service has.
LOST = "<hidden in the history>"


@dataclass(frozen=True)
class Drift:
    """One difference of one object. In ``changes``, ``before`` is the intended value and ``after`` the actual one.

    ``created`` and ``updated`` are the Swarm's times, ``version`` its version index; they are empty for a missing
    object. Swarm does not record who made a change. ``by`` names the run if it was one of ours.
    """

    kind: str
    object: str
    name: str
    key: str = ""
    reason: str = ""
    hint: str = ""
    changes: Tuple[Change, ...] = ()
    healing: str = UPDATE
    created: str = ""
    updated: str = ""
    version: int = 0
    by: str = ""

    def __str__(self) -> str:
        text = str(
            Operation(self.kind, self.object, self.name, "", self.reason if not self.changes else "", self.changes)
        )
        when = self.by or (f"{self.updated[:19]}Z" if self.updated else "")
        return f"{text} ({when})" if when else text

    def as_dict(self) -> Dict[str, Any]:
        """Returns plain data for the result."""
        return {
            "kind": self.kind,
            "object": self.object,
            "name": self.name,
            "key": self.key,
            "reason": self.reason,
            "hint": self.hint,
            "changes": [{"path": c.path, "intended": c.before, "actual": c.after} for c in self.changes],
            "healing": self.healing,
            "created": self.created,
            "updated": self.updated,
            "version": self.version,
            "by": self.by,
        }

    def masked(self, mask: Mask) -> Drift:
        """Returns a copy with ``mask(kind, key, path, value)`` in place of each value."""
        return replace(
            self,
            changes=tuple(
                Change(
                    c.path, mask(self.object, self.key, c.path, c.before), mask(self.object, self.key, c.path, c.after)
                )
                for c in self.changes
            ),
        )


@dataclass(frozen=True)
class Context:
    """Further inputs of the comparison.

    ``what`` names the revision. ``referenced`` has the configs and secrets that revisions need (kind → names),
    ``contents`` the digests of existing ones, by kind and name, and ``answers`` the registry's answers by image.
    ``rerun_jobs`` says whether healing may run jobs. ``own`` are the notes of our own runs, ``mark`` returns the marks
    in them (own_changes.py).
    """

    what: str
    prefix: str
    referenced: Mapping[str, Any] = field(default_factory=dict)
    contents: Mapping[Tuple[str, str], str] = field(default_factory=dict)
    answers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    rerun_jobs: bool = False
    own: Sequence[Note] = ()
    mark: Callable[[Any], str] = str


HEAL_OR_DEPLOY = "Heal to restore it, or add the change to the files and deploy them."
NO_VALUES = "One of its values is hidden in the history, and no running service has it any more: deploy the files."
NO_CONTENTS = "The history does not store contents: deploy the files."


def seen(drift: Drift, obj: Mapping[str, Any]) -> Drift:
    """Returns ``drift`` with the object's times and version in the Swarm."""
    return replace(
        drift,
        created=str(obj.get("CreatedAt") or obj.get("Created") or ""),
        updated=str(obj.get("UpdatedAt") or obj.get("Created") or ""),
        version=int((obj.get("Version") or {}).get("Index") or 0),
    )


def missing(kind: str, name: str, key: str, what: str, spec: object = None) -> Drift:
    """Returns the drift of an object that the revision (``what``) has, as ``spec``, and the Swarm does not have."""
    hint, healing = "Heal, or remove it from the files.", CREATE
    if kind in ("config", "secret"):
        hint, healing = NO_CONTENTS, FILES
    elif LOST in repr(spec):
        hint, healing = NO_VALUES, FILES
    return Drift(MISSING, kind, name, key, f"it does not exist; {what} has it", hint, (), healing)


def whole(stack: str, found: Sequence[Drift], what: str) -> List[Drift]:
    """Returns ``found`` of a stack without services, with one drift in place of those for its missing objects."""
    gone = [drift for drift in found if drift.kind == MISSING and drift.healing != BY_HAND]
    if len(gone) < 2 or not any(drift.object == "service" for drift in gone):
        return list(found)
    healing = CREATE if all(drift.healing == CREATE for drift in gone) else FILES
    hint = (
        "Heal, or deploy its files."
        if healing == CREATE
        else "The history does not have everything it needs: deploy its files."
    )
    reason = f"the whole stack was removed since {what}"
    rest = [drift for drift in found if drift not in gone]
    return [Drift(MISSING, STACK, stack, "", reason, hint, (), healing), *rest]


def extra(kind: str, obj: Mapping[str, object], what: str) -> Drift:
    """Returns the drift of an object that has the stack's label, but is not in the revision (``what``)."""
    reason = f"it has the stack's label, but is not in {what}"
    hint = "Heal with prune: true to remove it, or add it to the files."
    return seen(Drift(EXTRA, kind, name_of(obj), "", reason, hint, (), PRUNE), obj)


def overwritten(found: Sequence[Drift], operations: Sequence[Operation]) -> List[Drift]:
    """Returns the part of ``found`` that a plan would undo, without changes that the plan makes as well."""
    plan = {(op.kind, op.name): op for op in operations if op.action not in ("keep", "record")}
    out = []
    for drift in found:
        if drift.object == STACK and any(op.action == "create" and op.kind == "service" for op in plan.values()):
            out.append(drift)
        operation = plan.get((drift.object, drift.name))
        # An update that Swarm stopped is not a change by other users.
        if operation is None or drift.kind in (FORCED, BEHIND) or (drift.kind == PAUSED and not drift.changes):
            continue
        if operation.action != "update":
            out.append(drift)
            continue
        changes = tuple(c for c in drift.changes if any(_overlap(c.path, other.path) for other in operation.changes))
        if changes:
            out.append(replace(drift, changes=changes))
    return out


def _overlap(one: str, other: str) -> bool:
    return one == other or one.startswith(other + ".") or other.startswith(one + ".")
