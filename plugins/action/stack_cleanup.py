# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cleans up on every host of the play: a manager does the cluster-wide part once, then each node its own."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Collection, Dict, List, Mapping, Sequence, Set, cast

from ansible.errors import AnsibleConnectionFailure

import ansible_collections.stackwright.swarm.plugins.plugin_utils.loading.bytecode as _  # noqa: F401
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.cleanup import (
    CLUSTER,
    END,
    LOOK,
    NODE,
    RENEW,
    check_cleanup,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.option_specs import CLEANUP, STACK
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.names import Stack
from ansible_collections.stackwright.swarm.plugins.module_utils.transitions.cleanup import touches_nodes
from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.who import who_asks
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.cluster_action import Result
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.leasing import (
    OVER,
    Keeper,
    Play,
    granted,
    in_clock,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.meeting import HERE, WORKING, Meeting
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.meeting_action import MeetingAction, served_nodes

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.request.option_types import CleanupOptions
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.variables import Variables

Entry = Dict[str, str]
#: Error codes of a host whose Engine does not answer.
AWAY = ("daemon_unreachable", "timeout")
#: Leases in a row that may expire before a node with a slow connection has removed anything.
TRIES = 3
#: A hint names the hosts of a play one by one up to this number.
MOST_NAMED = 8
#: Facts that are read again under each lease.
WANTED = ("services", "used", "wanted_images")


class ActionModule(MeetingAction):
    module = "stackwright.swarm.stack_cleanup"
    alone = "Nothing was removed from this node."

    def act(self, result: Dict[str, object], variables: Variables) -> Dict[str, Any]:
        try:
            options = self.checked({**STACK, **CLEANUP, "name": {"type": "str", "required": True}})
            check_cleanup(options)
            stack = Stack.of(options)
        except StackwrightError as error:
            result.update(error.details, failed=True, msg=str(error), error_code=error.error_code)
            return result
        arguments = {name: options[name] for name in CLEANUP if options[name] is not None}
        arguments.update(name=stack.full_name, label_prefix=options["label_prefix"])
        arguments.update(self.connection_arguments(options))
        self._identity = stack.data
        with self.meeting(stack.full_name, variables) as meeting:
            self._node = ""
            try:
                done = self._all_parts(meeting, arguments, variables)
            except StackwrightError as error:
                done = {**error.details, "failed": True, "msg": str(error), "error_code": error.error_code}
            except AnsibleConnectionFailure as error:
                done = {"unreachable": True, "msg": str(error), "changed": False}
            if options["ignore_residue"] and done.get("failed") and done.get("error_code") in AWAY and not self._node:
                done = _result(notices=[done["msg"]], warnings=[done["msg"]])
            left = _left_over(meeting, self.expected(variables), self._node, variables)
        if left:
            done["residue"] = [*done.get("residue", []), *left]
        result.update(done, stack=stack.full_name, stack_id=stack.id, stack_hash=stack.hash)
        return self._with_messages(result, bool(options["ignore_residue"]))

    def _all_parts(self, meeting: Meeting, arguments: Mapping[str, object], variables: Variables) -> Result:
        looked = self._call(arguments, {"part": LOOK}, variables)
        if looked.get("failed"):
            return looked
        looked["received"] = time.monotonic()
        meeting.say(HERE, node_id=looked["node_id"])
        if not looked["node_id"]:
            raise StackwrightError(
                f"{looked['node']} is not part of a Swarm, so there is no stack to clean up.",
                "not_in_swarm",
                "Remove the host from the play.",
            )
        if "cluster_id" in looked:
            done = self._cluster_part(meeting, looked, arguments, variables)
        else:
            done = _served(self.wait_for_manager(meeting, looked, variables))
        facts, run, cluster = done.pop("facts", {}), done.pop("run", ""), done.pop("cluster", {})
        if done.get("failed"):
            return done
        if "own" in done:
            mine = done.pop("own")
            lost = self._keep_lease(meeting, looked, run, arguments, variables)
            if lost:
                done.setdefault("warnings", []).append(f"Other nodes may still have objects of the stack: {lost}")
        else:
            mine = self._node_part(meeting, looked, {**cluster, "facts": facts}, arguments, variables)
        if not mine.get("failed"):
            self._node = looked["node_id"]
        for name in ("late", "clock"):
            mine.pop(name, None)
        return _joined(done, mine)

    def _cluster_part(
        self,
        meeting: Meeting,
        looked: Mapping[str, Any],
        arguments: Mapping[str, Any],
        variables: Variables,
    ) -> Result:
        others = bool(self.expected(variables) - {meeting.host}) and not self._task.check_mode
        handed = {"part": CLUSTER, "who": who_asks(variables), "seen": looked["services"], "others": others}
        handed["identity"] = self._identity

        def work() -> Result:
            return self._followed(arguments, handed, variables)

        def published(done: Result) -> Mapping[str, Any]:
            return {"nodes": looked["nodes"], "facts": done.get("facts", {}), "lends": others}

        return self.elected(meeting, arguments["name"], looked["cluster_id"], work, published, _served, variables)

    def _keep_lease(
        self,
        meeting: Meeting,
        looked: Mapping[str, Any],
        run: str,
        arguments: Mapping[str, object],
        variables: Variables,
    ) -> str:
        """Renews the lease while other hosts need it. Returns the error, or an empty text."""
        cluster = next(c for c in meeting.clusters() if c["cluster_id"] == looked["cluster_id"])
        if not cluster["lends"]:
            return ""

        def asked(handed: Mapping[str, object]) -> Result:
            return _or_raise(self._call(arguments, {**handed, "run": run}, variables))

        def renew(seconds: float) -> Result:
            found = asked({"part": RENEW, "seconds": seconds})
            return {name: found[name] for name in WANTED}

        def end(seconds: float) -> None:
            if run:
                asked({"part": END, "seconds": seconds, "follow": True})

        lost = (StackwrightError, AnsibleConnectionFailure)
        keeper = Keeper(meeting, cluster, renew, end, lost, time.monotonic, time.sleep)
        keeper.node = looked["node_id"]
        return keeper.keep(Play(self.batch(meeting, variables), self.expected(variables), self.at_once()))

    def _node_part(
        self,
        meeting: Meeting,
        looked: Mapping[str, Any],
        cluster: Mapping[str, Any],
        arguments: Mapping[str, object],
        variables: Variables,
    ) -> Result:
        """Cleans up this node after another host did the cluster-wide part; repeats while the lease was too short."""
        facts = cluster["facts"]
        given = {name: facts[name] for name in (*WANTED, "gone", "images", "needed")}
        unknown = set(looked["services"]) - set(facts["gone"]) - set(facts["services"])
        needs = (touches_nodes(cast("CleanupOptions", arguments)) or bool(unknown)) and not self._task.check_mode
        read, received = looked["clock"], looked["received"]
        deadline = received + arguments["wait_timeout"]
        removed: List[Entry] = []
        without_removal = 0
        while True:
            # A service that is missing in the later list was removed.
            seen = looked["services"] if self._task.check_mode else []
            lease: Mapping[str, Any] = {"why": OVER}
            if needs:
                lease = granted(meeting, cluster, looked["node_id"], time.monotonic, time.sleep)
            if "until" in lease:
                given.update(lease["wanted"])
                seen = [] if lease["last"] else looked["services"]
            meeting.say(WORKING, node_id=looked["node_id"])
            handed = {
                "part": NODE,
                "identity": self._identity,
                "facts": given,
                "seen": seen,
                "until": in_clock(read, received, lease) if "until" in lease else [],
                "why": lease.get("why") or "the stack's lock was released before the cleanup of this node ended",
                "wait": max(deadline - time.monotonic(), 0.0),
            }
            mine = self._followed(arguments, handed, variables)
            received = time.monotonic()
            without_removal = 0 if mine.get("removed") else without_removal + 1
            removed += mine.get("removed", [])
            mine.update(removed=list(removed), changed=bool(removed))
            if mine.get("failed") or not mine["late"] or "until" not in lease or lease["last"]:
                return mine
            if without_removal >= TRIES:
                return mine
            read = mine["clock"]

    def _with_messages(self, result: Result, ignore_residue: bool) -> Result:
        """Adds the diff and the message for the user."""
        if self._task.diff and result.get("removed"):
            result["diff"] = {"before": "".join(f"{_text(item)}\n" for item in result["removed"]), "after": ""}
        residue = result.get("residue") or []
        if residue and not result.get("failed") and not result.get("unreachable") and not ignore_residue:
            would = "can't be" if self._task.check_mode else "could not be"
            texts = "; ".join(f"{_text(item)}: {item['reason']}" for item in residue)
            result.update(
                failed=True,
                error_code="residue",
                msg=f"The stack {result['stack']} {would} removed completely: {texts}. Fix the cause and run again, "
                "or set ignore_residue.",
            )
        return result


def _or_raise(done: Result) -> Result:
    if done.get("failed"):
        raise StackwrightError(str(done["msg"]), str(done.get("error_code", "error")))
    return done


def _left_over(meeting: Meeting, expected: Set[str], node: str, variables: Variables) -> List[Entry]:
    """Returns the volumes on nodes that no host of the play cleaned up. Only the host that ends last reports them."""
    served = served_nodes(meeting, expected, node)
    if served is None:
        return []
    volumes = [
        (label, name)
        for cluster in meeting.clusters()
        for node_id, (label, names) in sorted((cluster["facts"].get("volumes_at") or {}).items())
        if node_id not in served
        for name in names
    ]
    hosts, known = variables.get("ansible_play_hosts_all") or (), (variables.get("groups") or {}).get("all") or ()
    reasons = ways_to_nodes(list(dict.fromkeys(label for label, _name in volumes)), hosts, known)
    return [{"kind": "volume", "name": name, "node": label, "reason": reasons[label]} for label, name in volumes]


def ways_to_nodes(nodes: Sequence[str], hosts: Sequence[str], known: Collection[str]) -> Dict[str, str]:
    """Returns the hint for each node that no host of the play cleaned up: a host pattern that includes it.

    ``hosts`` are those of the play, ``known`` those of the inventory.
    """
    reason = "no host of the play cleaned up this node"
    found = [node for node in nodes if node in known]
    among = hosts if len(hosts) <= MOST_NAMED else ["swarm_managers", "swarm_nodes"]
    hint = f"{reason}; run it with hosts: {':'.join([*among, *found])}"
    return {
        node: hint if node in known else f"{reason}; the inventory has no host {node}: add it, and include it in hosts"
        for node in nodes
    }


def _served(cluster: Mapping[str, object]) -> Result:
    """Returns the result of a host before its own part, after another host did the cluster-wide part."""
    host = cluster["host"]
    lender = {name: cluster[name] for name in ("host", "cluster_id", "number")}
    result = _result(done_by=host, cluster_id=cluster["cluster_id"], facts=cluster["facts"], cluster=lender)
    if cluster["failed"]:
        result.update(
            failed=True,
            error_code=cluster["error_code"],
            msg=f"The cluster-wide cleanup failed on {host}, so nothing was removed from this node; the result of "
            "that host has the details.",
        )
    return result


def _result(**more: object) -> Result:
    return {"changed": False, "removed": [], "residue": [], "notices": [], "calls": 0, **more}


def _joined(cluster: Result, node: Result) -> Result:
    """Joins the results of the cluster-wide part and of the node's part."""
    lists = {name: [*cluster.get(name, []), *node.get(name, [])] for name in ("removed", "residue", "notices")}
    lists["warnings"] = [*cluster.pop("warn", []), *cluster.pop("warnings", []), *node.pop("warnings", [])]
    changed = bool(cluster.get("changed") or node.get("changed"))
    calls = cluster.get("calls", 0) + node.get("calls", 0)
    return {**cluster, **node, **lists, "changed": changed, "calls": calls}


def _text(item: Mapping[str, str]) -> str:
    return f"{item['kind']} {item['name']}" + (f" on {item['node']}" if item["node"] else "")
