# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The replicas behind an address. Each has its own configuration, so each must be written."""

from __future__ import annotations

import re
from typing import Callable, List, Sequence

from ansible_collections.stackwright.swarm.plugins.module_utils.caddy.admin import Admin
from ansible_collections.stackwright.swarm.plugins.module_utils.caddy.endpoint import Endpoint
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import RouteError

Resolve = Callable[[str], Sequence[str]]

#: How often to ask an address for its identity; a virtual address passes connections to its replicas in turn.
LOOKS = 4
_STARTED = re.compile(rb"^process_start_time_seconds ([0-9.e+]+)", re.MULTILINE)
_ADDRESS = re.compile(r"[0-9.]+\Z|.*:")


def each_replica(at: Endpoint, resolve: Resolve) -> List[Endpoint]:
    """Returns the endpoint at each address of its host, in order.

    :param resolve: returns the addresses of a name; empty if it has none.
    :raises RouteError: ``admin_unreachable`` for a host without an address, ``several_replicas`` for a Swarm
        service's virtual address: a write through it would reach only one of the replicas.
    """
    if at.socket:
        return [at]
    if _ADDRESS.match(at.host):
        return [at.at(at.host)]
    found = sorted(set(resolve(at.host)))
    if not found:
        raise RouteError(
            f"The host of the admin API at {at.text} can't be resolved.", "admin_unreachable", "Correct it."
        )
    if len(found) == 1 and not at.is_local and "." not in at.host:
        # In Swarm's DNS, tasks.SERVICE resolves to the addresses of a service's tasks.
        tasks = sorted(set(resolve("tasks." + at.host)))
        if len(tasks) > 1 or (tasks and tasks != found):
            raise _several(at, f"{len(tasks)} task{'s' if len(tasks) > 1 else ''} behind one virtual address")
    return [at.at(address) for address in found]


def check_alone(admin: Admin, at: Endpoint) -> None:
    """Asks an address several times for its identity, because a load balancer may have several proxies behind it.

    :raises RouteError: ``several_replicas``.
    """
    if at.is_local:
        return
    started = set()
    for _look in range(LOOKS):
        answer = admin.get("/metrics")
        match = _STARTED.search(answer.body)
        if answer.status != 200 or not match:
            return
        started.add(match.group(1))
        if len(started) > 1:
            raise _several(at, "different proxies answer in turn")


def _several(at: Endpoint, why: str) -> RouteError:
    return RouteError(
        f"Several replicas are behind {at.text} ({why}): a write would reach only one of them.",
        "several_replicas",
        f"List each replica in admin, or address all of them with http://tasks.SERVICE:{at.port}, or list each node's "
        "socket.",
    )
