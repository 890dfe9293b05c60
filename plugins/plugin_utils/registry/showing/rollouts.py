# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rollouts in the history of a registry's stacks: finds an unfinished one, and the steps that undo one.

The metadata of a revision have ``registry_run`` (the rollout), ``registry_left`` (its phases that come later) and
``registry_new`` (the stack did not exist before the rollout).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.report.shapes import Revision, Stack

#: Statuses of revisions that stayed deployed.
GOOD = ("HEALTHY", "UNHEALTHY")


def unfinished(stacks: Sequence[Stack], checksum: str) -> str:
    """Returns the last rollout if it is of the registry with ``checksum`` and has not ended; otherwise "".

    Its run was killed, or one of its phases has failed. A run of the same registry continues it.
    """
    latest: list[tuple[str, Mapping[str, str]]] = []
    for stack in stacks:
        for revision in sorted(stack["revisions"], key=_number, reverse=True):
            if revision["status"] in (*GOOD, "DEPLOYING", "REMOVED"):
                latest.append((str(revision["started"]), revision.get("metadata") or {}))
                break
    metadata = max(latest, key=lambda entry: entry[0])[1] if latest else {}
    same = metadata.get("registry_checksum") == checksum and metadata.get("registry_left")
    return str(metadata.get("registry_run", "")) if same else ""


def undoing(stacks: Sequence[Stack], run: str) -> dict[str, Any]:
    """Returns the steps that undo the rollout ``run``.

    ``undo``: the stacks that it has changed, the last first, each with the revision ``to`` roll back to; 0 if the stack
    is removed. ``others``: later revisions by other runs. ``lost``: stacks that existed before, but have no revision
    to roll back to.
    """
    found: dict[str, Any] = {"undo": [], "others": [], "lost": []}
    changed: list[tuple[str, str, int]] = []
    for stack in stacks:
        revisions = sorted(stack["revisions"], key=_number)
        mine = [revision for revision in revisions if _run(revision) == run]
        good = [revision for revision in mine if revision["status"] in GOOD]
        if not good:
            continue
        first = _number(mine[0])
        backs = [revision for revision in revisions if _is_undo(revision, first)]
        if backs and _number(backs[-1]) > _number(good[-1]):
            continue
        found["others"] += [
            {"stack": stack["name"], "number": revision["number"], "who": revision["who"]}
            for revision in revisions
            if _number(revision) > first
            and revision not in mine
            and revision not in backs
            and not _had_no_effect(revision)
        ]
        before = [_number(revision) for revision in revisions if _number(revision) < first and _is_state(revision)]
        to = before[-1] if before and _state(revisions, before[-1]) != "REMOVED" else 0
        if not to and not (mine[0].get("metadata") or {}).get("registry_new"):
            found["lost"].append(stack["name"])
        changed.append((str(good[-1]["started"]), str(stack["name"]), to))
    found["undo"] = [{"stack": name, "to": to} for _when, name, to in sorted(changed, reverse=True)]
    return found


def gone(stacks: Sequence[Stack], base: str, categories: Sequence[str]) -> dict[str, str]:
    """Returns the stacks of categories that the registry deployed as ``base`` no longer has: category by stack."""
    found = {}
    for stack in stacks:
        states = [revision for revision in stack["revisions"] if _is_state(revision)]
        metadata = max(states, key=_number).get("metadata") or {} if states else {}
        owner, _slash, category = metadata.get("registry_stack", "").rpartition("/")
        if owner == base and category not in categories and stack["services"]:
            found[str(stack["name"])] = category
    return found


def _number(revision: Revision) -> int:
    return int(revision["number"])


def _run(revision: Revision) -> str:
    return str((revision.get("metadata") or {}).get("registry_run", ""))


def _is_undo(revision: Revision, first: int) -> bool:
    """Returns whether the revision rolled back to one before the rollout that began with ``first``, or removed it."""
    operation, status, back_to = revision["operation"], str(revision["status"]), int(revision["back_to"] or 0)
    if operation == "remove":
        return status == "REMOVED"
    return bool(operation == "rollback" and status in GOOD and back_to < first)


def _had_no_effect(revision: Revision) -> bool:
    """Returns whether the run left the stack unchanged: it had nothing left to do, or was rolled back."""
    status, restored = revision["status"], revision.get("restored")
    return bool(restored == "done" or (status == "CANCELLED" and restored not in ("none", "failed")))


def _is_state(revision: Revision) -> bool:
    return revision["status"] in (*GOOD, "REMOVED")


def _state(revisions: Sequence[Revision], number: int) -> str:
    return next(str(revision["status"]) for revision in revisions if _number(revision) == number)
