# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waits until the stack runs: the polling loop around the state machine in health/.

Polling alone, no events: the event stream has no task events, and two calls for the whole stack (about 1 ms) every
50 ms to 1 s notice everything as soon.
"""

from __future__ import annotations

from typing import AbstractSet, Any, Callable, Dict, FrozenSet, List, Mapping, Optional, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.observe import services_of, tasks_of
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.errors import DeployError, EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.health.gate import (
    PASSED,
    TIMED_OUT,
    WAITING,
    Before,
    Gate,
    Limits,
    Verdict,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.health.judge import View, judge, tasks_by_service
from ansible_collections.stackwright.swarm.plugins.module_utils.health.statuses import GOOD, Judgement, mode_of
from ansible_collections.stackwright.swarm.plugins.module_utils.health.tasks import ENDED_BADLY, state_of

FIRST_PAUSE, LONGEST_PAUSE, GROWTH = 0.05, 1.0, 1.5  # seconds, seconds, factor
BEAR_WITH = 20.0  # seconds without an answer
TRANSIENT = ("daemon_unreachable", "no_quorum", "timeout", "engine_error")


def before(services: List[Dict[str, Any]], tasks: List[Dict[str, Any]]) -> Before:
    """What is to be forgiven: what had happened when the run began."""
    return Before(
        frozenset(task["ID"] for task in tasks if state_of(task) in ENDED_BADLY),
        {
            service["ID"]: (str(update.get("State") or ""), str(update.get("StartedAt") or ""))
            for service in services
            for update in (service.get("UpdateStatus") or {},)
        },
    )


def wait(
    client: EngineClient,
    clock: Any,
    stack: str,
    limits: Limits,
    past: Before,
    touched: Mapping[str, bool],
    progress: Optional[Callable[[str], None]] = None,
    names: Optional[AbstractSet[str]] = None,
    tick: Optional[Callable[[], None]] = None,
) -> List[Judgement]:
    """Waits until every service of the stack (of those in ``names``) is as it should be, and gives their judgements.

    An engine that does not answer for a moment (a restart, an election) is borne with for 20 s. ``tick`` is called in
    every turn, to keep a lock; what it raises ends the wait, but for an engine that does not answer.

    Raises DeployError (``health_gate_failed``, or ``timeout``) with a reason for each service: ``details["failures"]``.
    """
    gate = Gate(limits, clock.now(), past, touched)
    pause, seen, shown = FIRST_PAUSE, None, ""
    nodes: List[Dict[str, Any]] = []
    silent: Optional[float] = None
    while True:
        try:
            if tick is not None:
                tick()
            services = services_of(client, stack)
            tasks = tasks_of(client, stack)
            if _is_global(services) and (not nodes or pause >= LONGEST_PAUSE):
                nodes = client.list("/nodes")
        except EngineError as error:
            silent = clock.now() if silent is None else silent
            if error.error_code not in TRANSIENT or clock.now() - silent >= BEAR_WITH:
                raise
            clock.sleep(LONGEST_PAUSE)
            continue
        silent = None
        if names is not None:
            services = [service for service in services if service["Spec"]["Name"] in names]
        verdict = gate.feed(clock.now(), services, tasks, nodes)
        if verdict.state == PASSED:
            return verdict.judgements
        if verdict.state != WAITING:
            raise _failure(client, stack, verdict, limits, services, tasks)
        line = summary(verdict.judgements)
        if progress is not None and line != shown:
            progress(line)
            shown = line
        print_of = _print(services, tasks)
        pause = FIRST_PAUSE if print_of != seen else min(pause * GROWTH, LONGEST_PAUSE)
        seen = print_of
        clock.sleep(pause)


def limits_of(options: Mapping[str, Any]) -> Limits:
    """The limits that the options set."""
    return Limits(timeout=float(options["timeout"]), stable_for=float(options["stable_for"]))


def settle(
    client: EngineClient, clock: Any, stack: str, services: List[Dict[str, Any]], options: Mapping[str, Any]
) -> List[Judgement]:
    """The judgements of a stack that was not changed; waits for it if the options say so. Raises as ``wait``."""
    tasks = tasks_of(client, stack)
    judgements = look(client, stack, services, tasks)
    if not options["wait"] or all(judgement.status in GOOD for judgement in judgements):
        return judgements
    return wait(client, clock, stack, limits_of(options), before(services, tasks), {}, options["progress"])


def look(
    client: EngineClient, stack: str, services: List[Dict[str, Any]], tasks: Optional[List[Dict[str, Any]]] = None
) -> List[Judgement]:
    """How the services do now, without waiting."""
    tasks = tasks_of(client, stack) if tasks is None else tasks
    nodes = client.list("/nodes") if _is_global(services) else []
    grouped = tasks_by_service(tasks)
    ordered = sorted(services, key=lambda s: s["Spec"]["Name"])
    return [judge(service, grouped.get(service["ID"], []), View(nodes, overcome(tasks))) for service in ordered]


def overcome(tasks: List[Dict[str, Any]]) -> FrozenSet[str]:
    """Failures that were overcome: those of slots whose newest task runs."""
    newest: Dict[Tuple[str, str], Dict[str, Any]] = {}
    for task in tasks:
        slot = (str(task.get("ServiceID")), str(task.get("Slot") or task.get("NodeID")))
        if slot not in newest or str(task.get("CreatedAt")) > str(newest[slot].get("CreatedAt")):
            newest[slot] = task
    fine = {slot for slot, task in newest.items() if state_of(task) in ("running", "complete")}
    return frozenset(
        task["ID"]
        for task in tasks
        if (str(task.get("ServiceID")), str(task.get("Slot") or task.get("NodeID"))) in fine
    )


def summary(judgements: List[Judgement]) -> str:
    """One line about the services that are not there yet."""
    late = [j for j in judgements if j.status not in GOOD]
    return (
        ", ".join(f"{j.name} {j.running}/{j.desired} {j.message or j.status}" for j in late) or "waiting for stability"
    )


def _failure(
    client: EngineClient,
    stack: str,
    verdict: Verdict,
    limits: Limits,
    services: List[Dict[str, Any]],
    tasks: List[Dict[str, Any]],
) -> DeployError:
    from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.evidence import evidence

    late = verdict.state == TIMED_OUT
    failures = evidence(client, services, tasks, verdict.reasons)
    head = f"The stack {stack} does not run after {limits.timeout:g} s" if late else f"The stack {stack} does not run"
    lines = [f"{head}:"] + [f"  {failure['text']}" for failure in failures]
    return DeployError(
        "\n".join(lines),
        "timeout" if late else "health_gate_failed",
        "",
        {"failures": failures, "services": [j.as_dict() for j in verdict.judgements]},
    )


def _is_global(services: List[Dict[str, Any]]) -> bool:
    return any(mode_of(service["Spec"]).startswith("global") for service in services)


def _print(services: List[Dict[str, Any]], tasks: List[Dict[str, Any]]) -> Any:
    """Changes whenever anything moves."""
    return (
        sorted((s["ID"], s["Version"]["Index"]) for s in services),
        sorted((t["ID"], state_of(t), str(t.get("DesiredState"))) for t in tasks),
    )
