# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state machine that decides from snapshots and the time if a stack is healthy, or can't become healthy."""

from __future__ import annotations

from typing import (
    TYPE_CHECKING,
    AbstractSet,
    Dict,
    FrozenSet,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Set,
    Tuple,
    Union,
)

from ansible_collections.stackwright.swarm.plugins.module_utils.health.declared import FREED, observation, waits
from ansible_collections.stackwright.swarm.plugins.module_utils.health.judge import judge_seen, tasks_by_service
from ansible_collections.stackwright.swarm.plugins.module_utils.health.nodes import is_down
from ansible_collections.stackwright.swarm.plugins.module_utils.health.seen import Seen, View, good_slots, sort_out
from ansible_collections.stackwright.swarm.plugins.module_utils.health.statuses import (
    DEGRADED,
    GOOD,
    UNKNOWN,
    Judgement,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.health.statuses import FAILED as BAD
from ansible_collections.stackwright.swarm.plugins.module_utils.health.tasks import error_of, is_stopping

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Node, Service, Task

WAITING, PASSED, FAILED, TIMED_OUT = "waiting", "passed", "failed", "timed_out"
GONE = "the service no longer exists: it was removed"


class Limits(NamedTuple):
    """Times in seconds."""

    timeout: float = 300.0  # without progress, which is a slot that becomes good for the first time
    deadline: float = 0.0  # with or without progress; 0 is none
    stable_for: float = 2.0  # how long a changed service must keep running
    pending: float = 20.0  # how long a task may wait for a node
    max_restarts: int = 3  # per slot; one more is a crash loop
    observe: bool = True  # wait until Swarm has monitored the update (its ``monitor``)
    poll: float = 0.1  # longest pause between two snapshots


class Before(NamedTuple):
    """The state before the change, so that old failures and updates don't count."""

    failures: FrozenSet[str] = frozenset()  # ids of tasks that had ended
    updates: Mapping[str, Tuple[str, str]] = {}  # service id → state, start
    broken: FrozenSet[str] = frozenset()  # ids of services that did not run: they don't count unless changed
    lost: FrozenSet[str] = frozenset()  # ids of tasks on lost nodes
    waiting: FrozenSet[str] = frozenset()  # ids of services with a task that had no node yet
    slots: Optional[FrozenSet[Tuple[str, str]]] = None  # service id, slot: the slots with tasks (None: unknown)

    def forgiving_none(self) -> Before:
        """Returns a copy for which services that did not run before count too."""
        return self._replace(broken=frozenset(), waiting=frozenset())


class Verdict(NamedTuple):
    """``reasons`` maps failed services to the reason; ``seen`` has the sorted tasks of each service."""

    state: str
    judgements: List[Judgement]
    reasons: Dict[str, str]
    seen: Dict[str, Seen]
    stabilising: List[str]  # services that run, but not long enough yet
    overdue: bool = False  # whether the deadline has passed


class Gate:
    """Decides from snapshots: call ``feed`` until the verdict is no longer ``waiting``.

    ``touched`` maps the ids of changed services to whether the update replaces tasks with the same task specification
    (or since when, if the last update does not show it). ``start`` is the time of the first feed; the deadline counts
    from ``began``. Only services in ``names`` count (None: all).
    """

    def __init__(
        self,
        limits: Limits,
        start: float,
        before: Before,
        touched: Mapping[str, Union[bool, str]],
        names: Optional[AbstractSet[str]] = None,
        began: Optional[float] = None,
    ) -> None:
        self.limits, self.before, self.touched, self.names = limits, before, touched, names
        self.moved = start  # the time of the last progress
        self.began = start if began is None else began
        self._first: Dict[str, float] = {}  # when each declared wait was first seen
        self._last = start  # the time of the last feed
        self._until = start  # the end of the current declared waits
        self._excused = 0.0  # seconds of declared waits since ``moved``
        self._ever_good: Set[Tuple[str, str]] = set()
        self._ended: Dict[str, Dict[str, FrozenSet[str]]] = {}
        self._good_since: Dict[str, Tuple[float, FrozenSet[str]]] = {}
        self._pending_since: Dict[str, float] = {}

    def feed(
        self,
        now: float,
        services: Sequence[Service],
        tasks: Sequence[Task],
        nodes: Sequence[Node],
    ) -> Verdict:
        """Returns the verdict at ``now`` (seconds)."""
        grouped = tasks_by_service(tasks)
        counted = [s for s in services if self.names is None or s["Spec"]["Name"] in self.names]
        found = {service["Spec"]["Name"] for service in counted}
        judgements = [Judgement(name, UNKNOWN, "", 0, 0, GONE, GONE) for name in (self.names or found) - found]
        reasons = {judgement.name: GONE for judgement in judgements}
        seen: Dict[str, Seen] = {}
        late: Dict[str, str] = {}
        stabilising: List[str] = []
        self._excused += max(min(now, self._until) - self._last, 0.0)
        self._last = self._until = now
        allowance = 0.0
        ending = self._ending(now, tasks, nodes)
        for service in counted:
            own = grouped.get(service["ID"], [])
            view = self._view(service, nodes)
            sorted_out = sort_out(service, own, view)
            judgement = judge_seen(service, own, sorted_out, view)
            judgement = self._with_patience(now, service["ID"], sorted_out, judgement, ending)
            self._remember(now, service["ID"], sorted_out, judgement)
            judgements.append(judgement)
            seen[judgement.name] = sorted_out
            stable = self._is_stable(now, service["ID"], sorted_out, judgement)
            # Undoing the change would not help an unchanged service that was broken, or that a lost node has stopped.
            if service["ID"] not in self.touched and (self._was_broken(service["ID"], judgement) or judgement.lost):
                continue
            if judgement.fatal:
                reasons[judgement.name] = judgement.fatal
            elif judgement.status not in GOOD:
                late[judgement.name] = judgement.message or "not all tasks are running"
                allowance = max(allowance, observation(service))
                self._until = max(self._until, self._declared(now, own, sorted_out))
            elif not stable:
                stabilising.append(judgement.name)
        judgements.sort(key=lambda judgement: judgement.name)
        state = PASSED
        if reasons:
            state = FAILED
        elif late or stabilising:
            state = WAITING
            if not late:
                allowance = self.limits.stable_for
                late = dict.fromkeys(stabilising, f"it has not been stable for {self.limits.stable_for:g} s")
            overdue = 0 < self.limits.deadline <= now - self.began
            if overdue or now - self.moved - self._excused >= self.limits.timeout + allowance:
                return Verdict(TIMED_OUT, judgements, late, seen, stabilising, overdue)
        return Verdict(state, judgements, reasons, seen, stabilising)

    def _was_broken(self, key: str, judgement: Judgement) -> bool:
        """Whether a service did not run before the change either."""
        return key in self.before.broken or (key in self.before.waiting and bool(judgement.unplaced))

    def lost_sight(self) -> None:
        """Restarts the stability periods, because no Engine answered and tasks may have failed."""
        self._good_since.clear()

    def _view(self, service: Service, nodes: Sequence[Node]) -> View:
        key = service["ID"]
        old, since = self.before.updates.get(key, ("", "")), self.touched.get(key, False)
        return View(
            nodes,
            self.before.failures,
            old,
            since if isinstance(since, str) else _update_start(service, old[1]) if since else "",
            self.limits.max_restarts,
            self._ended.get(key, {}),
            self.limits.observe,
            self.before.lost,
            asked=key in self.touched,
            old_slots=None
            if self.before.slots is None
            else {slot for owner, slot in self.before.slots if owner == key},
        )

    def _remember(self, now: float, key: str, seen: Seen, judgement: Judgement) -> None:
        self._ended[key] = {**self._ended.get(key, {}), **seen.ended}
        good = {(key, slot) for slot in good_slots(seen, judgement.mode)}
        if not good <= self._ever_good:
            self._ever_good |= good
            self.moved, self._excused = now, 0.0

    def _declared(self, now: float, tasks: Sequence[Task], seen: Seen) -> float:
        """Returns the end of the declared waits of a service."""
        found = waits(tasks, seen.stopping)
        return max((self._first.setdefault(key, now) + wait for key, wait in found.items()), default=0.0)

    def _ending(self, now: float, tasks: Sequence[Task], nodes: Sequence[Node]) -> bool:
        """Whether tasks of the stack are stopping within their grace period: they still hold resources of nodes."""
        down = {node.get("ID") for node in nodes if is_down(node)}
        ending = [task for task in tasks if task.get("NodeID") not in down and is_stopping(task)]
        until = [self._first.setdefault(key, now) + wait for key, wait in waits([], ending).items()]
        return any(now < moment for moment in until)

    def _with_patience(self, now: float, key: str, seen: Seen, judgement: Judgement, ending: bool) -> Judgement:
        """Makes a task without a node fatal after ``limits.pending`` seconds, since nodes may return."""
        if not judgement.unplaced and not seen.stuck:
            self._pending_since.pop(key, None)
            return judgement
        if ending and seen.stuck and any(part in error_of(seen.stuck[0]) for part in FREED):
            self._pending_since[key] = now
        since = self._pending_since.setdefault(key, now)
        if now - since < self.limits.pending or judgement.fatal:
            return judgement
        status = DEGRADED if judgement.running else BAD
        return judgement._replace(status=status, fatal=judgement.unplaced or error_of(seen.stuck[0]))

    def _is_stable(self, now: float, key: str, seen: Seen, judgement: Judgement) -> bool:
        """Whether the same tasks have run for ``stable_for`` seconds, also while Swarm monitors them."""
        if judgement.fatal or seen.outdated or seen.good < judgement.desired:
            self._good_since.pop(key, None)
            return False
        running = frozenset(task["ID"] for task in seen.running)
        since, known = self._good_since.get(key, (now, running))
        if known != running:
            since = now
        self._good_since[key] = (since, running)
        if judgement.desired == 0 or judgement.status == "complete" or key not in self.touched:
            return True
        return bool(now - since >= self.limits.stable_for)


def _update_start(service: Service, old: str) -> str:
    """Returns the start of the Engine's update; a time in the far future if it has not begun."""
    started = str((service.get("UpdateStatus") or {}).get("StartedAt") or "")
    return started if started and started != old else "9999"
