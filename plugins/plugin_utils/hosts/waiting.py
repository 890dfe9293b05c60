# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waits for other hosts as long as they can still run the task.

A worker waits for the manager that does the cluster-wide part. All hosts wait for the findings of the others.
"""

from __future__ import annotations

from typing import AbstractSet, Any, Callable, Dict, List, NamedTuple, Optional

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.meeting import (
    DONE,
    KEEPING,
    WAITING,
    Meeting,
    Seat,
)

PAUSE = 0.1  # seconds
#: Seconds without a working host: the others may be busy with other tasks (strategy free), or never run this one.
IDLE = 600.0
#: Seconds to wait for a host that has not started the task: a condition may have skipped it.
GRACE = 5.0
MANAGERS_FIRST = "List the managers first in the play, for example hosts: swarm_managers:swarm_nodes"


class Hosts(NamedTuple):
    """The hosts of this batch, how many of them Ansible runs ``at_once``, and which node this host is."""

    hosts: AbstractSet[str]
    at_once: int
    node_id: str
    node: str
    alone: str = ""  # for the error: the consequence if no manager can run the task any more


def wait_for_cluster(
    meeting: Meeting, hosts: Hosts, now: Callable[[], float], sleep: Callable[[float], None]
) -> Dict[str, Any]:
    """Waits for the published result for the cluster of this node. Raises StackwrightError (``no_manager``)."""
    quiet_since = now()
    while True:
        with meeting.alone():
            # The seats first: a host that leaves after this has already published.
            seats = meeting.seats()
            found: Optional[Dict[str, Any]] = next(
                (cluster for cluster in meeting.clusters() if hosts.node_id in cluster["nodes"]), None
            )
            if found is not None and found["number"] > meeting.used:
                meeting.used = found["number"]
                return found
            states = [seat.facts.get("state") for seat in seats if seat.alive]
            error: Optional[StackwrightError] = None
            if any(state not in (WAITING, KEEPING, DONE) for state in states):
                quiet_since = now()
            elif hosts.hosts <= {seat.host for seat in seats}:
                error = _no_manager(hosts, f"None of the hosts of this {'play' if len(seats) > 1 else 'run'} is")
            elif states.count(WAITING) >= hosts.at_once:
                meeting.say(DONE)  # only this host leaves: a manager may get its fork, and the others wait for it
                error = _no_manager(
                    hosts, f"None of the {hosts.at_once} hosts that Ansible runs at the same time is", forks=True
                )
            elif now() - quiet_since >= IDLE:
                error = _no_manager(hosts, f"For {IDLE:.0f} s, no host has connected that is")
            if error is not None:
                if found is not None:
                    return found  # this host retries the task, but the manager does not
                raise error
        sleep(PAUSE)


def wait_for_all(
    meeting: Meeting, hosts: AbstractSet[str], at_once: int, now: Callable[[], float], sleep: Callable[[float], None]
) -> List[Seat]:
    """Waits until each of the ``hosts`` is DONE, has died, or doesn't start the task. Returns all seats.

    Doesn't wait for hosts that can't begin before this host has left (``at_once``).
    """
    quiet_since = now()
    while True:
        seats = meeting.seats()
        # A host that failed at an earlier try may retry the task.
        again = {seat.host for seat in seats if not seat.alive and seat.facts.get("codes") and _behind(seat, meeting)}
        absent = (hosts - {seat.host for seat in seats}) | again
        states = [seat.facts.get("state") for seat in seats if seat.alive]
        if all(state == DONE for state in states) and not absent:
            return seats
        if absent and len(states) >= at_once:
            return seats
        if any(state not in (WAITING, DONE) for state in states):
            quiet_since = now()
        elif now() - quiet_since >= GRACE:
            return seats
        sleep(PAUSE)


def _behind(seat: Seat, meeting: Meeting) -> bool:
    return int(seat.facts.get("visit") or 0) < meeting.visit


def _no_manager(hosts: Hosts, none: str, forks: bool = False) -> StackwrightError:
    more = "; or raise forks" if forks else ", and in the first batch if there are several"
    return StackwrightError(
        f"{hosts.node} is a worker, and can't query the Swarm. {none} a manager of its Swarm that has done so. "
        f"{hosts.alone}",
        "no_manager",
        f"{MANAGERS_FIRST}{more}.",
    )
