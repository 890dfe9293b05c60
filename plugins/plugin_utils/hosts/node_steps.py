# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs steps on volumes of other nodes for a run on a manager, with the same module on the host of the node.

The host is found by the node's names, even outside of the play; if that fails, hosts of the play are asked. Each host's
own Engine tells which node it is.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Optional, Sequence

from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.other_hosts import (
    MOST,
    Working,
    at_once,
    names_of,
    plain,
)

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.core.node_types import Place, Question, Step
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.variables import Variables

Result = Dict[str, Any]
#: Runs the module on a host with additional data.
Run = Callable[[str, Mapping[str, object]], Mapping[str, object]]
#: Seconds: for all hosts that are asked in parallel; and for a step, before its answer is that it still works.
LOOK, SOON = 60.0, 10.0


class NodeSteps:
    """Answers the questions of one run."""

    def __init__(self, run: Run, variables: Variables) -> None:
        self._run, self._variables = run, variables
        self._hosts: Dict[str, str] = {}  # by the id of the node
        self._working: Optional[Working] = None
        self._number = 0

    def answer(self, question: Question) -> Result:
        """Returns the answer, or ``working`` while the step still runs."""
        node = question["node"]["id"]
        if question["volume"]["do"] == "look" or node not in self._hosts:
            looked = self._look(question["node"], question["volume"])
            if question["volume"]["do"] == "look" or not looked.get("found"):
                return looked
        if self._working is None or self._number != question["number"]:
            self.end()
            handed = {"node": question["node"], "volume": question["volume"]}
            self._working = Working({node: partial(self._run, self._hosts[node], handed)})
            self._number = question["number"]
        if not self._working.wait(SOON):
            return {"working": True}
        return next(iter(self._working.found), {})

    def end(self) -> None:
        """Ends the step that still runs."""
        if self._working is not None:
            self._working.end()

    def _look(self, node: Place, step: Step) -> Result:
        """Returns the answer of the node's host; without one, ``why``, or {} if all are other nodes."""
        look = {"node": node, "volume": {"volumes": [], "shots": [], **step, "do": "look"}}

        def ask(host: str) -> Result:
            return {**self._run(host, look), "host": host}

        known = self._hosts.get(node["id"])
        hosts = [known] if known else self._candidates(node)
        answers = at_once({host: partial(ask, host) for host in hosts}, LOOK)
        for one in answers:
            if one.get("found"):
                self._hosts[node["id"]] = str(one["host"])
                return one
            if one.get("failed") and one.get("error_code") == "volume_not_local":
                return one
        failed = [one for one in answers if one.get("failed") or one.get("unreachable")]
        silent = sorted({*hosts} - {str(one["host"]) for one in answers})
        if failed:
            return {"why": f"where {failed[0]['host']} says: {str(failed[0].get('msg')).rstrip('.')}"}
        return {"why": f"and the host {' or '.join(silent)} does not answer"} if silent else {}

    def _candidates(self, node: Place) -> List[str]:
        """Returns the hosts of the inventory with a name or an address of the node; if there are none, the first MOST
        hosts of the play that are not known to be other nodes."""
        own, hostvars = str(self._variables["inventory_hostname"]), self._variables["hostvars"]
        play = [str(host) for host in self._variables.get("ansible_play_hosts") or ()]
        groups = self._variables.get("groups") or {}
        every: Sequence[str] = list(dict.fromkeys([*play, *groups.get("all", ())]))
        names = {host: names_of(host, hostvars) for host in every if host != own}
        wanted, others = plain(node["names"]), plain(node["others"])
        named = [host for host in names if wanted & names[host]]
        return named or [host for host in names if host in play and not others & names[host]][:MOST]
