# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The differences between a recorded and a running stack, as operations of a plan."""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, List, Sequence, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.binding.hiding import hiding
from ansible_collections.stackwright.swarm.plugins.module_utils.binding.intended import intended_of, last_good
from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.observe import observe
from ansible_collections.stackwright.swarm.plugins.module_utils.drift.compare import compare
from ansible_collections.stackwright.swarm.plugins.module_utils.drift.findings import STACK, Drift
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.history.revision import Revision
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import Operation, ordered
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.ignore_rules import EXTRA, MISSING
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.volumes import own_volumes
from ansible_collections.stackwright.swarm.plugins.module_utils.request.options import with_defaults
from ansible_collections.stackwright.swarm.plugins.module_utils.revisions.history import read_with

__all__ = ["changes_since", "last_good"]


def changes_since(client: EngineClient, stack: str, revisions: Sequence[Revision], good: Revision) -> List[Operation]:
    """Returns all changes of a stack since ``good``, the last good one of its ``revisions``.

    Ignores fields that the stack leaves to others. Raises DeployError (``revision_damaged``), EngineError.
    """
    options = with_defaults({})
    _same, configs, key = read_with(client, stack)
    intended = intended_of(good, options)
    observed = observe(client, stack, intended.snapshot, configs)
    intended.resolve(client, observed, key)
    if any(own_volumes(service["spec"], stack) for service in intended.bound["services"]):
        observed["volumes"] = (client.get("/volumes") or {}).get("Volumes") or []
    context = intended.context(observed, revisions, {})
    compared = compare(intended.bound, observed, context, intended.open)
    mask = hiding(intended.snapshot, intended.scrub, options["mask"])
    found: Dict[Tuple[str, str], Operation] = {}
    for drift in (*compared.found, *compared.ours):
        op = _operation(drift.masked(mask))
        before = found.get((op.kind, op.name))
        if before is not None:  # an object may have several kinds of drift
            op = replace(op, changes=(*before.changes, *op.changes), reason=before.reason or op.reason)
        found[op.kind, op.name] = op
    # ``ordered`` does not know the operation for a removed or stopped stack.
    whole = [op for op in found.values() if op.kind == STACK]
    return [*whole, *ordered([op for op in found.values() if op.kind != STACK])]


def _operation(drift: Drift) -> Operation:
    action = {MISSING: "remove", EXTRA: "create"}.get(drift.kind, "update")
    reason = "" if drift.changes or action != "update" else drift.reason or drift.by
    return Operation(action, drift.object, drift.name, drift.key, reason, drift.changes)
