# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state machine that decides when a stack runs, or never will: fed with snapshots and the time."""

from __future__ import annotations

from typing import Any, Dict, FrozenSet, List, Mapping, NamedTuple, Sequence, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.health.judge import View, judge, tasks_by_service
from ansible_collections.stackwright.swarm.plugins.module_utils.health.statuses import DEGRADED, GOOD, Judgement
from ansible_collections.stackwright.swarm.plugins.module_utils.health.statuses import FAILED as BAD
from ansible_collections.stackwright.swarm.plugins.module_utils.health.tasks import Task, state_of

WAITING, PASSED, FAILED, TIMED_OUT = "waiting", "passed", "failed", "timed_out"


class Limits(NamedTuple):
    """Times in seconds."""

    timeout: float = 300.0
    stable_for: float = 2.0  # a changed service has to stay running for so long
    pending: float = 20.0  # a task may wait for a node for so long
    restarts: int = 3  # so many failures of one slot are a crash loop


class Before(NamedTuple):
    """What was known before the change: old failures and old updates say nothing about it."""

    failures: FrozenSet[str] = frozenset()  # ids of tasks
    updates: Mapping[str, Tuple[str, str]] = {}  # service id → state, start


class Verdict(NamedTuple):
    """``reasons`` maps services to why they failed."""

    state: str
    judgements: List[Judgement]
    reasons: Dict[str, str]


class Gate:
    """Feed it with snapshots until its verdict is no longer ``waiting``.

    ``touched`` maps the ids of services that were changed to whether their tasks are replaced although the task
    specification is the same; ``start`` is the time of the first feed.
    """

    def __init__(self, limits: Limits, start: float, before: Before, touched: Mapping[str, bool]) -> None:
        self.limits, self.start, self.before, self.touched = limits, start, before, touched
        self._good_since: Dict[str, float] = {}
        self._pending_since: Dict[str, float] = {}

    def feed(
        self,
        now: float,
        services: Sequence[Mapping[str, Any]],
        tasks: Sequence[Task],
        nodes: Sequence[Mapping[str, Any]],
    ) -> Verdict:
        """The verdict at ``now`` (seconds)."""
        grouped = tasks_by_service(tasks)
        judgements: List[Judgement] = []
        reasons: Dict[str, str] = {}
        settled = True
        for service in sorted(services, key=lambda s: s["Spec"]["Name"]):
            own = grouped.get(service["ID"], [])
            judgement = judge(service, own, self._view(service, nodes))
            judgement = self._with_patience(now, service["ID"], own, judgement)
            judgements.append(judgement)
            if judgement.fatal:
                reasons[judgement.name] = judgement.fatal
            elif not self._is_settled(now, service["ID"], judgement):
                settled = False
        if reasons:
            return Verdict(FAILED, judgements, reasons)
        if settled:
            return Verdict(PASSED, judgements, {})
        if now - self.start >= self.limits.timeout:
            late = {j.name: j.message or "not all tasks run" for j in judgements if j.status not in GOOD}
            return Verdict(TIMED_OUT, judgements, late)
        return Verdict(WAITING, judgements, {})

    def _view(self, service: Mapping[str, Any], nodes: Sequence[Mapping[str, Any]]) -> View:
        key = service["ID"]
        return View(
            nodes,
            self.before.failures,
            self.before.updates.get(key, ("", "")) if key not in self.touched else ("", ""),
            _update_start(service) if self.touched.get(key) else "",
            self.limits.restarts,
        )

    def _with_patience(self, now: float, key: str, tasks: Sequence[Task], judgement: Judgement) -> Judgement:
        """A task that no node takes is fatal, but only after a while: nodes come and go."""
        stuck = [
            task
            for task in tasks
            if state_of(task) == "pending"
            and task.get("DesiredState") in ("running", "complete")
            and "no suitable node" in str((task.get("Status") or {}).get("Err"))
        ]
        if not stuck:
            self._pending_since.pop(key, None)
            return judgement
        since = self._pending_since.setdefault(key, now)
        if now - since < self.limits.pending or judgement.fatal:
            return judgement
        status = DEGRADED if judgement.running else BAD
        return judgement._replace(status=status, fatal=str(stuck[0]["Status"]["Err"]))

    def _is_settled(self, now: float, key: str, judgement: Judgement) -> bool:
        if judgement.status not in GOOD:
            self._good_since.pop(key, None)
            return False
        since = self._good_since.setdefault(key, now)
        if judgement.desired == 0 or judgement.status == "complete" or key not in self.touched:
            return True
        return now - since >= self.limits.stable_for


def _update_start(service: Mapping[str, Any]) -> str:
    """When the Engine began to replace tasks; a time far off as long as it did not."""
    return str((service.get("UpdateStatus") or {}).get("StartedAt") or "9999")
