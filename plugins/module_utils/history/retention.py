# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The revisions that are kept, the objects that they refer to, and statistics of a stack's deployments."""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Sequence, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.drift.own_changes import merged
from ansible_collections.stackwright.swarm.plugins.module_utils.history.revision import (
    CANCELLED,
    DEPLOYING,
    FAILED,
    GOOD,
    HEAL,
    OPEN,
    REMOVE,
    REMOVED,
    Revision,
)

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import Note

#: The numbers of the revisions that need an object, by kind and name.
References = Dict[str, Dict[str, List[int]]]


def forgotten(revisions: Sequence[Revision], keep: int) -> List[Revision]:
    """Returns the revisions to remove: those older than the newest ``keep`` good ones.

    Of the others (failed, canceled, removed, damaged), the newest ``keep`` stay too. Unfinished revisions always stay.
    """
    newest_first = sorted(revisions, key=lambda r: r.number, reverse=True)
    good = [r for r in newest_first if r.good]
    oldest = good[keep - 1].number if len(good) >= keep else 0
    others = [r for r in newest_first if not r.good and r.status not in OPEN]
    beyond = {r.number for r in others[max(keep, 1) :]}
    return [r for r in newest_first if r.status not in OPEN and (r.number < oldest or r.number in beyond)]


def kept_references(revisions: Sequence[Revision], keep: int) -> References:
    """Returns the configs and secrets that the newest ``keep`` good revisions refer to: kind → name → numbers.

    Those of damaged and unfinished revisions count too. Revisions before a removal of the stack don't count.
    """
    removed = max((r.number for r in revisions if r.status == REMOVED), default=0)
    good = sorted((r for r in revisions if r.good), key=lambda r: r.number, reverse=True)[: max(keep, 0)]
    oldest = good[-1].number if good else 0
    kept: References = {"config": {}, "secret": {}}
    for revision in sorted(revisions, key=lambda r: r.number):
        spared = (revision.damaged or revision.status in OPEN) and revision.number > oldest and keep > 0
        if revision.number > removed and (revision in good or spared):
            for kind, name in revision.references:
                kept[kind].setdefault(name, []).append(revision.number)
    return kept


def newest_good(revisions: Sequence[Revision], before: Optional[int] = None) -> Optional[Revision]:
    """Returns the newest good revision, with a number below ``before`` if that is set."""
    fitting = [r for r in revisions if r.good and (before is None or r.number < before)]
    return max(fitting, key=lambda r: r.number, default=None)


def present(revisions: Sequence[Revision]) -> Optional[Revision]:
    """Returns the revision whose state the stack should have: the newest with a status in GOOD."""
    return max((r for r in revisions if r.status in GOOD), key=lambda r: r.number, default=None)


def left_open(revisions: Sequence[Revision]) -> List[Revision]:
    """Returns the revisions whose changes may still exist although no good revision has them, oldest first.

    Their runs did not record their end, or failed and were not undone. Heals of the present revision don't count: they
    only restore its state.
    """
    good = present(revisions)
    ended = max((r.number for r in revisions if r.status in (*GOOD, REMOVED)), default=0)
    found = [r for r in revisions if r.number > ended and not r.damaged and (r.status == DEPLOYING or not r.undone)]
    heals = good.number if good is not None else -1
    return sorted((r for r in found if r.operation != HEAL or r.back_to != heals), key=lambda r: r.number)


def unfinished(revisions: Sequence[Revision]) -> List[Revision]:
    """Returns the latest revisions, oldest first, if all their runs died during their work.

    ``revisions`` are newest first; those that never began their work don't count.
    """
    worked = (r for r in revisions if r.started and r.status not in OPEN)
    return list(takewhile(lambda r: r.interrupted, worked))[::-1]


def noted_after(revisions: Sequence[Revision]) -> List[Note]:
    """Returns the notes of the runs after the present revision, in order."""
    good = present(revisions)
    later = [r for r in revisions if good is not None and r.number > good.number]
    return [note for r in sorted(later, key=lambda r: r.number) for note in r.own]


def noted(revisions: Sequence[Revision]) -> Tuple[Note, ...]:
    """Returns the notes about changes by our own runs since the present revision."""
    good = present(revisions)
    return merged((*(good.own if good is not None else ()), *noted_after(revisions)))


def statistics(revisions: Sequence[Revision]) -> Dict[str, Any]:
    """Returns deployments, failed, cancelled, failure_rate, restored, not_restored, rollback_success, recoveries,
    time_to_recover.

    Rates are from 0 to 1, and None if there is nothing to count. ``time_to_recover`` is the mean time in seconds from
    the detection of a failure until the same run or a later one has restored the stack.
    """
    done = sorted(
        (r for r in revisions if r.status in (*GOOD, FAILED) and r.operation != REMOVE and not r.damaged),
        key=lambda r: r.number,
    )
    failed = [r for r in done if r.status == FAILED]
    tried = [r for r in failed if r.restored in ("done", "failed")]
    restored = [r for r in tried if r.restored == "done"]
    recoveries = [seconds for r in failed for seconds in _recovery(r, done)]
    return {
        "deployments": len(done),
        "failed": len(failed),
        "cancelled": sum(r.status == CANCELLED for r in revisions),
        "failure_rate": _rate(len(failed), len(done)),
        "restored": len(restored),
        "not_restored": len(tried) - len(restored),
        "rollback_success": _rate(len(restored), len(tried)),
        "recoveries": len(recoveries),
        "time_to_recover": round(sum(recoveries) / len(recoveries), 1) if recoveries else None,
    }


def _recovery(revision: Revision, done: Sequence[Revision]) -> List[float]:
    noticed = revision.noticed or revision.finished
    if revision.restored == "done":
        return [max(revision.finished - noticed, 0.0)]
    later = [r.finished for r in done if r.number > revision.number and r.status in GOOD and r.finished]
    return [max(min(later) - noticed, 0.0)] if later and noticed else []


def _rate(part: int, whole: int) -> Optional[float]:
    return round(part / whole, 3) if whole else None
