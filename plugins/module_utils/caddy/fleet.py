# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Updates all replicas of a proxy to the routes of a stack, and reports each of them."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence

from ansible_collections.stackwright.swarm.plugins.module_utils.caddy.admin import PATIENCE, Admin
from ansible_collections.stackwright.swarm.plugins.module_utils.caddy.endpoint import Endpoint
from ansible_collections.stackwright.swarm.plugins.module_utils.caddy.guarded_update import Updated, Wanted, update
from ansible_collections.stackwright.swarm.plugins.module_utils.caddy.replicas import Resolve, check_alone, each_replica
from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import Clock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import RouteError
from ansible_collections.stackwright.swarm.plugins.module_utils.core.retry import Backoff
from ansible_collections.stackwright.swarm.plugins.module_utils.routing import readable

#: Seconds to retry a proxy that other clients keep writing to.
CONTENTION = 60.0
#: The errors of a proxy that is down or hangs, and may recover by itself.
LOST = ("admin_unreachable", "admin_timeout")
#: Errors after which no replica is written.
DECISIONS = ("route_conflict", "several_replicas", "tls_conflict")


class World(NamedTuple):
    """The external functions: ``transport(endpoint)``, ``resolve(name)``, a clock, and ``chance()`` from 0 to 1."""

    transport: Callable[[Endpoint], Any]
    resolve: Resolve
    clock: Clock
    chance: Callable[[], float]


class Replica:
    """One proxy: its admin API, and its update or error."""

    def __init__(self, at: Endpoint, world: World) -> None:
        self.at = at
        self.admin = Admin(world.transport(at), Retry(world.clock, world.chance, PATIENCE))
        self.updated: Optional[Updated] = None
        self.error: Optional[RouteError] = None

    def report(self) -> Dict[str, Any]:
        """Returns the replica's result, with its error if it has one."""
        found: Dict[str, Any] = {"admin": self.at.shown, "changed": False, "changes": [], "version": ""}
        if self.updated is not None:
            found["changed"] = self.updated.changed
            found["changes"] = readable.changes(self.updated.before, self.updated.after)
            if self.updated.changed and not found["changes"]:
                found["changes"] = ["arrange the routes"]
            found["version"] = "2.8 or later" if self.updated.modern else "before 2.8"
        found.update(requests=self.admin.requests, writes=self.admin.writes)
        if self.error is not None:
            found.update(error_code=self.error.error_code, msg=str(self.error))
        return found


def replicas(endpoints: Sequence[Endpoint], world: World) -> List[Replica]:
    """Returns the proxies behind ``endpoints``, each once.

    :raises RouteError: ``several_replicas``, ``admin_unreachable``, ``admin_tls``.
    """
    found: Dict[Any, Replica] = {}
    for at in endpoints:
        places = each_replica(at, world.resolve)
        for place in places:
            key = place.socket or (place.address, place.port)
            if key not in found:
                found[key] = Replica(place, world)
                if len(places) == 1:
                    _check_alone(found[key])
    return list(found.values())


def _check_alone(replica: Replica) -> None:
    try:
        check_alone(replica.admin, replica.at)
    except RouteError as error:
        if error.error_code == "several_replicas":
            raise
        replica.error = error


def bring_all(proxies: Sequence[Replica], wanted: Wanted, check: bool, world: World) -> None:
    """Updates every replica; each replica's failure is in its ``error``.

    Checks all replicas before it writes the first, so an error such as a conflict (DECISIONS) changes none of them.

    :raises RouteError: one of DECISIONS.
    """
    for checking in [True, check] if len(proxies) > 1 and not check else [check]:
        for replica in proxies:
            if replica.error is not None:
                continue
            again = Retry(world.clock, world.chance, CONTENTION)
            try:
                replica.updated = update(replica.admin, wanted, checking, again)
            except RouteError as error:
                if error.error_code in DECISIONS and replica.admin.writes == 0:
                    raise
                replica.updated, replica.error = None, error


def first_failure(proxies: Sequence[Replica]) -> Optional[RouteError]:
    """Returns the error of the run, with the number of failed replicas. A lost replica hides no other error."""
    failed = [(replica.error, replica.at.shown) for replica in proxies if replica.error is not None]
    if not failed:
        return None
    error, where = min(failed, key=lambda one: one[0].error_code in LOST)
    done = [replica.at.shown for replica in proxies if replica.updated is not None and replica.updated.changed]
    message = error.message
    if len(proxies) > 1:
        message = message if where in message else f"{where}: {message}"
        message += f" {len(failed)} of {len(proxies)} replicas failed"
        message += f"; changed were {', '.join(done)}." if done else "; none was changed."
    details = {**error.details, "outcome": {"done": done}, "replicas": [replica.report() for replica in proxies]}
    return RouteError(message, error.error_code, error.hint, details)


FIRST = 0.01
LONGEST = 0.5


class Retry:
    """Waits longer in each turn (0, 1, ...); returns False ``limit`` seconds after turn 0.

    :param chance: returns a random number from 0 to 1.
    """

    def __init__(self, clock: Clock, chance: Callable[[], float], limit: float) -> None:
        self._backoff = Backoff(clock, limit=limit, first=FIRST, longest=LONGEST, chance=chance)

    def __call__(self, turn: int) -> bool:
        if turn == 0:
            self._backoff.calm()
        return self._backoff.pause()
