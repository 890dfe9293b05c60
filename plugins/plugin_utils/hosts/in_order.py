# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets the hosts of a play take their turns in the order of the inventory, without waiting for absent ones."""

from __future__ import annotations

from typing import Any, Callable, Dict, Sequence

from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.meeting import HERE, Meeting, Seat

PAUSE = 0.02  # seconds
#: Seconds to wait for an earlier host that has not started the task: a condition may have skipped it.
GRACE = 3.0
#: Seconds to wait for an earlier host that has started the task and makes no progress.
LONGEST = 30.0
#: The state of a host that knows its cluster.
LOOKED = "looked"


def wait_for_earlier(
    meeting: Meeting,
    earlier: Sequence[str],
    cluster: str,
    at_once: int,
    now: Callable[[], float],
    sleep: Callable[[float], None],
) -> None:
    """Waits until each of the ``earlier`` hosts has begun its turn at the same cluster, or its time is over.

    A wait that is too short only changes which host works: the lock of the turn lets one host work at a time.

    :param cluster: the cluster of this host; empty if it does not know it.
    :param at_once: how many hosts Ansible runs at the same time.
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
    """Waits until each of the ``hosts`` knows its cluster, at most for GRACE: this only saves work.

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
        present = [seats[host] for host in hosts if host in seats]
        missing = alive < at_once and waited < GRACE and len(present) < len(hosts)
        if waited >= longest or not (missing or any(seat.alive and awaited(seat) for seat in present)):
            return
        sleep(PAUSE)


def wait_for_result(meeting: Meeting, host: str, now: Callable[[], float], sleep: Callable[[float], None]) -> None:
    """Waits until Ansible has the result of ``host`` (``Meeting.stay``), at most for GRACE."""
    began = now()
    while now() - began < GRACE and any(seat.alive for seat in meeting.seats() if seat.host == host):
        sleep(PAUSE)


def failed_alike(meeting: Meeting, earlier: Sequence[str], failure: str) -> str:
    """Returns the first of the ``earlier`` hosts with the same ``failure`` (a digest) in this visit, or ""."""
    seats: Dict[str, Any] = {seat.host: seat.facts for seat in meeting.seats()}
    for host in earlier:
        facts = seats.get(host) or {}
        if facts.get("failed") == failure and facts.get("visit") == meeting.visit:
            return host
    return ""
