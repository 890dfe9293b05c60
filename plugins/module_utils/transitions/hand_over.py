# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Published ports that move between services of a stack: one service frees a port before another takes it.

Within a wave, the service that gives up a port comes first. That may not be enough: two services exchange ports, or the
giver belongs to a later wave or is removed only after the gate. Then an extra step updates the giver to its current
spec without the port. Swarm only remembers one spec before the current one, and hidden values are read from both, so
the spec of the extra step also has the values that would be lost. Why: decisions/0026.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING, Any, Dict, FrozenSet, Iterator, List, Mapping, Optional, Sequence, Set

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError, PlanError
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.differences import differences
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import CHANGE, Operation, Plan
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.extra_step import (
    Hidden,
    extra_step_spec,
    values_to_carry,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.objects import owner
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.services import mode_of, task_count
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm import normalise
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import (
    id_of,
    name_of,
    stack_of,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.ports import (
    Port,
    Ports,
    asked,
    held,
    ports_in,
    words,
)

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Port as Published
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Service, ServiceSpec
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import Observed

WRITES = ("create", "update")


def replacement_start(operation: Operation, live: Service) -> str:
    """Returns when Swarm began to replace a service's tasks if the extra step before ``operation`` requested the same
    tasks, else empty text. ``live`` is the service after the extra step.

    Swarm may already have replaced all of them: then the next update changes no task, and reports no start.
    """
    step = operation.payload.get("after")
    if step is None:
        return ""
    last = operation.payload["spec"]
    ports = [normalise.service(spec)["EndpointSpec"].get("Ports") for spec in (step, last)]
    same = step["TaskTemplate"] == last["TaskTemplate"] and ports[0] == ports[1]
    return str((live.get("UpdateStatus") or {}).get("StartedAt") or "") if same else ""


def hand_over(plan: Plan, stack: str, observed: Observed, nodes: int, hidden: Hidden, back: bool = False) -> Plan:
    """Returns ``plan`` in an order in which each port is free before another service publishes it, if necessary with
    extra steps.

    ``observed`` has ``services`` (the stack's own) and, to check other stacks, ``all_services``. In a rollback
    (``back``), the extra step is made from the target spec, so that Swarm never loses it.

    Raises EngineError (``conflict``) for a port that another service keeps, and PlanError (``unsafe_change``) for a
    port of a job: an extra step would run it again.
    """
    body = [op for op in plan.operations if op.kind == "service" and op.phase == CHANGE]
    if not back:
        _refuse_foreign(body, [s for s in observed.get("all_services") or () if stack_of(s) != stack])
    if not any(op.action in WRITES and asked(op.payload["spec"]) != Ports() for op in body):
        return plan
    first = next(index for index, op in enumerate(plan.operations) if op in body)
    head, tail = list(plan.operations[:first]), [op for op in plan.operations[first:] if op not in body]
    work = _Order([s for s in observed["services"] if stack_of(s) == stack], body, tail, nodes, hidden, back)
    found: List[Operation] = []
    for _wave, group in groupby(body, key=lambda op: op.wave):
        found += work.wave(list(group))
        work.next_batch()
    return replace(plan, operations=(*head, *found, *work.tail))


def _refuse_foreign(body: Sequence[Operation], others: Sequence[Service]) -> None:
    theirs = [(held(other), other) for other in others]
    for op in body:
        for has, other in theirs if op.action in WRITES else ():
            ports = asked(op.payload["spec"]).refused(has)
            if ports:
                raise EngineError(
                    f"service {op.key or op.name}: service {name_of(other)} publishes {words(ports)}, and belongs to "
                    f"{owner(other)}.",
                    "conflict",
                    "Publish it on another port, or remove the other service. Nothing was changed.",
                )


class _Order:
    """Orders the operations of services, wave by wave. ``now`` has the ports of each service so far, ``final`` those
    at the end. ``tail`` are the operations after the gate.
    """

    def __init__(
        self,
        live: Sequence[Service],
        body: Sequence[Operation],
        tail: Sequence[Operation],
        nodes: int,
        hidden: Hidden,
        back: bool,
    ) -> None:
        self.live = {name_of(service): service for service in live}
        self.tail, self.nodes, self.hidden, self.back = list(tail), nodes, hidden, back
        self.now = {name: held(service) for name, service in self.live.items()}
        self.final = {name: asked(service["Spec"]) for name, service in self.live.items()}
        for op in (*body, *tail):
            if op.kind == "service" and op.action in (*WRITES, "remove"):
                self.final[op.name] = _ports(op)
        self.to_come = {op.name: op for op in body if op.action in WRITES}
        self.gone = {op.name for op in (*body, *tail) if op.kind == "service" and op.action == "remove"}
        self.extra: Dict[str, Mapping[str, Any]] = {}  # name → spec of its extra step
        self.batch, self.freed = 0, Ports()

    def next_batch(self) -> None:
        """Begins a batch: its operations wait until the services of the batch before run."""
        self.batch, self.freed = self.batch + 1, Ports()

    def wave(self, waiting: List[Operation]) -> Iterator[Operation]:
        """Yields the operations of a wave in their order."""
        last: List[Operation] = []
        while waiting or last:
            if not waiting:
                waiting, last = last, []
            free = [op for op in self._next(waiting) if not self._blockers(op)]
            at_once = [op for op in free if not self._has_to_wait(op)]
            if not free:
                yield from self._release(waiting, last)
                continue
            if not at_once:
                self.next_batch()
            # A port that Swarm chooses must not be one that another service publishes next.
            op = min(at_once or free, key=lambda op: op.name in self.extra and _is_open(op))
            waiting.remove(op)
            yield self._placed(op)

    def _next(self, waiting: Sequence[Operation]) -> Iterator[Operation]:
        """Yields the operations that may come next: the first of each name (a removal before its creation)."""
        names: Set[str] = set()
        for op in waiting:
            if op.name not in names:
                yield op
            names.add(op.name)

    def _blockers(self, op: Operation) -> Dict[str, FrozenSet[Port]]:
        """Returns the services that have ports that ``op`` publishes, with these ports."""
        if op.action not in WRITES:
            return {}
        wanted, gained = _ports(op), self._gained(op)
        found: Dict[str, FrozenSet[Port]] = {}
        if op.name in self.live and _is_open(op) and op.name not in self.extra:
            others = [has for name, has in self.final.items() if name != op.name]
            kept = Ports(self.now[op.name].minus(_ports(op)).ingress)
            own = frozenset().union(*(kept.refused(has) for has in others))
            if own:  # Swarm would keep its current number, and another service publishes that one
                return {op.name: own}
        for name, has in self.now.items():
            ports = wanted.refused(has) | gained.shared(has) - self.final[name].host
            if name != op.name and ports:
                found[name] = ports
        return found

    def _gained(self, op: Operation) -> Ports:
        return _ports(op).minus(self.now.get(op.name, Ports()))

    def _has_to_wait(self, op: Operation) -> bool:
        """Whether ``op`` publishes a port on nodes where a task may still use it. Only ingress ports change at once."""
        gained = self._gained(op) if op.action in WRITES else Ports()
        return bool(gained.both & self.freed.host or gained.host & self.freed.ingress)

    def _placed(self, op: Operation) -> Operation:
        if op.action not in (*WRITES, "remove"):
            return replace(op, wave=self.batch)
        was, after = self.now.get(op.name, Ports()), _ports(op)
        if op.name not in self.extra and _is_open(op):  # Swarm chooses the numbers that a service has
            after = Ports(after.ingress | was.ingress, after.host)
        lost = was.minus(after)
        self.freed = Ports(self.freed.ingress | lost.ingress, self.freed.host | lost.host)
        self.now[op.name] = after
        if not op.extra and op.action in WRITES:
            self.to_come.pop(op.name, None)
        if op.name in self.extra and not op.extra and op.action == "update":
            op = replace(op, payload={**op.payload, "after": self.extra[op.name]})
        return replace(op, wave=self.batch)

    def _release(self, waiting: List[Operation], last: List[Operation]) -> Iterator[Operation]:
        """Yields extra steps of services that block the rest of the wave."""
        names = {op.name for op in waiting if op.action in WRITES}
        blocked = [(op, self._blockers(op)) for op in self._next(waiting)]
        op, found = next((pair for pair in blocked if not names & set(pair[1])), blocked[0])
        givers = sorted(set(found) - names)
        if not givers:  # services that exchange ports: one of them begins
            givers = sorted(found, key=lambda name: (self._is_job(name), name))[:1]
        for giver in givers:
            if giver not in self.live or giver in self.extra or _ports(op).refused(self.final[giver]):
                if not self.back:
                    raise _stays(op, giver, found[giver])
            elif self._is_job(giver):
                step = self._job_removed(op, giver, found[giver])
                if step is not None:
                    yield self._placed(step)
                    continue
            else:
                yield self._placed(self._extra_step(giver, last))
                continue
            waiting.remove(op)  # no order helps: the Engine reports the conflict
            yield self._placed(op)
            return

    def _is_job(self, name: str) -> bool:
        return name in self.live and mode_of(self.live[name]["Spec"]).endswith("Job")

    def _job_removed(self, op: Operation, giver: str, ports: FrozenSet[Port]) -> Optional[Operation]:
        removal = next((gone for gone in self.tail if (gone.kind, gone.name) == ("service", giver)), None)
        if removal is not None:
            self.tail.remove(removal)
            return replace(removal, phase=CHANGE, reason=f"{removal.reason}; service {op.name} takes {words(ports)}")
        if self.back:
            return None
        raise PlanError(
            f"service {op.key or op.name} takes {words(ports)} from the job {giver}, which Swarm would run again to "
            "remove the port.",
            hint="Publish another port, or remove it from the job in an earlier deployment.",
        )

    def _extra_step(self, giver: str, last: List[Operation]) -> Operation:
        live, to_come = self.live[giver], self.to_come.get(giver)
        is_updated = to_come is not None and to_come.action == "update"
        base: ServiceSpec = (
            to_come.payload["spec"] if to_come is not None and is_updated and self.back else live["Spec"]
        )
        endpoint = base.get("EndpointSpec") or {}
        ports = [entry for entry in endpoint.get("Ports") or [] if not self._is_wanted(giver, live, entry)]
        changed: ServiceSpec = {"EndpointSpec": {**endpoint, "Ports": ports}}
        step = extra_step_spec(base, base.get("EndpointSpec") or {}, changed, values_to_carry(live, base, self.hidden))
        self.extra[giver] = step
        lost = self.now[giver].minus(asked(step))
        takers = sorted(n for n, has in self.final.items() if n != giver and has.both & lost.both)
        awaited = bool(lost.host or any(self.final[name].host & lost.both for name in takers))
        if to_come is None and giver not in self.gone:
            payload = {"id": id_of(live), "version": live["Version"]["Index"], "spec": live["Spec"]}
            last.append(Operation("update", "service", giver, reason="as before, with a port", payload=payload))
        at_once = is_updated and bool(to_come and to_come.restarts) and not awaited
        before, after = (
            normalise.service(live["Spec"]),
            normalise.service({**live["Spec"], "EndpointSpec": step["EndpointSpec"]}),
        )
        return Operation(
            "update",
            "service",
            giver,
            to_come.key if to_come is not None else "",
            f"gives up {words(lost.both)} for service {' and '.join(takers)}",
            changes=differences(before, after),
            restarts=0 if at_once else task_count(live, self.nodes),
            extra=True,
            payload={
                "id": id_of(live),
                "version": live["Version"]["Index"],
                "spec": step,
                "awaited": awaited,
            },
        )

    def _is_wanted(self, giver: str, live: Service, entry: Published) -> bool:
        """Whether another service will have the port of this entry, or still has it."""
        own = ports_in([entry]) if entry.get("PublishedPort") else Ports(held(live).ingress)
        shared = Ports(host=own.host - self.final[giver].host)
        others = [has for name, has in self.final.items() if name != giver]
        if self.back and entry.get("PublishedPort"):
            others += [has for name, has in self.now.items() if name != giver]
        return any(own.refused(has) or shared.shared(has) for has in others)


def _ports(op: Operation) -> Ports:
    return asked(op.payload["spec"]) if op.action in WRITES else Ports()


def _is_open(op: Operation) -> bool:
    """Whether a service has ports whose numbers Swarm chooses."""
    endpoint = (op.payload["spec"] if op.action in WRITES else {}).get("EndpointSpec") or {}
    return any(not entry.get("PublishedPort") for entry in endpoint.get("Ports") or [])


def _stays(op: Operation, giver: str, ports: FrozenSet[Port]) -> EngineError:
    return EngineError(
        f"service {op.key or op.name}: service {giver} of the same stack publishes {words(ports)}, and this run does "
        "not change it.",
        "conflict",
        "Publish it on another port, or remove that service (prune: true). Nothing was changed.",
    )
