# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records in the history the changes of a run that have no revision, so that they are never reported as drift."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Sequence, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.binding.recall import digest_of
from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.observe import observe
from ansible_collections.stackwright.swarm.plugins.module_utils.core.retry import patiently
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.restore import Former
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.run import Run
from ansible_collections.stackwright.swarm.plugins.module_utils.drift.own_changes import (
    GONE,
    MADE,
    Mark,
    marker,
    marks,
    merged,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.drift.service_drift import FORCE
from ansible_collections.stackwright.swarm.plugins.module_utils.history.retention import noted_after, present
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.differences import differences
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import Change, Operation
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.reconcile import names_of
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm import normalise
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import id_of, name_of, stack_of

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Service, ServiceSpec
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import Lists, Note, Observed

KINDS: Tuple[Tuple[str, Lists], ...] = (("service", "services"), ("network", "networks"))
WITH = {"rolled_back": "rolled back", "paused": "held"}
#: What swarm_node and swarm_rebalance do.
MOVES = {"moved": "moved to other nodes", "settled": "moved to other nodes"}


def note_services(
    run: Run, lives: Mapping[str, Service], operations: Sequence[Operation], observed: Observed, state: str
) -> Callable[[], None]:
    """Adds notes about the planned changes of stack_service to the current revision; returns a function that removes
    them.

    ``lives`` are the services by name, ``state`` is the task's option. A stack without a good revision can't drift, so
    it needs no notes. Raises EngineError; then nothing was changed.
    """
    revision = present(run.history.revisions)
    if revision is None or revision.damaged:
        return lambda: None
    names, mark = names_of(observed), _mark(run)
    done = MOVES.get(state) or f"{WITH.get(state, state)} with stack_service"
    did = f"{done} since revision {revision.number}"
    notes = list(revision.own)
    for operation in operations:
        paths = _paths(lives[operation.name]["Spec"], operation.payload["spec"], names, names, mark)
        if paths:
            notes.append(_note(run, "service", operation.name, did, paths=paths))
    if len(notes) == len(revision.own):
        return lambda: None
    before, noted = revision.own, run.history.note(revision, merged(notes))

    def withdraw() -> None:
        run.history.note(noted, before)

    return withdraw


def left_behind(run: Run, former: Former) -> Tuple[Note, ...]:
    """Returns notes about leftovers of a failed change after its rollback: jobs that were not restored, and the objects
    that they use. Raises EngineError."""
    if run.revision is None or present(run.history.revisions) is None:
        return ()
    now = patiently(run.clock, lambda: observe(run.client, run.stack), run.keep)
    mark, did = _mark(run), f"left by revision {run.revision.number}, which was rolled back"
    found: List[Note] = []
    for kind, plural in KINDS:
        olds, news = _own(run.stack, former.observed, plural), _own(run.stack, now, plural)
        for name in sorted(name for its, name in former.names if its == kind):
            old, new = olds.get(name), news.get(name)
            if (old is None) != (new is None):
                found.append(_note(run, kind, name, did, state=GONE if new is None else MADE))
            elif kind == "service" and old is not None and new is not None:
                paths = _paths(old["Spec"], new["Spec"], names_of(former.observed), names_of(now), mark)
                if paths:
                    found.append(_note(run, kind, name, did, paths=paths))
    return merged((*noted_after(run.history.revisions), *found))


def _note(run: Run, kind: str, name: str, did: str, **more: object) -> Any:
    who = str(run.lock.holder.get("who") or "")
    return {"kind": kind, "name": name, "did": did, "who": who, "at": run.clock.wall(), **more}


def _paths(
    old: ServiceSpec, new: ServiceSpec, names: Mapping[str, str], new_names: Mapping[str, str], mark: Mark
) -> Dict[str, str]:
    changes = list(differences(normalise.service(old, names), normalise.service(new, new_names)))
    counts = [int(spec["TaskTemplate"].get("ForceUpdate") or 0) for spec in (old, new)]
    if counts[0] != counts[1]:
        changes.append(Change(FORCE, *counts))
    return marks(changes, mark)


def _mark(run: Run) -> Mark:
    return marker(digest_of(run.client, None))


def _own(stack: str, observed: Observed, plural: Lists) -> Dict[str, Mapping[str, Any]]:
    return {name_of(obj): obj for obj in observed[plural] if stack_of(obj) == stack and id_of(obj)}
