# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stack's lock without a process, for work on nodes that can't see the Swarm.

The action plugin of the host that did the cluster-wide part renews it through a manager, and tells each node until when
it may remove something. Without renewals it expires after the last node has stopped.
Why: docs/decisions/0016-no-removal-outside-the-lock.md.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Callable, Dict, Optional, Sequence

from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import Clock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import DeployError
from ansible_collections.stackwright.swarm.plugins.module_utils.core.retry import patiently
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.locking.lock import Lock
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import id_of
from ansible_collections.stackwright.swarm.plugins.module_utils.transitions import cleanup as planning

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Service

Result = Dict[str, Any]


def renew_lease(client: EngineClient, clock: Clock, stack: str, run: str, seconds: float) -> Result:
    """Extends the lock of ``run`` to ``seconds`` from now, *then* reads what services use.

    Without ``run`` there is no lock, and it only reads. Raises DeployError (``lock_lost``) and EngineError.
    """
    if run:
        _taken_up(client, clock, stack, run, seconds).renew()
    return {"changed": False, **wanted_now(client, clock)}


def end_lease(client: EngineClient, clock: Clock, stack: str, run: str) -> Result:
    """Releases the lock of ``run`` if it still holds it. Raises EngineError."""
    with suppress(DeployError):  # it has expired, and may belong to another run
        _taken_up(client, clock, stack, run, 0.0).release()
    return {"changed": False}


def end_later(
    client: EngineClient, clock: Clock, stack: str, run: str, seconds: float, detach: Optional[Callable[[], None]]
) -> Result:
    """Calls ``end_lease`` after ``seconds``, in a separate process. If that can't be started, the lock expires."""
    import os

    before = os.getpid()
    if detach:
        detach()
    if os.getpid() != before:
        clock.sleep(seconds)
        end_lease(client, clock, stack, run)
    return {"changed": False}


def wanted_now(client: EngineClient, clock: Clock) -> Result:
    """Returns ``wanted_by`` of the current services. Raises EngineError."""
    return wanted_by(patiently(clock, lambda: client.list("/services")))


def wanted_by(services: Sequence[Service]) -> Result:
    """Returns what services use: services (their ids), used (volume -> names of services), wanted_images."""
    return {
        "services": sorted(id_of(service) for service in services),
        "used": planning.volume_users(services),
        "wanted_images": planning.images_wanted(services),
    }


def _taken_up(client: EngineClient, clock: Clock, stack: str, run: str, seconds: float) -> Lock:
    lock = Lock(client, clock, stack, {"run": run})
    if seconds:
        lock.ttl = seconds
    patiently(clock, lock.take_up)
    return lock
