# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts of a play take their turn in the order of the inventory, as far as the earlier ones can come."""

from __future__ import annotations

from typing import Any, Callable, Dict, Sequence

from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.meeting import HERE, Meeting, Seat

PAUSE = 0.02  # seconds
#: Seconds for an earlier host that has not come: a condition may have left it out.
GRACE = 3.0
#: Seconds for an earlier host that has come, and does not get ahead.
LONGEST = 30.0
#: A host has looked at its cluster.
LOOKED = "looked"


def wait_for_earlier(
    meeting: Meeting,
    earlier: Sequence[str],
    cluster: str,
    at_once: int,
    now: Callable[[], float],
    sleep: Callable[[float], None],
) -> None:
    """Returns when each of the ``earlier`` hosts has begun its turn at the same cluster, or is no longer waited for.

    Whoever does not wait long enough only changes who works, not that one does: the lock of the turn sees to that.

    :param cluster: that of this host; empty if it does not know it.
    :param at_once: how many hosts Ansible serves at the same time.
    """

    def awaited(seat: Seat) -> bool:
        if seat.facts.get("state") == LOOKED and cluster:
            return bool(seat.facts.get("cluster") == cluster)
        return seat.facts.get("state") in (HERE, LOOKED, None)

    _wait(meeting, earlier, awaited, at_once, LONGEST, now, sleep)


def wait_for_look(
    meeting: Meeting,
    hosts: Sequence[str],
    at_once: int,
    now: Callable[[], float],
    sleep: Callable[[float], None],
) -> None:
    """Returns when each of the ``hosts`` has looked at its cluster, or after GRACE: it spares work, and no more.

    See ``wait_for_earlier``.
    """
    _wait(meeting, hosts, lambda seat: seat.facts.get("state") in (HERE, None), at_once, GRACE, now, sleep)


def _wait(
    meeting: Meeting,
    hosts: Sequence[str],
    awaited: Callable[[Seat], bool],
    at_once: int,
    longest: float,
    now: Callable[[], float],
    sleep: Callable[[float], None],
) -> None:
    began = now()
    while True:
        seats = {seat.host: seat for seat in meeting.seats()}
        alive = sum(seat.alive for seat in seats.values())
        waited = now() - began
        comes = alive < at_once and waited < GRACE
        there = [seats[host] for host in hosts if host in seats]
        missing = comes and len(there) < len(hosts)
        if waited >= longest or not (missing or any(seat.alive and awaited(seat) for seat in there)):
            return
        sleep(PAUSE)


def wait_for_result(meeting: Meeting, host: str, now: Callable[[], float], sleep: Callable[[float], None]) -> None:
    """Returns when Ansible has the result of ``host``, which has said that it stays, or after a while."""
    began = now()
    while now() - began < GRACE and any(seat.alive for seat in meeting.seats() if seat.host == host):
        sleep(PAUSE)


def failed_alike(meeting: Meeting, earlier: Sequence[str], told: str) -> str:
    """The first of the ``earlier`` hosts that has failed in this turn with the same words; empty if none has."""
    seats: Dict[str, Any] = {seat.host: seat.facts for seat in meeting.seats()}
    for host in earlier:
        facts = seats.get(host) or {}
        if facts.get("failed") == told and facts.get("visit") == meeting.visit:
            return host
    return ""
