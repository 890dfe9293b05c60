# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes by our own runs that no revision has, such as replicas that stack_service set, or a job that ran in a
deployment before its rollback. Notes in the history distinguish them from changes by others.

A note is plain data: ``kind`` and ``name`` of the object, ``did`` (``scaled with stack_service since revision 1``),
``who``, ``at``, and either ``state`` (``gone``, ``made``) or ``paths``: each changed path with a mark of its new value,
which reveals no text.
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
DIGITS = 16  # of a digest: enough to distinguish values of one path

Mark = Callable[[object], str]


def marker(digest: Callable[[object], str]) -> Mark:
    """Returns a function that returns marks of values; ``digest`` uses the cluster's key. Numbers stay readable."""

    def mark(value: object) -> str:
        if value is None or isinstance(value, (bool, int, float)):
            return "" if value is None else str(value)
        return digest(value)[:DIGITS]

    return mark


def marks(changes: Iterable[Change], mark: Mark) -> Dict[str, str]:
    """Returns ``paths`` of a note for ``changes``."""
    return {path: mark(value) for change in changes for path, value in _leaves_changed(change)}


def merged(notes: Iterable[Note]) -> Tuple[Note, ...]:
    """Returns the notes in order, each without the places that a later note has as well."""
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
    """Divides ``drift`` into changes by others, and changes by our own runs."""
    mine = [note for note in notes if (note["kind"], note["name"]) == (drift.object, drift.name)]
    if not mine:
        return [drift], []
    if not drift.changes:
        same = [note for note in mine if note.get("state") and note["state"] == STATE_OF.get(drift.kind)]
        return ([], [replace(drift, by=_by(same[-1]))]) if same else ([drift], [])
    paths = {path: (text, note) for note in mine for path, text in (note.get("paths") or {}).items()}
    rest: List[Change] = []
    ours: List[Change] = []
    by: List[str] = []
    for change in drift.changes:
        found = [paths.get(_noted_as(path)) for path, _value in _leaves_changed(change)]
        actual = [mark(_number(path, value)) for path, value in _leaves_changed(change)]
        if all(noted is not None and noted[0] == text for noted, text in zip(found, actual)):
            ours.append(change)
            by += [_by(noted[1]) for noted in found if noted is not None and _by(noted[1]) not in by]
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
    """Returns the path in notes: a stopped service has its number of replicas in a label."""
    return REPLICAS if path.startswith("Labels.") and path.endswith(BEFORE_STOP) else path


def _number(path: str, value: Any) -> Any:
    return int(value) if _noted_as(path) != path and str(value).isdigit() else value
