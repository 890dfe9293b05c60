# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The base of actions that run on all nodes: a manager does the cluster-wide part, and the other hosts wait for it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Optional, Set

from ansible import constants as C

from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.cluster_action import ClusterAction, Result
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.election import Outcome, task_key, turn
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.meeting import DONE, WAITING, Meeting, Seat
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.waiting import (
    Hosts,
    wait_for_all,
    wait_for_cluster,
)

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.variables import Variables

Cluster = Dict[str, Any]


class MeetingAction(ClusterAction):
    """Coordinates the hosts of one task on the controller; why: docs/decisions/0010-cleanup.md."""

    #: The consequence that the error of a worker states if no manager can run the task before it.
    alone = ""

    def meeting(self, stack: str, variables: Variables) -> Meeting:
        """Returns the meeting of this task's hosts for a stack: a context manager."""
        key = f"{task_key(self._task, variables)}/{stack}"
        return Meeting(C.DEFAULT_LOCAL_TMP, key, variables["inventory_hostname"])

    def expected(self, variables: Variables) -> Set[str]:
        """Returns the hosts that run this task, in this batch or a later one."""
        if self._task.run_once:
            return {variables["inventory_hostname"]}
        return set(variables.get("ansible_play_hosts") or ())

    def elected(
        self,
        meeting: Meeting,
        stack: str,
        cluster: str,
        work: Callable[[], Result],
        told: Callable[[Result], Mapping[str, object]],
        served: Callable[[Cluster], Result],
        variables: Variables,
    ) -> Result:
        """Returns the result of ``work`` if this host does it for the cluster, else ``served(facts)``.

        :param told: returns the part of the result for the other hosts: ``nodes`` (ids), ``facts``.
        """
        host = meeting.host
        with turn(C.DEFAULT_LOCAL_TMP, self.key(stack, cluster, variables), host) as mine:
            if mine.outcome is not None:
                return served(next(c for c in meeting.clusters() if c["cluster_id"] == cluster))
            done = work()
            outcome = Outcome(host, "", bool(done.get("failed")), str(done.get("error_code", "")))
            mine.settle(outcome)
            if outcome.settled:
                head = {"host": host, "failed": outcome.failed, "error_code": outcome.error_code}
                meeting.publish(cluster, {**head, "cluster_id": cluster, **told(done)})
            return done

    def wait_for_manager(self, meeting: Meeting, looked: Mapping[str, Any], variables: Variables) -> Cluster:
        """Returns the published result for the cluster of this node. Raises StackwrightError (``no_manager``)."""
        meeting.say(WAITING, node_id=looked["node_id"])
        hosts = Hosts(self.batch(meeting, variables), self.at_once(), looked["node_id"], looked["node"], self.alone)
        return wait_for_cluster(meeting, hosts, time.monotonic, time.sleep)

    def wait_for_others(self, meeting: Meeting, variables: Variables) -> List[Seat]:
        """Waits until every remaining host of this batch is DONE. Returns all seats."""
        return wait_for_all(meeting, self.batch(meeting, variables), self.at_once(), time.monotonic, time.sleep)

    def batch(self, meeting: Meeting, variables: Variables) -> Set[str]:
        """Returns the hosts that run this task in this batch."""
        return {meeting.host} if self._task.run_once else set(variables.get("ansible_play_batch") or ())


def served_nodes(meeting: Meeting, expected: Set[str], node: str, **facts: object) -> Optional[List[str]]:
    """Publishes that this host has done ``node`` (an id, or ""). Returns all done nodes if it is the last to end."""
    with meeting.alone():
        meeting.say(DONE, node=node, **facts)
        seats = meeting.seats()
    ended = {seat.host for seat in seats if not seat.alive or seat.facts.get("state") == DONE}
    if not expected <= ended or len(ended) < len(seats):
        return None
    return [str(seat.facts.get("node") or "") for seat in seats]
