# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moves tasks of services: away from a node, or from the fullest node to the emptiest, in their own update order.

A service of a stack is changed as by stack_service: under the stack's lock, with a note in its history, and rolled back
if it fails. A service without a stack has no lock and no history: it is updated, and the run waits for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Dict, List, Mapping, Optional, Sequence, Set

from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import Clock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import DeployError, EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.core.retry import Backoff, patiently
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.health.statuses import replicas_of
from ansible_collections.stackwright.swarm.plugins.module_utils.health.tasks import state_of
from ansible_collections.stackwright.swarm.plugins.module_utils.request.options import with_defaults
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import (
    MOVING,
    id_of,
    labels_of,
    name_of,
    stack_of,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.service import change_service
from ansible_collections.stackwright.swarm.plugins.module_utils.transitions.one_service import (
    AWAY,
    SCALED,
    SETTLED,
    service_plan,
)

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.request.option_types import Options
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Service

PAUSE = 0.2  # seconds between two checks of an update
ENDS = ("paused", "rollback_completed", "rollback_paused")


def move_away(client: EngineClient, clock: Clock, services: Sequence[Service], node: str, options: Options) -> None:
    """Moves the tasks of ``services``, all of one stack or of none, away from a node (its id).

    During the move they have a constraint; ``settle`` removes it if a run dies. ``options`` are those of
    change_service, with ``timeout`` in seconds without progress.
    Raises DeployError (``health_gate_failed``, ``timeout``, ``locked``), EngineError.
    """
    _change(client, clock, services, options, AWAY, away_from=node)
    _change(client, clock, services, options, SETTLED)


def even_out(client: EngineClient, clock: Clock, service: Service, options: Options) -> None:
    """Moves one task of a service from the node with most of its tasks to the one with the fewest.

    Swarm starts an additional task there, and then removes one from the fullest node. Raises as ``move_away``.
    """
    count = replicas_of(service["Spec"])
    for replicas in (count + 1, count):
        _change(client, clock, [service], options, SCALED, replicas)


def scaled(client: EngineClient, clock: Clock, service: Service, replicas: int, given: Mapping[str, object]) -> None:
    """Scales a service to ``replicas``; ``given`` are options of a run. Raises as ``move_away``."""
    _change(client, clock, [service], with_defaults(given), SCALED, replicas)


def settle(client: EngineClient, clock: Clock, services: Sequence[Service], options: Options) -> List[str]:
    """Removes the constraints that ``move_away`` of dead runs has left; returns the names of these services. Raises as
    ``move_away``."""
    left = [service for service in services if MOVING in labels_of(service)]
    for group in by_stack(left):
        _change(client, clock, group, options, SETTLED)
    return [name_of(service) for service in left]


def by_stack(services: Sequence[Service]) -> List[List[Service]]:
    """Returns the services grouped by stack."""
    found: Dict[str, List[Service]] = {}
    for service in services:
        found.setdefault(stack_of(service), []).append(service)
    return [found[stack] for stack in sorted(found)]


def _change(
    client: EngineClient,
    clock: Clock,
    services: Sequence[Service],
    options: Options,
    state: str,
    replicas: int = 0,
    away_from: str = "",
) -> None:
    stack = stack_of(services[0])
    if stack:
        names = [name_of(service) for service in services]
        what = {"service": names, "state": state, "replicas": replicas, "away_from": away_from}
        change_service(client, clock, stack, {**options, **what})
        return
    for service in services:
        _update(client, clock, service, state, replicas, away_from, options["progress"])
        _wait(client, clock, service, float(options["timeout"]))


def _update(
    client: EngineClient,
    clock: Clock,
    service: Service,
    state: str,
    replicas: int,
    away_from: str,
    progress: Optional[Callable[[str], None]],
) -> None:
    """Sends the change if it is necessary. After a lost answer, the service's spec shows whether it was applied."""
    path = f"/services/{id_of(service)}"
    backoff = Backoff(clock, also=("out_of_sequence",))
    while True:
        try:
            now = client.get(path)
            if state == AWAY and labels_of(now).get(MOVING) == away_from:
                return
            (operation,) = service_plan(now, state, "", 0, replicas, [away_from]).operations
            if operation.action == "keep":
                return
            if progress:
                progress(str(operation))
            client.post(f"{path}/update", {"version": now["Version"]["Index"]}, operation.payload["spec"])
            return
        except EngineError as error:
            backoff.bear(error)


def _wait(client: EngineClient, clock: Clock, service: Service, timeout: float) -> None:
    """Waits until the update has ended and exactly the desired number of tasks runs; ``timeout`` is in seconds without
    progress. Raises DeployError."""
    deadline, name, path = clock.now() + timeout, name_of(service), f"/services/{id_of(service)}"
    hint = f"Check its tasks with 'docker service ps {name}', fix the cause, then run again."
    known: Set[str] = set()
    mine = {"filters": {"service": [id_of(service)]}}
    while True:
        now = patiently(clock, lambda: client.get(path))
        update = now.get("UpdateStatus") or {}
        state = str(update.get("State") or "")
        if state in ENDS:
            reason = str(update.get("Message") or "no reason given")
            raise DeployError(f"Swarm stopped the update of service {name}: {reason}.", "health_gate_failed", hint)
        tasks = patiently(clock, lambda: client.list("/tasks", mine))
        own = [task for task in tasks if task.get("DesiredState") == "running"]
        running = {task["ID"] for task in own if state_of(task) == "running"}
        if state != "updating" and len(own) == replicas_of(now["Spec"]) == len(running):
            return
        # An update replaces each task once, so this ends. Afterwards, a task that fails again and again is no progress.
        if state == "updating" and running - known:
            known, deadline = known | running, clock.now() + timeout
        if clock.now() >= deadline:
            raise DeployError(f"The update of service {name} made no progress for {timeout:g} s.", "timeout", hint)
        clock.sleep(PAUSE)
