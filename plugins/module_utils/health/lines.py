# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Progress lines while a run waits for a stack: one per change of a service, and a sign of life."""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict, List, Mapping, Optional

from ansible_collections.stackwright.swarm.plugins.module_utils.health.declared import still_stopping
from ansible_collections.stackwright.swarm.plugins.module_utils.health.gate import WAITING, Verdict
from ansible_collections.stackwright.swarm.plugins.module_utils.health.judge import STAGES
from ansible_collections.stackwright.swarm.plugins.module_utils.health.seen import Seen
from ansible_collections.stackwright.swarm.plugins.module_utils.health.statuses import ASLEEP, COMPLETE, GOOD, Judgement
from ansible_collections.stackwright.swarm.plugins.module_utils.health.tasks import (
    ENDED_BY_ITSELF,
    error_of,
    how_it_ended,
    state_of,
)

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Task

QUIET = 10.0  # seconds without a line until a sign of life
LONGEST_ERROR = 160  # characters
NAMED = 3  # services in a sign of life
MANY = 20  # services; with more, only errors and the number of healthy services are shown
COUNT_EVERY = 3.0  # seconds


class Lines:
    """Remembers the lines that were shown, and returns the new ones."""

    def __init__(self, start: float) -> None:
        self.start = self.last = start
        self._shown: Optional[Dict[str, str]] = None
        self._counted, self._counted_at = 0, start

    def tell(self, now: float, verdict: Verdict, nodes: Mapping[str, str]) -> List[str]:
        """Returns the new lines at ``now`` (seconds). ``nodes`` maps ids to names.

        The first call returns only errors, since nothing has changed yet.
        """
        new = {j.name: line_of(j, verdict.seen.get(j.name), nodes) for j in verdict.judgements}
        bad = {j.name for j in verdict.judgements if _has_bad_news(verdict.seen.get(j.name))}
        fresh = [name for name in new if self._shown is not None and self._shown.get(name) != new[name]]
        if self._shown is None:
            lines = [new[name] for name in new if name in bad]
        elif len(new) <= MANY:
            lines = [new[name] for name in fresh]
        else:
            lines = [new[name] for name in fresh if name in bad]
        if len(lines) > MANY:
            lines = [*lines[:MANY], f"and {len(lines) - MANY} more services like these"]
        if len(new) > MANY:
            lines += self._how_many(now, verdict)
        self._shown = new
        if lines:
            self.last = now
        elif verdict.state == WAITING and now - self.last >= QUIET:
            self.last = now
            lines = [self._sign_of_life(now, verdict)]
        return lines

    def _how_many(self, now: float, verdict: Verdict) -> List[str]:
        """Returns the number of healthy services every ``COUNT_EVERY`` seconds, and at once if all are healthy."""
        good = sum(judgement.status in GOOD for judgement in verdict.judgements)
        total = len(verdict.judgements)
        if good == self._counted or (good < total and now - self._counted_at < COUNT_EVERY):
            return []
        self._counted, self._counted_at = good, now
        return [f"{good} of {total} services are healthy"]

    def _sign_of_life(self, now: float, verdict: Verdict) -> str:
        late = [
            f"{j.name} ({_count(j, verdict.seen.get(j.name))}{_why(j, verdict.seen.get(j.name))})"
            for j in verdict.judgements
            if j.status not in GOOD
        ]
        what = late or [f"{name} to be stable" for name in verdict.stabilising]
        more = f" and {len(what) - NAMED} more" if len(what) > NAMED else ""
        return f"waiting for {', '.join(what[:NAMED])}{more}, {now - self.start:.0f} s so far"


def line_of(judgement: Judgement, seen: Optional[Seen], nodes: Mapping[str, str]) -> str:
    """Returns the line of one service: ``shop_web: 1/3 running (task 2 failed: exit code 1 on worker1)``."""
    name = judgement.name
    if seen is None:
        return f"{name}: {judgement.message}"
    if judgement.status == ASLEEP:
        return f"{name}: nothing to run"
    count = _count(judgement, seen)
    facts = [] if judgement.status in GOOD else _facts(judgement, seen, nodes)
    return f"{name}: {count} ({', '.join(facts)})" if facts else f"{name}: {count}"


def _count(judgement: Judgement, seen: Optional[Seen]) -> str:
    if seen is not None and (judgement.mode.endswith("job") or judgement.status == COMPLETE):
        return f"{len(seen.done)}/{judgement.desired} complete"
    return f"{judgement.running}/{judgement.desired} running"


def _facts(judgement: Judgement, seen: Seen, nodes: Mapping[str, str]) -> List[str]:
    facts = []
    if seen.failures:
        facts.append(_failure(seen.failures[0], nodes))
    elif judgement.fatal and not seen.stuck:
        facts.append(_short(judgement.fatal))
    if seen.stuck:
        facts.append(_short(judgement.unplaced or error_of(seen.stuck[0])))
    if seen.outdated:
        facts.append(f"{len(seen.outdated)} of the previous version")
    if seen.stopping and not seen.outdated:
        facts.append(still_stopping(seen.stopping, "old " if judgement.desired else ""))
    starting = sum(1 for task in seen.coming if state_of(task) == "starting")
    if starting:
        facts.append(f"{starting} starting")
    return facts


def _failure(task: Task, nodes: Mapping[str, str]) -> str:
    status = task.get("Status") or {}
    code = (status.get("ContainerStatus") or {}).get("ExitCode")
    error = error_of(task)
    why = f"exit code {code or 0}" if error.startswith("task: non-zero exit") and code else _short(error)
    if "unhealthy container" in error:
        why = "its health check fails"
    if not error and state_of(task) == "complete" and how_it_ended(task) != ENDED_BY_ITSELF:
        why = how_it_ended(task)
    node = str(task.get("NodeID") or "")
    where = f" on {nodes.get(node, node)}" if node else ""
    which = f"task {task['Slot']}" if task.get("Slot") else "a task"
    ended = "ended" if state_of(task) == "complete" else state_of(task)
    return f"{which} {ended}{': ' + why if why else ''}{where}"


def _why(judgement: Judgement, seen: Optional[Seen]) -> str:
    if seen is None or not (seen.stuck or seen.coming or seen.stopping):
        return ""
    if seen.stopping and not seen.outdated:
        return f", {still_stopping(seen.stopping, 'old ' if judgement.desired else '')}"
    if not (seen.stuck or seen.coming):
        return ""
    if seen.stuck:
        return f", {_short(judgement.unplaced or error_of(seen.stuck[0]))}"
    return f", a task {STAGES[state_of(seen.coming[0])]}"


def _has_bad_news(seen: Optional[Seen]) -> bool:
    return seen is None or bool(seen.failures or seen.stuck)


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= LONGEST_ERROR else text[: LONGEST_ERROR - 1] + "…"
