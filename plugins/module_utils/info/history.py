# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The history of stacks, in readable form."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Dict, Mapping, Optional, Sequence, Union

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.history.compare import changes_between, in_sequence
from ansible_collections.stackwright.swarm.plugins.module_utils.history.encoding import unpack
from ansible_collections.stackwright.swarm.plugins.module_utils.history.retention import statistics
from ansible_collections.stackwright.swarm.plugins.module_utils.history.revision import Revision
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import Operation
from ansible_collections.stackwright.swarm.plugins.module_utils.revisions.history import histories

#: The running stack, in place of a revision.
LIVE = "live"
NUMBERS = "Give a number that stack_info shows with history: true; to may also be live."


def past_of(
    client: EngineClient, stack: Optional[str], files: bool = False, changes: bool = False
) -> Dict[str, Dict[str, Any]]:
    """Returns ``revisions`` (newest first), ``deployments`` (statistics) and ``owner`` of one stack, or of all.

    With ``files``, revisions have the texts of their Compose files, if these were kept. With ``changes``, they have the
    differences from the good revision before.
    """
    return {
        name: {
            "revisions": [
                {
                    **revision.shown(),
                    **(_texts(revision) if files else {}),
                    **(_changes(revision, revisions) if changes else {}),
                }
                for revision in revisions
            ],
            "deployments": statistics(revisions),
            "owner": next((revision.owner for revision in revisions if revision.owner and revision.started), ""),
        }
        for name, revisions in histories(client, stack).items()
    }


def difference(client: EngineClient, stack: str, wanted: Mapping[str, Union[int, str, None]]) -> Dict[str, Any]:
    """Returns ``from``, ``to``, ``changes`` and ``lines``: the differences between two revisions.

    ``to`` is a number, or ``live`` for the running stack; by default the newest good revision. ``from`` is by default
    the good revision before ``to``. Raises StackwrightError (``no_revision``, ``revision_damaged``,
    ``invalid_options``).
    """
    revisions = histories(client, stack).get(stack) or []
    if wanted.get("to") == LIVE:
        return _to_live(client, stack, revisions, wanted)
    to = _numbered(stack, revisions, wanted.get("to")) if wanted.get("to") else _before(revisions, None)
    start = _numbered(stack, revisions, wanted.get("from")) if wanted.get("from") else _before(revisions, to)
    if to is None or start is None:
        raise StackwrightError(
            f"The history of the stack {stack} has no two revisions to compare.",
            "no_revision",
            "See its revisions with stack_info and history: true.",
        )
    return _described(start, to.number, changes_between(_snapshot(start), _snapshot(to)))


def _to_live(
    client: EngineClient, stack: str, revisions: Sequence[Revision], wanted: Mapping[str, Union[int, str, None]]
) -> Dict[str, Any]:
    from ansible_collections.stackwright.swarm.plugins.module_utils.info.against_live import changes_since, last_good

    good = last_good(stack, revisions)
    start = _numbered(stack, revisions, wanted.get("from")) if wanted.get("from") else good
    between = changes_between(_snapshot(start), _snapshot(good)) if start is not good else []
    return _described(start, LIVE, in_sequence(between, changes_since(client, stack, revisions, good)))


def _described(start: Revision, to: Union[int, str], found: Sequence[Operation]) -> Dict[str, Any]:
    return {
        "from": start.number,
        "to": to,
        "changes": [operation.as_dict() for operation in found],
        "lines": [str(operation) for operation in found],
    }


def _numbered(stack: str, revisions: Sequence[Revision], number: Union[int, str, None]) -> Revision:
    if not str(number).isdecimal():
        raise StackwrightError(f"diff: '{number}' is not the number of a revision.", "invalid_options", NUMBERS)
    found = next((one for one in revisions if one.number == int(number or 0) and one.packed), None)
    if found is None:
        known = ", ".join(str(revision.number) for revision in revisions if revision.packed) or "none"
        raise StackwrightError(
            f"The history of the stack {stack} has no revision {number} to compare.",
            "no_revision",
            f"It has {known}.",
        )
    return found


def _before(revisions: Sequence[Revision], later: Optional[Revision]) -> Optional[Revision]:
    """Returns the newest good revision, with ``later`` the newest one before it."""
    return next((r for r in revisions if r.good and (later is None or r.number < later.number)), None)


def _snapshot(revision: Revision) -> Any:
    if revision.damaged:
        raise StackwrightError(
            f"Revision {revision.number} of the stack {revision.stack} can't be compared: {revision.damaged}.",
            "revision_damaged",
        )
    return unpack(revision.packed)


def _changes(revision: Revision, revisions: Sequence[Revision]) -> Dict[str, Any]:
    """Returns ``changes`` (lines) and ``changes_from`` (number of the revision before); empty if unreadable."""
    before = _before(revisions, revision)
    with suppress(StackwrightError):
        if revision.packed and before is not None:
            found = changes_between(_snapshot(before), _snapshot(revision))
            return {"changes": [str(operation) for operation in found], "changes_from": before.number}
    return {"changes": [], "changes_from": None}


def _texts(revision: Revision) -> Dict[str, Any]:
    """Returns ``files`` with their texts, if the snapshot can be read and has them."""
    with suppress(StackwrightError):
        kept = unpack(revision.packed).get("sources") if revision.packed and not revision.damaged else None
        return {"files": kept["files"]} if kept else {}
    return {}
