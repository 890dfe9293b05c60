# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A preflight by one manager: it checks the Swarm and its own node, and asks the play's other hosts about theirs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Dict

from ansible.errors import AnsibleConnectionFailure

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.preflight import ALL, LOOK, NODE
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.volumes import wanted_volumes
from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.node_questions import is_asked, unchecked
from ansible_collections.stackwright.swarm.plugins.module_utils.preflight.trim import needs_vips, trimmed
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.cluster_action import ClusterAction
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.defaults import connection_of
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.other_hosts import at_once
from ansible_collections.stackwright.swarm.plugins.plugin_utils.story.on_hosts import Hosts
from ansible_collections.stackwright.swarm.plugins.plugin_utils.story.verdict import judged

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import State
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.variables import Variables

MODULE = "stackwright.swarm.stack_preflight"
Result = Dict[str, Any]
#: Seconds for all other hosts, which are asked in parallel.
SECONDS = 60.0


def ask_of(hosts: Hosts, arguments: Mapping[str, object], host: str, part: Mapping[str, object]) -> Result:
    """Returns the result of one part of stack_preflight on ``host``.

    :param arguments: those of stack_preflight, with the connection of the task's own host.
    :raises AnsibleConnectionFailure: the host can't be reached.
    """
    asked, own = hosts.at(host)
    asked.module = MODULE
    # Another host has another Engine.
    connection = connection_of(asked, MODULE) if host != hosts.own else {}
    found: Result = asked._call({**arguments, **connection}, part, own)
    return found


def preflight(
    action: ClusterAction,
    variables: Variables,
    arguments: Mapping[str, object],
    fail_on: str,
    desired: State,
    others: Sequence[str],
) -> Result:
    """Returns a result like that of stack_preflight for the nodes of this host and of ``others``. Changes nothing.

    :param arguments: those of stack_preflight, including the connection.
    :param fail_on: the option of stack_preflight.
    """
    volumes = wanted_volumes(desired)
    small = trimmed(desired)
    handed = {"desired": small, "identity": small["stack"], "vips": needs_vips(small), "volumes": volumes}
    hosts = Hosts(action, variables)
    ask = partial(ask_of, hosts, arguments)
    try:
        whole = ask(hosts.own, {**handed, "part": ALL})
    except AnsibleConnectionFailure as error:
        return {"failed": True, "msg": str(error), "error_code": "host_unreachable"}
    if whole.get("failed"):
        return whole
    facts: Dict[str, Any] = whole.get("facts") or {}
    served = {str(whole.get("node_id") or "")} if whole.get("local") else set()

    def look(host: str) -> Result:
        looked = ask(host, {"part": LOOK, "vips": handed["vips"]})
        if looked.get("failed") or looked["node_id"] not in facts:
            return {"host": host, "findings": []}
        mine: Result = {"findings": []}
        own = {name: looked[name] for name in ("node", "node_id", "local")}
        if looked["local"] and is_asked(facts[looked["node_id"]]):
            wanted = {item["base"] for item in facts[looked["node_id"]].get("volumes") or ()}
            some = {base: driver for base, driver in volumes.items() if base in wanted}
            part = {"part": NODE, "facts": facts[looked["node_id"]], "own": own, "volumes": some}
            mine = ask(host, part)
        findings = [*looked["findings"], *mine.get("findings", [])]
        checked = looked["local"] and not mine.get("failed")
        return {"host": host, "findings": findings, "served": looked["node_id"] if checked else ""}

    answers = at_once({host: partial(look, host) for host in others}, SECONDS) if facts else []
    order = {host: place for place, host in enumerate(others)}
    answers.sort(key=lambda one: order[one["host"]])
    served |= {str(one.get("served") or "") for one in answers}
    result: Result = {"changed": False, "calls": whole.get("calls", 0)}
    result["unchecked"] = sorted(unchecked(facts, sorted(served - {""})))
    findings = [*whole["findings"], *(item for one in answers for item in one["findings"])]
    judged(result, findings, fail_on)
    return result
