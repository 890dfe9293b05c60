# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits how many runs change stacks of one Swarm at once: the first run to take a lock goes first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Dict, List, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import DeployError, EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.core.retry import Backoff
from ansible_collections.stackwright.swarm.plugins.module_utils.locking.holder import (
    describe,
    holder_of,
    is_free,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.locking.lock import (
    LONGEST_PAUSE,
    TELL_EVERY,
    Lock,
    public,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import LOCK, id_of

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Config


def wait_in_line(lock: Lock, at_once: int, timeout: float, on_wait: Callable[[str], None]) -> None:
    """Waits, while it holds the stack's lock, until fewer than ``at_once`` older locks of the Swarm have a holder.

    No two runs wait for each other, because each run waits for older locks only. A lock that is not renewed for its
    whole ttl counts as free.

    :param timeout: seconds.
    :raises DeployError: ``locked`` after ``timeout``, with the first run in line; ``lock_lost``. EngineError.
    """
    clock = lock.clock
    deadline, reported = clock.now() + timeout, -TELL_EVERY
    watched: Dict[str, Tuple[int, float]] = {}
    backoff = Backoff(clock, lock.keep)
    while True:
        lock.keep()
        try:
            found = lock.client.list("/configs", {"filters": {"label": [LOCK]}})
            backoff.calm()
        except EngineError as error:
            backoff.bear(error)
            continue
        now = clock.now()
        ahead = _ahead(found, lock, watched, now)
        if len(ahead) < at_once:
            return
        first = holder_of(ahead[0])
        others = f"{len(ahead)} older run{'s' if len(ahead) > 1 else ''} of this Swarm"
        if now >= deadline:
            raise DeployError(
                f"The stack {lock.stack} was not changed: rollout.runs_at_once is {at_once}, and there are {others}. "
                f"The first is held by {describe(first)}.",
                "locked",
                f"Wait until it has ended, or raise runs_at_once or lock_timeout (now {timeout:g} s).",
                {"holder": public(first)},
            )
        if now - reported >= TELL_EVERY:
            reported = now
            on_wait(f"waiting for {others}, the first by {describe(first)}")
        clock.sleep(min(LONGEST_PAUSE, deadline - now))


def _ahead(found: List[Config], lock: Lock, watched: Dict[str, Tuple[int, float]], now: float) -> List[Config]:
    """Returns the locks that are older than ``lock`` and in use, the oldest first."""
    older: List[Config] = []
    for config in sorted(found, key=lambda config: (str(config.get("CreatedAt")), id_of(config))):
        if lock.has(config):
            return older
        version = config["Version"]["Index"]
        seen = watched.get(id_of(config))
        if seen is None or seen[0] != version:
            seen = watched[id_of(config)] = (version, now)
        if not is_free(holder_of(config)) and now - seen[1] <= lock.ttl:
            older.append(config)
    return older
