# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The findings of the playbook care: one sentence for each problem. Pure."""

from __future__ import annotations

import re
from typing import Any, Dict, Iterator, List, Mapping, Sequence

GOOD = ("healthy", "complete", "asleep")


def findings(hosts: Sequence[Mapping[str, Any]], accept: Sequence[str] = ()) -> List[str]:
    """Returns the findings, except those that match one of ``accept``. Raises re.error for an invalid expression.

    :param hosts: for each host ``inventory_hostname`` and, if present, the results of swarm_info (care_swarm), of
        stack_preflight (care_nodes) and of a loop over stack_drift (care_drift).
    """
    accepted = [re.compile(pattern) for pattern in accept]
    found: Dict[str, None] = {}
    clusters = set()
    for host in hosts:
        swarm = host.get("care_swarm") or {}
        cluster = swarm.get("cluster_id")
        found.update(dict.fromkeys(_unanswered(host, swarm)))
        if cluster and cluster not in clusters:
            clusters.add(cluster)
            found.update(dict.fromkeys(_of_swarm(swarm)))
        found.update(dict.fromkeys(_of_nodes(host)))
        found.update(dict.fromkeys(_of_drift(host.get("care_drift") or {})))
    return [text for text in found if not any(pattern.search(text) for pattern in accepted)]


def _unanswered(host: Mapping[str, object], swarm: Mapping[str, object]) -> Iterator[str]:
    if swarm.get("unreachable") or swarm.get("failed") or swarm.get("error_code"):
        yield f"{host['inventory_hostname']}: {_first(swarm.get('msg'))}"


def _of_swarm(swarm: Mapping[str, Any]) -> Iterator[str]:
    raft = (swarm.get("cluster") or {}).get("raft") or {}
    if raft.get("unreachable"):
        names = ", ".join(raft["unreachable"])
        count = f"{raft['reachable']} of {raft['managers']} managers are reachable, {raft['needed']} are needed"
        yield f"managers: {names} can't be reached; {count}"
    yield from map(_first, swarm.get("warnings") or [])
    for node in swarm.get("nodes") or []:
        if node["state"] != "ready":
            why = f": {node['message']}" if node.get("message") else ""
            yield f"node {node['name']}: {node['state']}{why}"
    for stack in swarm.get("stacks") or []:
        if stack["status"] not in GOOD:
            yield f"stack {stack['name']}: {stack['status']}, {stack['running']} of {stack['desired']} tasks run"


def _of_nodes(host: Mapping[str, Any]) -> Iterator[str]:
    seen = host.get("care_nodes") or {}
    if "findings" not in seen:
        if seen.get("msg") and not seen.get("skipped"):
            yield f"{host['inventory_hostname']}: {_first(seen['msg'])}"
        return
    for item in seen["findings"]:
        yield f"{item['level']}: {_first(item['message'])}"


def _of_drift(drift: Mapping[str, Any]) -> Iterator[str]:
    for one in drift.get("results") or []:
        name = (one.get("item") or {}).get("name") or one.get("stack")
        if one.get("failed"):
            yield f"stack {name}: {_first(one.get('msg'))}"
        for line in one.get("drift_lines") or []:
            yield f"stack {name}: drift: {line}"


def _first(text: object) -> str:
    return str(text or "no answer").strip().partition("\n")[0]
