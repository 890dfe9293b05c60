# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waits until the stack is healthy: the polling loop around the state machine in health/.

It polls and uses no events: the event stream has no task events, and two calls for the whole stack (about 2 ms), a few
times a second, are as fast.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, AbstractSet, Any, Callable, Dict, FrozenSet, List, Mapping, Optional, Tuple, Union

from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.observe import services_of, tasks_of
from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import Clock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import DeployError, EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.core.retry import Backoff
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.health.gate import (
    PASSED,
    TIMED_OUT,
    WAITING,
    Before,
    Gate,
    Limits,
    Verdict,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.health.judge import judge, tasks_by_service
from ansible_collections.stackwright.swarm.plugins.module_utils.health.lines import Lines
from ansible_collections.stackwright.swarm.plugins.module_utils.health.lost import left_on_lost
from ansible_collections.stackwright.swarm.plugins.module_utils.health.seen import View
from ansible_collections.stackwright.swarm.plugins.module_utils.health.statuses import (
    DEGRADED,
    FAILED,
    GOOD,
    Judgement,
    mode_of,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.health.tasks import (
    ENDED_BADLY,
    by_slot,
    has_no_node,
    slot_of,
    state_of,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.request.options import detach

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.request.option_types import Options
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Node, Service, Task

FIRST_PAUSE, LONGEST_PAUSE, GROWTH = 0.05, 1.0, 1.5  # seconds, seconds, factor
SHARE = 10  # a pause may be at most this many times the duration of a check: the Engine has other work
NODES_FOR = 1.0  # seconds for which the observed nodes are valid
ENDED = (*ENDED_BADLY, "complete")


def before(services: List[Service], tasks: List[Task], nodes: List[Node]) -> Before:
    """Returns what the gate forgives: everything from before the run. A task that waits for a node did not run."""
    modes = {service["ID"]: mode_of(service["Spec"]) for service in services}
    return Before(
        frozenset(task["ID"] for task in tasks if state_of(task) in ENDED),
        updates_of(services),
        frozenset(
            service["ID"]
            for service, judgement in zip(_by_name(services), judged(services, tasks, nodes, math.inf))
            # Without the nodes, the desired tasks of a global service are unknown.
            if judgement.status in (DEGRADED, FAILED) and (nodes or not judgement.mode.startswith("global"))
        ),
        frozenset(task["ID"] for task in left_on_lost(tasks, nodes)),
        frozenset(str(task["ServiceID"]) for task in tasks if has_no_node(task)),
        frozenset(
            (task["ServiceID"], slot_of(task, modes[task["ServiceID"]]))
            for task in tasks
            # A task of a removed slot may stay for a moment.
            if task.get("ServiceID") in modes and task.get("DesiredState") != "remove"
        ),
    )


def updates_of(services: List[Service]) -> Dict[str, Tuple[str, str]]:
    """Returns state and start of each service's latest update, by the services' ids."""
    return {
        service["ID"]: (str(update.get("State") or ""), str(update.get("StartedAt") or ""))
        for service in services
        for update in (service.get("UpdateStatus") or {},)
    }


def wait(
    client: EngineClient,
    clock: Clock,
    stack: str,
    limits: Limits,
    past: Before,
    touched: Mapping[str, Union[bool, str]],
    progress: Optional[Callable[[str], None]] = None,
    names: Optional[AbstractSet[str]] = None,
    tick: Optional[Callable[[], None]] = None,
    began: Optional[float] = None,
) -> List[Judgement]:
    """Waits until every service of the stack (of those in ``names``) is healthy, and returns their judgements.

    Retries for 20 s if the Engine does not answer (a restart, an election). Each round calls ``tick``, which renews a
    lock; its errors end the wait, except that the Engine does not answer. The deadline counts from ``began``, or from
    now.

    Raises DeployError (``health_gate_failed``, or ``timeout``) with a reason for each service: ``details["failures"]``.
    """
    gate = Gate(limits, clock.now(), past, touched, names, began)
    report = _reporter(client, clock, progress)
    pause, seen = FIRST_PAUSE, None
    nodes: List[Node] = []
    nodes_at = clock.now() - NODES_FOR
    backoff = Backoff(clock)
    while True:
        asked = clock.now()
        try:
            if tick is not None:
                tick()
            services = services_of(client, stack)
            tasks = tasks_of(client, stack)
            if asked - nodes_at >= NODES_FOR:
                nodes, nodes_at = client.list("/nodes"), asked
        except EngineError as error:
            backoff.bear(error)
            gate.lost_sight()
            nodes_at = asked - NODES_FOR
            continue
        backoff.calm()
        now = clock.now()
        verdict = gate.feed(now, services, tasks, nodes)
        report(verdict)
        if verdict.state == PASSED:
            return verdict.judgements
        if verdict.state != WAITING:
            raise _failure(client, stack, verdict, limits, services, tasks, past)
        current = _fingerprint(services, tasks)
        longest = min(max(limits.poll, SHARE * (now - asked)), max(LONGEST_PAUSE, limits.poll))
        pause = FIRST_PAUSE if current != seen else min(pause * GROWTH, longest)
        seen = current
        clock.sleep(pause)


def _reporter(
    client: EngineClient, clock: Clock, progress: Optional[Callable[[str], None]]
) -> Callable[[Verdict], None]:
    """Returns a function that passes the news of a verdict to ``progress``, line by line."""
    if progress is None:
        return lambda verdict: None
    from ansible_collections.stackwright.swarm.plugins.module_utils.gate.evidence import node_names

    lines = Lines(clock.now())
    names: Dict[str, str] = {}

    def report(verdict: Verdict) -> None:
        if not names and any(seen.failures for seen in verdict.seen.values()):
            names.update(node_names(client))
        for line in lines.tell(clock.now(), verdict, names):
            progress(line)

    return report


def limits_of(options: Options) -> Limits:
    """Returns the limits that the options set."""
    safe = options["mode"] != "fast"
    return Limits(
        timeout=float(options["timeout"]),
        deadline=float(options["deadline"]),
        stable_for=float(options["stable_for"]) if safe else 0.0,
        pending=float(options["pending_for"]),
        max_restarts=int(options["max_restarts"]),
        observe=safe,
        poll=float(options["poll_interval"]),
    )


def settle(
    client: EngineClient,
    clock: Clock,
    stack: str,
    services: List[Service],
    options: Options,
    keep: Optional[Callable[[], None]] = None,
) -> List[Judgement]:
    """Returns the judgements of a stack that was not changed; waits until it is healthy if the option ``wait`` is set.

    ``keep`` is the ``tick`` of ``wait``. Raises the errors of ``wait``.
    """
    tasks, nodes = tasks_of(client, stack), client.list("/nodes")
    judgements = judged(services, tasks, nodes)
    if not options["wait"] or all(judgement.status in GOOD for judgement in judgements):
        return judgements
    detach(options)
    # Nothing is forgiven: the wait is for the services that did not run before. They must also stay up, because a
    # service that keeps crashing runs for a moment each time.
    past = before(services, tasks, nodes).forgiving_none()
    late = {s["ID"]: False for s, judgement in zip(_by_name(services), judgements) if judgement.status not in GOOD}
    return wait(client, clock, stack, limits_of(options), past, late, options["progress"], tick=keep)


def look(client: EngineClient, stack: str, services: List[Service]) -> List[Judgement]:
    """Returns the current judgements of the services, without waiting."""
    return judged(services, tasks_of(client, stack), client.list("/nodes"))


def judged(
    services: List[Service], tasks: List[Task], nodes: List[Node], now: Optional[float] = None
) -> List[Judgement]:
    """Returns the judgements by name. Updates that had ended before, and failures that were overcome, don't count.

    With ``now`` (the managers' time, seconds since 1970), a task that has waited too long for a node is a failure.
    """
    grouped, updates, fine = tasks_by_service(tasks), updates_of(services), overcome(services, tasks)
    found = []
    for service in _by_name(services):
        view = View(nodes, fine, updates[service["ID"]], now=now)
        found.append(judge(service, grouped.get(service["ID"], []), view))
    return found


def overcome(services: List[Service], tasks: List[Task]) -> FrozenSet[str]:
    """Returns the ids of the tasks in slots whose newest task runs or is complete: earlier failures were overcome."""
    grouped = tasks_by_service(tasks)
    fine = [
        found
        for service in services
        for found in by_slot(grouped.get(service["ID"], []), mode_of(service["Spec"])).values()
        if state_of(found[0]) in ("running", "complete")
    ]
    return frozenset(task["ID"] for found in fine for task in found)


def _failure(
    client: EngineClient,
    stack: str,
    verdict: Verdict,
    limits: Limits,
    services: List[Service],
    tasks: List[Task],
    past: Before,
) -> DeployError:
    from ansible_collections.stackwright.swarm.plugins.module_utils.gate.evidence import evidence

    late = verdict.state == TIMED_OUT
    failures = evidence(client, services, tasks, verdict.reasons, past.failures)
    head = f"The stack {stack} did not become healthy"
    if verdict.overdue:
        head += f" before its deadline of {limits.deadline:g} s"
    elif late:
        head += f" (no progress for {limits.timeout:g} s)"
    lines = [f"{head}:"] + [f"  {failure['text']}" for failure in failures]
    return DeployError(
        "\n".join(lines),
        "timeout" if late else "health_gate_failed",
        "",
        {"failures": failures, "services": [j.as_dict() for j in verdict.judgements]},
    )


def _by_name(services: List[Service]) -> List[Service]:
    return sorted(services, key=lambda service: str(service["Spec"]["Name"]))


def _fingerprint(services: List[Service], tasks: List[Task]) -> Any:
    """Returns a value that changes with each service and each task state."""
    return (
        sorted((s["ID"], s["Version"]["Index"]) for s in services),
        sorted((t["ID"], state_of(t), str(t.get("DesiredState"))) for t in tasks),
    )
