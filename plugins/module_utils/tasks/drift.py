# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares a stack with its last good revision, and heals it: drift is repaired in a transaction."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Sequence, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.binding.hiding import hiding, scrubbed
from ansible_collections.stackwright.swarm.plugins.module_utils.binding.intended import (
    Intended,
    Superseded,
    intended_of,
    last_good,
    unsettled,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.image_digests import ask_registry
from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.logins import registry_header
from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.observe import observe, services_of
from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import Clock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import DeployError, StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.outcome import diff
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.run import LeftOpen
from ansible_collections.stackwright.swarm.plugins.module_utils.drift.compare import Compared, compare
from ansible_collections.stackwright.swarm.plugins.module_utils.drift.findings import (
    CREATE,
    FILES,
    PRUNE,
    RECORD,
    UPDATE,
    Drift,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.history.retention import left_open
from ansible_collections.stackwright.swarm.plugins.module_utils.history.revision import Revision
from ansible_collections.stackwright.swarm.plugins.module_utils.locking.holder import locked_by
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import Operation
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.ignore_rules import Rule
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.image_pins import without_digest
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.reconcile import own_services
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.volumes import own_volumes
from ansible_collections.stackwright.swarm.plugins.module_utils.request.options import HEAL, with_defaults
from ansible_collections.stackwright.swarm.plugins.module_utils.revisions.history import read_with, refuse_history
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import ROUTE_BOOK, name_of
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.owner import labels_in, refuse_others
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.heal import heal

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.request.option_types import DriftOptions
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import Observed

Result = Dict[str, Any]
#: The kind of a domain that another stack has taken.
TAKEN = "taken"
TRIES = 5  # comparisons, if other runs deploy a new revision while this one waits to heal


def stack_drift(client: EngineClient, clock: Clock, stack: str, options: Mapping[str, object]) -> Result:
    """Returns the differences from the last good revision; with ``heal`` also the result of the repair.

    ``options`` are those of a deployment, and ``heal``, ``images`` (ask the registry), ``rules`` and ``fail_on_drift``.
    Raises DeployError (``no_stack``, ``no_revision``, ``revision_damaged``, ``no_service``, ``drift_found``) and
    EngineError; with ``heal`` also as ``deploy_snapshot``.
    """
    given: DriftOptions = with_defaults(options)
    for _try in range(TRIES):
        comparison = _Comparison(client, stack, given)
        try:
            return _checked(comparison.result(clock), given)
        except Superseded:
            continue
        except StackwrightError as error:
            raise scrubbed(error, comparison.intended.scrub) from None
    raise DeployError(
        f"The stack {stack} was deployed by other runs during every attempt.", "out_of_sequence", "Run again later."
    )


def _checked(result: Result, options: DriftOptions) -> Result:
    """Returns ``result``. Raises DeployError (``drift_found``) if drift remains and ``fail_on_drift`` is set."""
    left = result.get("remaining", result["drift_lines"])
    if not options["fail_on_drift"] or not left or result.get("deferred"):
        return result
    lines = "".join(f"\n  {line}" for line in left)
    raise DeployError(
        f"The stack {result['stack']} has drifted from revision {result['revision']}:{lines}",
        "drift_found",
        "Heal it (heal: true), deploy its files, or ignore accepted differences (ignore).",
        {name: value for name, value in result.items() if name not in ("changed", "deferred")},
    )


class _Comparison:
    """One comparison: six calls, one more if the stack has volumes, and one for each image that the registry is asked
    for."""

    def __init__(self, client: EngineClient, stack: str, options: DriftOptions) -> None:
        self.client, self.stack, self.options = client, stack, options
        rules: Sequence[Rule] = options["rules"]
        self.revisions, configs, key = read_with(client, stack)
        identity = options["identity"] if options["heal"] else None
        refuse_history(identity, stack, self.revisions)
        self.revision = _target(client, stack, self.revisions)
        self.intended: Intended = intended_of(self.revision, options)
        snapshot = self.intended.snapshot
        self.observed: Observed = observe(client, stack, snapshot, configs)
        refuse_others(identity, stack, labels_in(self.observed, stack))
        self.intended.resolve(client, self.observed, key)
        bound = self.intended.bound
        if not self.intended.why and any(own_volumes(service["spec"], stack) for service in bound["services"]):
            self.observed["volumes"] = (client.get("/volumes") or {}).get("Volumes") or []
        answers: Mapping[str, Any] = {}
        asked: List[str] = []
        if options["images"]:
            asked, answers = self._registry()
        context = self.intended.context(self.observed, self.revisions, answers)
        self.context = replace(context, rerun_jobs=bool(options["rerun_jobs"]))
        self.compared: Compared = compare(
            self.intended.bound, self.observed, self.context, [*self.intended.open, *rules]
        )
        self.mask = hiding(snapshot, self.intended.scrub, options["mask"])
        self.found = [drift.masked(self.mask) for drift in self.compared.found] + self._taken()
        self.notices = [*unsettled(self.revisions, self.revision), *self.compared.notices]
        if self.intended.why:
            self.notices.append(f"can't check whether kept values were changed: {self.intended.why}")
        self.notices += [
            f"the registry gives no digest for {image}" for image in asked if "image" not in answers.get(image, {})
        ]
        self._check_rules()

    def _taken(self) -> List[Drift]:
        """Returns drift for the domains of the stack's live services that another stack has taken (``takes``)."""
        if not any(name_of(secret) == ROUTE_BOOK for secret in self.observed["secrets"]):
            return []
        from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.route_book import taken_from

        identity = str((self.options["identity"] or self.intended.snapshot["stack"]).get("id") or "")
        found = taken_from(self.client, self.stack, identity, self.observed, self.context.prefix)
        return [
            Drift(
                TAKEN,
                "route",
                taken.domain,
                reason=f"the stack {taken.name} has taken this domain",
                hint="Remove it from the files and deploy them, or take it back with the option takes.",
                healing=FILES,
                by=f"with takes, {taken.since}",
            )
            for taken in found
        ]

    def _registry(self) -> Tuple[List[str], Mapping[str, Any]]:
        running = [
            str((service["Spec"]["TaskTemplate"].get("ContainerSpec") or {}).get("Image") or "")
            for service in own_services(self.stack, self.observed).values()
        ]
        asked = sorted({without_digest(image) for image in running if "@" in image})
        return asked, ask_registry(self.client, asked, registry_header(self.options))

    def _check_rules(self) -> None:
        unknown = self.compared.unknown
        if not unknown:
            return
        text = f"ignore lists services that the stack {self.stack} does not have: {', '.join(unknown)}"
        if self.options["heal"]:
            # Healing would restore differences that were meant to be ignored.
            names = sorted(service["name"] for service in self.intended.bound["services"])
            raise DeployError(f"{text}.", "no_service", f"It has {', '.join(names)}. Nothing was changed.")
        self.notices.append(text)

    # -- the report

    def result(self, clock: Clock) -> Result:
        """Returns the report; after healing with the operations that were carried out."""
        report = self._report()
        if not self.options["heal"]:
            return report
        work = [drift for drift in self.found if self._heals(drift)]
        report["remaining"] = [str(drift) for drift in self.found if not self._heals(drift)]
        if left_open(self.revisions) and (not report["locked_by"] or self.options["check"]):
            return self._not_healed(report)
        stuck = [drift for drift in self.found if drift.healing == FILES and drift.kind not in ("behind", TAKEN)]
        # A lock although nothing differs: another run is active, or has died.
        if not work and not stuck and (not report["locked_by"] or self.options["check"] or self.options["defer"]):
            return {**report, "plan": [], "plan_lines": [], "diff": diff([])}
        try:
            return self._healed(clock, report)
        except LeftOpen:
            return self._not_healed(report)

    def _not_healed(self, report: Result) -> Result:
        """Returns the report without a repair: the user decides on changes of a run that died, or failed without a
        rollback."""
        return {**report, "remaining": report["drift_lines"], "plan": [], "plan_lines": [], "diff": diff([])}

    def _heals(self, drift: Drift) -> bool:
        return drift.healing in (UPDATE, CREATE, RECORD) or (drift.healing == PRUNE and bool(self.options["prune"]))

    def _report(self) -> Result:
        info = self.observed["info"]
        shown = [
            Operation("update", drift.object, drift.name, drift.key, drift.reason, drift.changes)
            if drift.changes
            else Operation("create", drift.object, drift.name, drift.key, drift.reason)
            for drift in self.found
        ]
        return {
            "changed": False,
            "stack": self.stack,
            "revision": self.revision.number,
            "drifted": bool(self.found),
            "drift": [drift.as_dict() for drift in self.found],
            "drift_lines": [str(drift) for drift in self.found],
            "ignored": [str(drift.masked(self.mask)) for drift in self.compared.ignored],
            "ours": [str(drift.masked(self.mask)) for drift in self.compared.ours],
            "notices": sorted(self.notices),
            "locked_by": locked_by(self.observed["lock"]),
            "diff": diff([op for op in shown if op.changes]),
            "calls": self.client.calls,
            "cluster_id": str(((info.get("Swarm") or {}).get("Cluster") or {}).get("ID") or ""),
            "node": str(info.get("Name") or ""),
        }

    # -- healing

    def _healed(self, clock: Clock, report: Result) -> Result:
        from ansible_collections.stackwright.swarm.plugins.module_utils.binding.hiding import PLAIN

        rules = self.options["rules"]
        done = heal(self.client, clock, self.intended, self.compared, self.context, rules, self._heal_options())
        scrub = self.intended.scrub
        done = {name: item if name in PLAIN else scrub(item) for name, item in done.items()}
        made = {"new_revision": done.pop("revision")} if "revision" in done else {}
        notices = sorted({*report["notices"], *done.pop("notices")})
        return {**report, **done, **made, "notices": notices}

    def _heal_options(self) -> DriftOptions:
        names = [f"{drift.kind} {drift.object} {drift.name}" for drift in self.found if self._heals(drift)]
        message = f"healed {', '.join(names[:5])}" + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        scrub = self.intended.scrub
        progress = self.options["progress"]
        return {
            **self.options,
            "operation": HEAL,
            "back_to": self.revision.number,
            "resolve_image": "never",
            "commit_message": self.options["commit_message"] or message,
            "mask": self.mask,
            "scrub": scrub,
            "progress": progress and (lambda line: progress(scrub(line))),
        }


def _target(client: EngineClient, stack: str, revisions: Sequence[Revision]) -> Revision:
    """Returns the last good revision. Raises DeployError (``no_stack``, ``no_revision``, ``revision_damaged``)."""
    if revisions:
        return last_good(stack, revisions)
    if services_of(client, stack):
        raise DeployError(
            f"The stack {stack} has no revision to compare with: this collection did not deploy it.",
            "no_revision",
            "Deploy its files once with compose_stack; unchanged services keep running.",
        )
    raise DeployError(
        f"There is no stack {stack} in this Swarm, and no history of it.",
        "no_stack",
        "List the stacks with stack_info. Names are case-sensitive.",
    )
