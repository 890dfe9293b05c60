# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The current problems of a cluster, the worst first. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Dict, List, Sequence

from ansible_collections.stackwright.swarm.plugins.plugin_utils.report.status import GOOD

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.report.shapes import (
        Cluster,
        Service,
        Swarm,
    )

BAD, WARN, NOTE = "bad", "warn", "note"
ORDER = {BAD: 0, WARN: 1, NOTE: 2}
#: The share of a node's CPUs or memory from which its reservations are worth a warning.
FULL = 0.9
#: How many log lines are shown beside a problem. The service's page has all lines that were read.
SHOWN = 3


def problems(cluster: Cluster) -> List[Dict[str, Any]]:
    """Returns the problems: ``level`` (bad, warn or note), ``kind`` and ``name`` of the object, ``text``, ``evidence``,
    ``log`` (lines)."""
    found = [*_cluster(cluster["cluster"]), *_nodes(cluster), *_services(cluster), *_stacks(cluster)]
    return sorted(found, key=lambda problem: ORDER[problem["level"]])


def _one(level: str, kind: str, name: str, text: str, evidence: str = "", log: Sequence[str] = ()) -> Dict[str, Any]:
    return {"level": level, "kind": kind, "name": name, "text": text, "evidence": evidence, "log": list(log)}


def _cluster(swarm: Swarm) -> Iterator[Dict[str, Any]]:
    raft = swarm["raft"]
    if raft["unreachable"]:
        text = f"{raft['reachable']} of {raft['managers']} managers are reachable, {raft['needed']} are needed"
        names = ", ".join(raft["unreachable"])
        yield _one(WARN if raft["quorum"] else BAD, "managers", "managers", text, f"Not reachable: {names}")
    elif raft["managers"] > 1 and not raft["may_fail"]:
        yield _one(
            NOTE,
            "managers",
            "managers",
            f"if one more of the {raft['managers']} managers fails, the Swarm can't be changed",
        )
    for warning in swarm["warnings"]:
        yield _one(WARN, "cluster", "Swarm", str(warning))


def _nodes(cluster: Cluster) -> Iterator[Dict[str, Any]]:
    for node in cluster["nodes"]:
        if node["state"] != "ready":
            yield _one(BAD, "node", node["name"], f"is {node['state']}", node["message"])
        elif node["availability"] != "active":
            yield _one(NOTE, "node", node["name"], f"has the availability {node['availability']}")
        for what, share in (("CPUs", node["cpus_share"]), ("memory", node["memory_share"])):
            if share is not None and share >= FULL:
                yield _one(WARN, "node", node["name"], f"{share:.0%} of its {what} reserved")


def _services(cluster: Cluster) -> Iterator[Dict[str, Any]]:
    for service in cluster["services"]:
        if service["status"] in GOOD:
            continue
        level = WARN if service["status"] in ("progressing", "unknown") else BAD
        text = f"is {service['status']}: {service['running']} of {service['desired']} tasks run"
        yield _one(level, "service", service["name"], text, evidence(service), service["log"][-SHOWN:])


def evidence(service: Service) -> str:
    """Returns why a service is not healthy: its message, and its last failure if that adds something."""
    failure = service["last_failure"]
    if not failure:
        return str(service["message"])
    code = failure["exit_code"]
    error = failure["error"] or (f"exit code {code}" if code is not None else "no error message")
    more = "" if error in service["message"] else error
    where = f"last failure on {failure['node'] or 'no node'}"
    return "; ".join(filter(None, [service["message"], more, where]))


def _stacks(cluster: Cluster) -> Iterator[Dict[str, Any]]:
    for stack in cluster["stacks"]:
        if stack["gone"]:
            continue
        last = stack["revisions"][0] if stack["revisions"] else None
        if last and last["status"] in ("FAILED", "UNHEALTHY"):
            ends = {"done": ", the stack was rolled back", "failed": ", and the rollback failed"}
            text = f"deployment {last['number']} {last['status']}{ends.get(last['restored'], '')}"
            level = BAD if last["restored"] == "failed" else WARN
            yield _one(level, "stack", stack["name"], text, last["reason"])
        drift = stack["drift"]
        if drift["lines"]:
            count = len(drift["lines"])
            text = f"{count} difference{'s' if count > 1 else ''} from revision {drift['revision']}"
            yield _one(WARN, "drift", stack["name"], text, drift["lines"][0])
        if drift["failed"]:
            yield _one(WARN, "drift", stack["name"], "drift is unknown", drift["why"])
        if stack["locked_by"]:
            yield _one(NOTE, "stack", stack["name"], f"is locked by {stack['locked_by']}")
