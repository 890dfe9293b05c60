# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rolls back to a revision: deploys its snapshot as a new revision, through the same gate as any other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Sequence

from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.observe import manager_info
from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import Clock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import DeployError, StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.transaction import deploy_snapshot
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.history.encoding import unpack
from ansible_collections.stackwright.swarm.plugins.module_utils.history.retention import newest_good
from ansible_collections.stackwright.swarm.plugins.module_utils.history.revision import FAILED, GOOD, Revision
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.services import runs_when_changed
from ansible_collections.stackwright.swarm.plugins.module_utils.request.options import with_defaults
from ansible_collections.stackwright.swarm.plugins.module_utils.revisions.history import History, refuse_history
from ansible_collections.stackwright.swarm.plugins.module_utils.store.carried import NotYetKept

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.request.option_types import RollbackOptions
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import Snapshot

LIST_THEM = "List the revisions with stack_info and history: true. Nothing was changed."


def roll_back(client: EngineClient, clock: Clock, stack: str, options: Mapping[str, object]) -> Dict[str, Any]:
    """Rolls back to a revision; returns the result of ``deploy_stack``, and ``to`` (the number of the revision).

    ``options`` are those of a deployment, and ``to``: a number, or None for the newest good one before the current.
    Raises DeployError (``no_revision``, ``revision_damaged``, ``revision_not_good``, ``revision_incomplete``,
    ``value_lost``) if nothing was changed, and as ``deploy_stack``.
    """
    asked: RollbackOptions = with_defaults(options)
    to = asked.get("to")
    if asked["defer"] and to is None and not asked["check"]:
        # The newest revision may change while several managers compare: the one that does the work decides.
        return _deferred(client, stack)
    revisions = History(client, clock, stack).read()
    refuse_history(asked["identity"], stack, revisions)
    target = target_of(stack, revisions, to, asked["rerun_jobs"])
    snapshot = _snapshot(target)
    given: RollbackOptions = {**asked, "back_to": target.number}
    try:
        result = deploy_snapshot(client, clock, stack, snapshot, given)
    except NotYetKept as needed:
        needed.result = needed.result and {**needed.result, "to": target.number}
        raise
    if to is None and not result["changed"]:
        notice = f"nothing was changed: the stack is already as in revision {target.number}, the newest good one before"
        notice += f" the current one; choose another with to (good ones: {_numbers([r for r in revisions if r.good])})"
        result = {**result, "notices": sorted({*result["notices"], notice})}
    return {**result, "to": target.number}


def target_of(stack: str, revisions: Sequence[Revision], to: Optional[int], rerun_jobs: bool = False) -> Revision:
    """Returns the revision to roll back to. Raises DeployError as ``roll_back``."""
    if not revisions:
        raise DeployError(
            f"The stack {stack} has no history in this Swarm.",
            "no_revision",
            "The first deployment with compose_stack creates it. Nothing was changed.",
        )
    if to is None:
        return _previous(stack, revisions, rerun_jobs)
    target = next((revision for revision in revisions if revision.number == to), None)
    if target is None:
        raise DeployError(
            f"The stack {stack} has no revision {to}; it has {_numbers(revisions)}.",
            "no_revision",
            LIST_THEM,
        )
    if target.damaged:
        raise _damaged(target, target.damaged)
    if not target.good:
        why = f" ({target.reason.splitlines()[0][:200]})" if target.reason else ""
        raise DeployError(
            f"Revision {to} of the stack {stack} is {target.status}{why}: it is not a good state to roll back to.",
            "revision_not_good",
            f"Good revisions: {_numbers([r for r in revisions if r.good]) or 'none'}. {LIST_THEM}",
        )
    return target


def _previous(stack: str, revisions: Sequence[Revision], rerun_jobs: bool) -> Revision:
    """Returns the newest good revision before the current state; if possible, one that differs from it."""
    ended = [r for r in revisions if r.status in (*GOOD, FAILED) and not r.damaged]
    newest = max(ended, key=lambda r: r.number, default=None)
    limit: Optional[int] = None
    now: Optional[Revision] = None
    # After a failure that was rolled back, the current state is that of the last good revision.
    if newest is None or newest.status in GOOD or newest.restored == "done":
        now = max((r for r in ended if r.status in GOOD), key=lambda r: r.number, default=None)
        # After a rollback the stack is in that revision's state: the next rollback goes further back.
        limit = (now.back_to or now.number) if now is not None else None
    found = newest_good(revisions, limit)
    if found is not None and now is not None:
        present = _content(now)
        others = [r for r in revisions if r.number <= found.number and _differs(_content(r), present, rerun_jobs)]
        found = newest_good(others) or found
    if found is None:
        raise DeployError(
            f"The stack {stack} has no good revision before the current one.",
            "no_revision",
            f"There are {_numbers(revisions)}. {LIST_THEM}",
        )
    return found


def _content(revision: Revision) -> Optional[Snapshot]:
    try:
        return unpack(revision.packed)
    except StackwrightError:
        return None


def _differs(older: Optional[Snapshot], now: Optional[Snapshot], rerun_jobs: bool) -> bool:
    """Whether a rollback from one snapshot to an older one changes anything; true if one can't be read."""
    if older is None or now is None:
        return True
    current = {service["name"]: service["spec"] for service in now["services"]}
    wanted = {service["name"]: service["spec"] for service in older["services"]}
    restored = {name for name, spec in wanted.items() if rerun_jobs or not runs_when_changed(spec)}
    names = [{entry["name"] for entry in side["networks"]} for side in (older, now)]
    return (
        names[0] != names[1]
        or bool(current.keys() - wanted.keys())
        or any(wanted[name] != current.get(name) for name in restored)
        or (older.get("values") or {}).get("labels") != (now.get("values") or {}).get("labels")
    )


def _snapshot(target: Revision) -> Snapshot:
    try:
        return unpack(target.packed)
    except StackwrightError as error:
        raise _damaged(target, error.message) from None


def _damaged(target: Revision, why: str) -> DeployError:
    return DeployError(
        f"Revision {target.number} of the stack {target.stack} is damaged: {why}.",
        "revision_damaged",
        f"Roll back to another one, or deploy the stack from its files. {LIST_THEM}",
    )


def _deferred(client: EngineClient, stack: str) -> Dict[str, Any]:
    info = manager_info(client)
    cluster = str(((info.get("Swarm") or {}).get("Cluster") or {}).get("ID") or "")
    return {
        "changed": True,
        "deferred": True,
        "stack": stack,
        "cluster_id": cluster,
        "node": str(info.get("Name") or ""),
        "calls": client.calls,
    }


def _numbers(revisions: Sequence[Revision]) -> str:
    """Returns the numbers as text, ``3, 4 and 7 (FAILED)``."""
    texts: List[str] = []
    for revision in sorted(revisions, key=lambda r: r.number):
        state = "damaged" if revision.damaged else revision.status if not revision.good else ""
        texts.append(f"{revision.number} ({state})" if state else str(revision.number))
    return ", ".join(texts[:-1]) + (" and " if len(texts) > 1 else "") + "".join(texts[-1:])
