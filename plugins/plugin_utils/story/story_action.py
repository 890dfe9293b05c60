# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The base of an action that runs a whole deployment once per cluster, on the first usable host of the inventory."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Tuple

from ansible import constants as C

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.connection_options import CONNECTION
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.who import who_asks
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.cluster_action import (
    Result,
    digest_of,
    given_only,
    names_in,
    served,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.election import Outcome, turn
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.in_order import (
    LOOKED,
    failed_alike,
    wait_for_look,
    wait_for_result,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.meeting import DONE, Meeting
from ansible_collections.stackwright.swarm.plugins.plugin_utils.vault.vault_action import VaultAction

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.variables import Variables

Work = Callable[[Result, Mapping[str, Any]], Result]
#: The fields that stay in a host's result if another host reports the same failure in full.
KEPT: Tuple[str, ...] = ("failed", "error_code", "stack", "cluster_id")


class StoryAction(VaultAction):
    """Lets hosts meet from the start of the task, so that only one of them reports a failure that they share."""

    #: The visit of the meeting in which this host has waited for the others to know their clusters.
    waited = 0

    def in_order(self, variables: Variables, act: Callable[[Meeting], Result]) -> Result:
        """Returns the result of ``act``; only a reference if an earlier host reports the same failure."""
        with self.meet(variables) as meeting:
            try:
                done = act(meeting)
            except StackwrightError as error:
                done = {**error.details, "failed": True, "msg": str(error), "error_code": error.error_code}
            if done.get("failed") and "done_by" not in done:
                failure = hashlib.sha256(f"{done.get('error_code')} {done.get('msg')}".encode()).hexdigest()
                self.wait_in_order(meeting, "", variables)
                # All hosts: Ansible has already removed failed ones from the batch.
                first = failed_alike(meeting, self.earlier(variables, "ansible_play_hosts_all"), failure)
                meeting.say(DONE, failed=failure)
                if first:
                    kept = {name: done[name] for name in KEPT if name in done}
                    done = {**kept, "changed": False, "msg": f"This failed on {first}; its result has the details."}
                    done["done_by"] = first
            else:
                meeting.say(DONE)
            return self._after(meeting, done, variables)

    def _after(self, meeting: Meeting, done: Result, variables: Variables) -> Result:
        """Returns the result after Ansible has that of the working host, so that the cause is shown first."""
        # In a loop, the process continues with the next item, so its end shows nothing.
        looped = bool(variables.get("ansible_loop_var"))
        if "done_by" not in done:
            if not looped:
                meeting.stay()
            return done
        if not looped:
            wait_for_result(meeting, str(done["done_by"]), time.monotonic, time.sleep)
        return done

    def by_first(
        self,
        meeting: Meeting,
        stack: str,
        arguments: Mapping[str, object],
        handed: Mapping[str, object],
        variables: Variables,
        work: Work,
    ) -> Result:
        """Checks the services, then returns the result of ``work`` on the first usable host of each cluster.

        :param work: gets the result of the check, and ``handed`` with the user who requests the change.
        :raises StackwrightError: as ``once_per_cluster``.
        """
        arguments = {name: given_only(value) for name, value in arguments.items()}
        handed = {**handed, "who": who_asks(variables)}
        stops = self._preflights(stack, variables)
        looked = self._glanced(arguments, {**handed, "defer": True}, variables, self._call)
        if looked.get("failed"):
            return looked
        if looked.get("changed") and looked["cluster_id"] in stops:
            raise stops[looked["cluster_id"]]
        wanted = {name: value for name, value in arguments.items() if name not in CONNECTION}
        return self.led(meeting, stack, looked, [wanted, handed], variables, lambda: work(looked, handed))

    def proxy_of(self, meeting: Meeting, variables: Variables, host: str) -> Mapping[str, Any]:
        """Returns the last check by ``host`` of its own proxy (option ``proxy`` of stack_glance), or {}."""
        if host == meeting.host:
            return self.seen_proxy
        batch = names_in(variables, "ansible_play_batch")
        if host not in batch or self.is_alone(batch):
            return {}
        if self.waited != meeting.visit:
            # Once for all hosts, so that each absent host doesn't cost its own wait.
            self.waited = meeting.visit
            wait_for_look(
                meeting, [one for one in batch if one != meeting.host], self.at_once(), time.monotonic, time.sleep
            )
        # Only of this visit: the facts from another item of a loop are outdated.
        facts = [seat.facts for seat in meeting.seats() if seat.host == host and seat.facts["visit"] == meeting.visit]
        return facts[0].get("proxy") or {} if facts else {}

    def led(
        self,
        meeting: Meeting,
        stack: str,
        looked: Result,
        wanted: object,
        variables: Variables,
        work: Callable[[], Result],
    ) -> Result:
        """Returns the result of ``work`` on the first usable host of the cluster; the other hosts' results refer to it.

        :param looked: the result of the check of the services.
        :param wanted: plain data that must be the same on all hosts of a cluster.
        :raises StackwrightError: ``conflict``.
        """
        # Not the batch: hosts that have failed are no longer in it, and one of them may have done the work.
        hosts = names_in(variables, "ansible_play_hosts_all") or names_in(variables, "ansible_play_batch")
        if self.is_alone(hosts):
            return work()
        host, cluster = meeting.host, str(looked["cluster_id"])
        digest = digest_of(wanted)
        seen = {"cluster": cluster, "proxy": self.seen_proxy}
        meeting.say(LOOKED, **seen)
        self.wait_in_order(meeting, cluster, variables)
        with turn(C.DEFAULT_LOCAL_TMP, self.key(stack, cluster, variables), host) as mine:
            meeting.say(DONE, **seen)
            if mine.outcome is not None:
                return served(mine.outcome, digest, looked)
            done = work()
            failed, code = bool(done.get("failed")), str(done.get("error_code", ""))
            if done.get("unreachable"):
                failed, code = True, "host_unreachable"
            mine.settle(Outcome(host, digest, failed, code, str(done.get("plan_id", ""))))
            return done
