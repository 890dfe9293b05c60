# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lease of a stack's lock on the controller: one host renews it while the others work under it.

All times are from the controller's clock. A renewal counts from before its request, so no other clock must be trusted.
A node gets the end of the lease in its own clock, counted from the time when that clock was read.
"""

from __future__ import annotations

from typing import AbstractSet, Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Tuple, Type

from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.meeting import (
    ASKING,
    DONE,
    KEEPING,
    LEAVING,
    WAITING,
    Meeting,
    Seat,
)

Facts = Dict[str, Any]
#: Seconds: a lease; the last lease, for hosts that start after its keeper has left; the time between renewals; and how
#: long before the end of a lease the last removal may begin, as its answer may take 10 s.
LEASE, LAST_LEASE, RENEW, MARGIN = 30.0, 45.0, 8.0, 12.0
#: Seconds: between two checks; and without a working host, until the keeper gives up hosts that have not started.
PAUSE, COME = 0.1, 10.0
OVER = "the stack's lock was released before the turn of this node"


class Play(NamedTuple):
    """The hosts of this batch and of the whole play, and how many of them Ansible runs ``at_once``."""

    batch: AbstractSet[str]
    expected: AbstractSet[str]
    at_once: int


class Keeper:
    """Keeps the lease of ``cluster`` (as it was published) until its other hosts have ended.

    :param renew: ``renew(seconds)`` extends the lock and returns the needs of services.
    :param end: ``end(seconds)`` releases the lock after that time.
    :param lost: the exceptions that both raise.
    """

    def __init__(
        self,
        meeting: Meeting,
        cluster: Facts,
        renew: Callable[[float], Facts],
        end: Callable[[float], None],
        lost: Tuple[Type[Exception], ...],
        now: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        self.meeting, self.cluster, self.renew, self.end, self.lost = meeting, cluster, renew, end, lost
        self.now, self.sleep = now, sleep
        self.node = ""  # of this host
        self._asked, self._due = -1.0, now() + RENEW
        self._lease: Facts = {"of": cluster["number"]}

    def keep(self, play: Play) -> str:
        """Waits until all hosts have ended, or no more hosts start. Returns the error, or ""."""
        quiet = self.now()
        self.meeting.say(KEEPING, node_id=self.node)
        try:
            while True:
                with self.meeting.alone():
                    seats = [seat for seat in self.meeting.seats() if seat.host != self.meeting.host]
                    absent = set(play.expected) - {seat.host for seat in seats} - {self.meeting.host}
                    busy = [seat for seat in seats if self._is_busy(seat)]
                    full = 1 + sum(_is_idle(seat) for seat in seats) >= play.at_once
                    over = not busy and (not absent or full or not absent & set(play.batch))
                    over = over or (not busy and self.now() - quiet >= COME)
                    # Decided inside the lock: hosts that start later find no lease, or the last one.
                    last = over and bool(absent) and (full or bool(absent - set(play.batch)))
                    if over:
                        self.meeting.say(LEAVING, node_id=self.node)
                        if not last:
                            self._tell(closed=True)
                if over:
                    return self._leave(last)
                if busy:
                    quiet = self.now()
                if self._is_asked(busy) or (busy and self.now() >= self._due):
                    self._tell(grant=self._granted(LEASE))
                self.sleep(PAUSE)
        except self.lost as error:
            self._tell(closed=True, why=str(error))
            return str(error)

    def _is_busy(self, seat: Seat) -> bool:
        """Whether a host may still need the lease: it is in this cluster, or its cluster is not yet known."""
        node = seat.facts.get("node_id")
        ours = not node or node in self.cluster["nodes"]
        return seat.alive and ours and seat.facts.get("state") not in (DONE, KEEPING, LEAVING)

    def _is_asked(self, busy: List[Seat]) -> bool:
        since = [seat.facts["since"] for seat in busy if seat.facts.get("state") == ASKING]
        return any(moment > self._asked for moment in since)

    def _granted(self, seconds: float, last: bool = False) -> Facts:
        asked = self.now()
        wanted = self.renew(seconds)
        self._asked, self._due = asked, asked + RENEW
        return {"at": asked, "until": asked + seconds, "last": last, "wanted": wanted}

    def _leave(self, last: bool) -> str:
        if last:
            # Later hosts can't renew the lease or release the lock.
            self._tell(closed=True, grant=self._granted(LAST_LEASE, last=True))
        self.end(LAST_LEASE if last else 0.0)
        return ""

    def _tell(self, **more: object) -> None:
        self._lease.update(more)
        self.meeting.lend(self.cluster["cluster_id"], self._lease)


def granted(
    meeting: Meeting,
    cluster: Mapping[str, Any],
    node_id: str,
    now: Callable[[], float],
    sleep: Callable[[float], None],
) -> Mapping[str, Any]:
    """Waits for a lease that was renewed after this request.

    :param cluster: as it was published.
    :return: ``until`` and ``wanted``; or ``why`` there is no lease any more.
    """
    since = now()
    meeting.say(ASKING, node_id=node_id, since=since)
    while True:
        with meeting.alone():
            keepers = {seat.host for seat in meeting.seats() if seat.alive and seat.facts.get("state") != DONE}
            lease = meeting.lent(cluster["cluster_id"])
        known = lease.get("of", 0)  # the number of the publication: each retry has a new one
        grant: Optional[Facts] = lease.get("grant") if known == cluster["number"] else None
        if grant and (grant["at"] >= since or (grant["last"] and now() < grant["until"] - MARGIN)):
            return grant
        over = known > cluster["number"] or (known == cluster["number"] and lease.get("closed"))
        if over or cluster["host"] not in keepers:
            return {"why": lease.get("why") or OVER}
        sleep(PAUSE)


def in_clock(read: List[float], received: float, grant: Mapping[str, Any]) -> List[float]:
    """Returns when a node must stop, in its own clocks, which had the values ``read`` at the time ``received`` here."""
    left = grant["until"] - MARGIN - received
    return [moment + left for moment in read]


def _is_idle(seat: Seat) -> bool:
    """Whether a host holds one of Ansible's forks while it waits for hosts that may have none."""
    return seat.alive and seat.facts.get("state") in (WAITING, KEEPING)
