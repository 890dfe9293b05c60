# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts wait for each other as long as the others can still come.

A worker waits for the manager that does the cluster-wide part, and all hosts for the findings of the others.
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
#: Seconds in which nobody is at work: the other hosts may be kept by other tasks (strategy free), or not come at all.
IDLE = 600.0
#: Seconds in which no further host comes: a condition may have left it out.
GRACE = 5.0
MANAGERS_FIRST = "List the managers first in the play, for example hosts: swarm_managers:swarm_nodes"


class Hosts(NamedTuple):
    """The hosts of this batch, how many of them Ansible serves ``at_once``, and which node this host is."""

    hosts: AbstractSet[str]
    at_once: int
    node_id: str
    node: str
    alone: str = ""  # what comes of it where no manager can come any more


def wait_for_cluster(
    meeting: Meeting, hosts: Hosts, now: Callable[[], float], sleep: Callable[[float], None]
) -> Dict[str, Any]:
    """What was published of the cluster of this node. Raises StackwrightError (``no_manager``)."""
    quiet_since = now()
    while True:
        with meeting.alone():
            # The seats first: who has left since has published before.
            seats = meeting.seats()
            found: Optional[Dict[str, Any]] = next(
                (cluster for cluster in meeting.clusters() if hosts.node_id in cluster["nodes"]), None
            )
            if found is not None and found["number"] > meeting.used:
                meeting.used = found["number"]
                return found
            states = [seat.facts.get("state") for seat in seats if seat.alive]
            nobody: Optional[StackwrightError] = None
            if any(state not in (WAITING, KEEPING, DONE) for state in states):
                quiet_since = now()
            elif hosts.hosts <= {seat.host for seat in seats}:
                nobody = _nobody(hosts, f"None of the hosts of this {'play' if len(seats) > 1 else 'run'} is")
            elif states.count(WAITING) >= hosts.at_once:
                meeting.say(DONE)  # one only: its place may be taken by a manager, for whom the others wait
                nobody = _nobody(
                    hosts, f"None of the {hosts.at_once} hosts that Ansible runs at the same time is", forks=True
                )
            elif now() - quiet_since >= IDLE:
                nobody = _nobody(hosts, f"For {IDLE:.0f} s, no host has connected that is")
            if nobody is not None:
                if found is not None:
                    return found  # this host tries again, and the manager does not
                raise nobody
        sleep(PAUSE)


def wait_for_all(
    meeting: Meeting, hosts: AbstractSet[str], at_once: int, now: Callable[[], float], sleep: Callable[[float], None]
) -> List[Seat]:
    """All seats, once every one of ``hosts`` has said that it is DONE, or has died, or does not come. If

    the others can't begin before this host has left (``at_once``), it does not wait for them.
    """
    quiet_since = now()
    while True:
        seats = meeting.seats()
        # Whoever has failed at an earlier try than this may come again.
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


def _nobody(hosts: Hosts, none: str, forks: bool = False) -> StackwrightError:
    more = "; or raise forks" if forks else ", and in the first batch if there are several"
    return StackwrightError(
        f"{hosts.node} is a worker, and can't query the Swarm. {none} a manager of its Swarm that has done so. "
        f"{hosts.alone}",
        "no_manager",
        f"{MANAGERS_FIRST}{more}.",
    )
