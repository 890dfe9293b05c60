# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Repairs drift: deploys the revision again, except for ignored differences, and records it as a new one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Dict, List, Sequence

from ansible_collections.stackwright.swarm.plugins.module_utils.binding.intended import Intended, Superseded, last_good
from ansible_collections.stackwright.swarm.plugins.module_utils.binding.recall import recall
from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import Clock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import DeployError
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.look import Planned, Wanted
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.transaction import reach_target
from ansible_collections.stackwright.swarm.plugins.module_utils.drift.compare import Compared, compare, healed
from ansible_collections.stackwright.swarm.plugins.module_utils.drift.findings import CREATE, UPDATE, Context
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.history.revision import Revision
from ansible_collections.stackwright.swarm.plugins.module_utils.history.snapshot import forced_after
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import PRUNE, Operation, Plan
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.ignore_rules import (
    FORCED,
    PAUSED,
    REPLACED,
    Rule,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.reconcile import known_of, own_services
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.services import resent, with_jobs_skipped

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.request.option_types import Options
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import (
        Observed,
        ServiceEntry,
        Snapshot,
        State,
    )

TAKEN_DOWN = "its tasks were replaced by a forced update; this is only recorded"
GOES_ON = "its stopped update continues"


def heal(
    client: EngineClient,
    clock: Clock,
    intended: Intended,
    compared: Compared,
    context: Context,
    rules: Sequence[Rule],
    options: Options,
) -> Dict[str, Any]:
    """Repairs drift. Returns and raises as ``deploy_snapshot``; raises Superseded if there is a newer revision.

    ``compared`` is the comparison without the lock; under the lock the stack is compared again.
    """
    # Only a replaced network that no service uses can be recreated.
    unused = [d.name for d in compared.found if (d.kind, d.object, d.healing) == (REPLACED, "network", CREATE)]
    healing = _Healing(client, intended, context, rules, compared)
    wanted = Wanted(intended.snapshot, healing.bind, healing.check, healing.revise, healing.record)
    return reach_target(client, clock, wanted, {**options, "unused_networks": unused})


class _Healing:
    def __init__(
        self, client: EngineClient, intended: Intended, context: Context, rules: Sequence[Rule], compared: Compared
    ) -> None:
        self.client, self.intended, self.context, self.rules = client, intended, context, rules
        self.compared = compared

    def check(self, revisions: Sequence[Revision]) -> None:
        """Raises Superseded if, under the lock, the revision is no longer the last good one."""
        now = last_good(self.intended.revision.stack, revisions)
        if now.number != self.intended.revision.number:
            raise Superseded(f"Revision {now.number} was deployed in the meantime.")

    def bind(self, client: EngineClient, observed: Observed, write: bool) -> State:
        """Returns the revision's state, with the current values of ignored differences."""
        del write  # missing values can't be generated again
        what = self.intended.what
        bound = recall(client, self.intended.snapshot, observed, what, self.compared.spared, self.intended.values)
        self.compared = compare(bound, observed, self.context, self.rules)
        others = [d for d in self.compared.found if d.kind == REPLACED and d.object in ("config", "secret")]
        if others:
            reasons = "; ".join(f"{drift.object} {drift.name}: {drift.reason}" for drift in others)
            raise DeployError(
                f"The stack can't be rolled back to {what}: {reasons}.",
                "revision_incomplete",
                "Deploy the stack from its files. Nothing was changed.",
                {"missing": [f"{drift.object} {drift.name}" for drift in others]},
            )
        live = own_services(str(bound["stack"]["name"]), observed)
        state = healed(bound, self.compared, live, known_of(bound, observed, {}))
        return state if self.context.rerun_jobs else with_jobs_skipped(state)

    def revise(self, plan: Plan, bound: State, observed: Observed) -> Plan:
        """Returns the plan with differences that reconcile does not see, and without ignored ones."""
        del bound
        live = own_services(self.intended.revision.stack, observed)
        by_kind = {(drift.kind, drift.name): drift for drift in self.compared.found}
        operations: List[Operation] = []
        for op in plan.operations:
            if (op.kind, op.name) in self.compared.spared and (op.phase == PRUNE or op.kind != "service"):
                continue
            stuck = by_kind.get((PAUSED, op.name))
            if op.kind == "service" and op.action == "keep" and op.name in live:
                if stuck is not None and not stuck.changes and stuck.healing == UPDATE:
                    op = resent(op, live[op.name], GOES_ON)
                elif (FORCED, op.name) in by_kind:
                    changes = by_kind[FORCED, op.name].changes
                    op = replace(op, action="record", reason=TAKEN_DOWN, changes=changes)
            operations.append(op)
        return replace(plan, operations=tuple(operations))

    def record(self, planned: Planned) -> Snapshot:
        """Returns the snapshot of the new revision: the old one, since ignored differences are not intended."""
        snapshot = self.intended.snapshot
        live = own_services(self.intended.revision.stack, planned.observed)
        plan = {op.name: op for op in planned.plan.operations if op.kind == "service" and op.action == "update"}
        ignored = {name for kind, name in self.compared.spared if kind == FORCED}
        services: List[ServiceEntry] = [
            service
            if service["name"] in ignored
            else {**service, "forced": forced_after(plan.get(service["name"]), live.get(service["name"]))}
            for service in snapshot["services"]
        ]
        recorded: Snapshot = {**snapshot, "services": services}
        if snapshot.get("values"):
            # Only the place of the values, never the values that the controller has sent from its vault.
            store = snapshot["values"].get("store") or {}
            where: Any = {name: value for name, value in store.items() if name in ("store", "path") and value}
            recorded["values"] = {**snapshot["values"], "store": where}
        return recorded
