# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What our own runs leave that no revision has: replicas that stack_service has set, a job that a deployment has run
before it was rolled back. It is noted in the history, and so told from what others have changed.

A note is plain data: ``kind`` and ``name`` of the object, ``did`` (``scaled with stack_service since revision 1``),
``who``, ``at``, and either ``state`` (``gone``, ``made``) or ``paths``: each path that was changed, with a mark of what
stands there. A mark gives no text away.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterable, Iterator, List, Sequence, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.drift.findings import Drift
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import Change
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.ignore_rules import EXTRA, MISSING
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import BEFORE_STOP

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import Note

GONE, MADE = "gone", "made"
STATE_OF = {MISSING: GONE, EXTRA: MADE}
REPLICAS = "Mode.Replicated.Replicas"
DIGITS = 16  # of a digest: enough to tell values of one path apart

Mark = Callable[[object], str]


def marker(digest: Callable[[object], str]) -> Mark:
    """Marks of values; ``digest`` (with the cluster's key) is asked for all but numbers and what is absent."""

    def mark(value: object) -> str:
        if value is None or isinstance(value, (bool, int, float)):
            return "" if value is None else str(value)
        return digest(value)[:DIGITS]

    return mark


def marks(changes: Iterable[Change], mark: Mark) -> Dict[str, str]:
    """``paths`` of a note: what ``changes`` put where."""
    return {path: mark(value) for change in changes for path, value in _leaves_changed(change)}


def merged(notes: Iterable[Note]) -> Tuple[Note, ...]:
    """Notes in the order in which they were made, each without what a later one says of the same place."""
    kept: List[Note] = []
    for note in notes:
        for old in kept:
            if (old["kind"], old["name"]) == (note["kind"], note["name"]):
                old.pop("state", None)
                paths = note.get("paths") or {}
                old["paths"] = {path: mark for path, mark in (old.get("paths") or {}).items() if path not in paths}
        kept = [old for old in kept if old.get("state") or old.get("paths")]
        kept.append({**note})
    return tuple(kept)


def split(drift: Drift, notes: Sequence[Note], mark: Mark) -> Tuple[List[Drift], List[Drift]]:
    """What of ``drift`` others have done, and what ours have."""
    mine = [note for note in notes if (note["kind"], note["name"]) == (drift.object, drift.name)]
    if not mine:
        return [drift], []
    if not drift.changes:
        noted = [note for note in mine if note.get("state") and note["state"] == STATE_OF.get(drift.kind)]
        return ([], [replace(drift, by=_by(noted[-1]))]) if noted else ([drift], [])
    paths = {path: (text, note) for note in mine for path, text in (note.get("paths") or {}).items()}
    rest: List[Change] = []
    ours: List[Change] = []
    by: List[str] = []
    for change in drift.changes:
        found = [paths.get(_noted_as(path)) for path, _value in _leaves_changed(change)]
        wanted = [mark(_number(path, value)) for path, value in _leaves_changed(change)]
        if all(there is not None and there[0] == text for there, text in zip(found, wanted)):
            ours.append(change)
            by += [_by(there[1]) for there in found if there is not None and _by(there[1]) not in by]
        else:
            rest.append(change)
    counts = [replace(drift, changes=tuple(rest))] if rest else []
    return counts, [replace(drift, changes=tuple(ours), by="; ".join(by))] if ours else []


def _by(note: Note) -> str:
    return ", by ".join(str(text) for text in (note.get("did"), note.get("who")) if text)


def _leaves_changed(change: Change) -> Iterator[Tuple[str, Any]]:
    before, after = dict(_leaves(change.path, change.before)), dict(_leaves(change.path, change.after))
    for path in sorted({**before, **after}):
        if before.get(path) != after.get(path):
            yield path, after.get(path)


def _leaves(path: str, value: object) -> Iterator[Tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for name, item in value.items():
            yield from _leaves(f"{path}.{name}", item)
    else:
        yield path, value


def _noted_as(path: str) -> str:
    """A stopped service has its number of replicas in a label."""
    return REPLICAS if path.startswith("Labels.") and path.endswith(BEFORE_STOP) else path


def _number(path: str, value: Any) -> Any:
    return int(value) if _noted_as(path) != path and str(value).isdigit() else value
