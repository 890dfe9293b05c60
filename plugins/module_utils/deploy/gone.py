# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waits until tasks are gone: after ``stopped`` and between the removals of ``absent``."""

from __future__ import annotations

from typing import AbstractSet, Any, Callable, Dict, List, Optional, Sequence

from ansible_collections.stackwright.swarm.plugins.module_utils.core.retry import patiently
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.observe import tasks_of
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.errors import DeployError
from ansible_collections.stackwright.swarm.plugins.module_utils.health.tasks import state_of

Tick = Callable[[], None]
Tell = Callable[[str], None]

FIRST_PAUSE, USUAL_PAUSE, LONGEST_PAUSE, GROWTH = 0.05, 0.15, 1.0, 1.5  # seconds, and a factor
SHARE = 10  # a pause may be so many times as long as a look takes: the Engine has other work
TELL_EVERY = 10.0  # seconds
ALIVE = ("assigned", "accepted", "preparing", "ready", "starting", "running")


def wait_until_stopped(
    client: EngineClient,
    clock: Any,
    stack: str,
    timeout: float,
    ids: Sequence[str],
    tick: Tick = lambda: None,
    tell: Tell = lambda line: None,
) -> None:
    """Waits until no task of the services ``ids`` runs any more. Raises DeployError (``timeout``).

    ``tick`` is called in every turn, to keep a lock; ``tell`` is told how many tasks are left.
    """
    wanted = set(ids)

    def left() -> List[Dict[str, Any]]:
        return [
            t
            for t in tasks_of(client, stack)
            if t.get("ServiceID") in wanted and state_of(t) in ALIVE and t.get("NodeID")
        ]

    _until_none(left, clock, f"The stack {stack} does not stop", timeout, tick, tell)


def wait_until_gone(
    client: EngineClient,
    clock: Any,
    stack: str,
    timeout: float,
    tick: Tick = lambda: None,
    ids: Optional[AbstractSet[str]] = None,
    tell: Tell = lambda line: None,
) -> None:
    """Waits until no task of the stack (of the services ``ids``) is left on a node. Raises DeployError (``timeout``).

    A task on a node that is down can't end; the Engine gives it up by itself (state ``orphaned``) only after a day,
    so such tasks are not waited for.
    """

    def left() -> List[Dict[str, Any]]:
        tasks = [t for t in tasks_of(client, stack) if state_of(t) in ALIVE and t.get("NodeID")]
        if ids is not None:
            tasks = [task for task in tasks if task.get("ServiceID") in ids]
        if not tasks:
            return []
        up = {n["ID"] for n in client.list("/nodes") if (n.get("Status") or {}).get("State") == "ready"}
        return [task for task in tasks if task["NodeID"] in up]

    _until_none(left, clock, f"The tasks of the stack {stack} do not end", timeout, tick, tell)


def _until_none(
    left: Callable[[], List[Dict[str, Any]]], clock: Any, what: str, timeout: float, tick: Tick, tell: Tell
) -> None:
    deadline = clock.now() + timeout
    pause, count, told = FIRST_PAUSE, -1, clock.now()
    while True:
        tick()
        began = clock.now()
        tasks = patiently(clock, left, tick)
        if not tasks:
            return
        if clock.now() >= deadline:
            raise DeployError(
                f"{what} within {timeout:g} s: {len(tasks)} tasks are left.",
                "timeout",
                "Look at them with `docker stack ps`; run again to go on.",
                {"tasks": sorted(task["ID"] for task in tasks)},
            )
        if len(tasks) != count or clock.now() - told >= TELL_EVERY:
            told = clock.now()
            tell(f"waiting for {len(tasks)} task{'' if len(tasks) == 1 else 's'} to end")
        longest = min(max(USUAL_PAUSE, SHARE * (clock.now() - began)), LONGEST_PAUSE)
        pause = FIRST_PAUSE if len(tasks) != count else min(pause * GROWTH, longest)
        count = len(tasks)
        clock.sleep(pause)
