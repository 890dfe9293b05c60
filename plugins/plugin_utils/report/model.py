# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the results of modules to the data of a report. Pure: the time is an argument."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Dict, Optional

from ansible_collections.stackwright.swarm.plugins.plugin_utils.report.attention import BAD, problems
from ansible_collections.stackwright.swarm.plugins.plugin_utils.report.figures import events, figures, refusals
from ansible_collections.stackwright.swarm.plugins.plugin_utils.report.status import GOOD

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.report.shapes import (
        Cluster,
        Compared,
        Drift,
        Given,
        Node,
        Service,
        Stack,
        Unanswered,
        Usage,
    )

ENDED_BADLY = ("failed", "rejected", "orphaned")

Item = Dict[str, Any]


def report(
    title: str, time: str, clusters: Sequence[Given], unanswered: Sequence[Unanswered] = (), audit: Optional[str] = None
) -> Item:
    """Returns the report: ``title``, ``time``, ``clusters``, ``refused`` and ``unanswered``.

    :param time: the time of the report, as ``2026-11-29T12:00:00Z``.
    :param clusters: for each cluster ``host`` (of the inventory), ``swarm`` (of swarm_info, all sections except tasks),
        ``stacks`` (of stack_info with history, details and changes), ``drift`` (results of stack_drift by stack) and
        ``usage`` (by the names of nodes: ``load`` and ``memory_used``).
    :param unanswered: ``host`` and ``msg`` of each host that did not answer.
    :param audit: the text of an audit; None if there is none.
    """
    return {
        "title": title,
        "time": time,
        "clusters": [_cluster(f"c{number}", given, time) for number, given in enumerate(clusters, 1)],
        "refused": None if audit is None else refusals(audit, time),
        "unanswered": [{"host": one["host"], "msg": one["msg"]} for one in unanswered],
    }


def _cluster(key: str, given: Given, time: str) -> Any:
    swarm: Mapping[str, Any] = given["swarm"]
    drift = {name: _drift(result) for name, result in given["drift"].items()}
    others: Any = [{**service, "tasks": []} for service in swarm["services"] if not service["stack"]]
    outside = list(map(_service, others))
    # Removed stacks that only have a history are at the end.
    stacks: Any = sorted(
        (_stack(stack, drift) for stack in given["stacks"]), key=lambda one: (one["gone"], one["name"])
    )
    services = sorted(
        [service for stack in stacks for service in stack["services"]] + outside, key=lambda one: str(one["name"])
    )
    nodes: Any = [{**node, **_used(node, given["usage"].get(node["name"]) or {})} for node in swarm["nodes"]]
    made: Any = {
        "key": key,
        "name": given["host"],
        "cluster": {**swarm["cluster"], "warnings": swarm.get("warnings") or []},
        "nodes": nodes,
        "stacks": stacks,
        "services": services,
        "tasks_by_node": swarm["tasks_by_node"],
        "networks": swarm["networks"],
        "secrets": swarm["secrets"],
        "configs": swarm["configs"],
        "events": events(stacks, nodes),
        "figures": figures(stacks, time),
    }
    made["problems"] = problems(made)
    made["counts"] = _counts(made)
    return made


def _counts(made: Cluster) -> Item:
    services = made["services"]
    statuses: Dict[str, int] = {}
    for service in services:
        statuses[service["status"]] = statuses.get(service["status"], 0) + 1
    return {
        "statuses": dict(sorted(statuses.items())),
        "good": sum(service["status"] in GOOD for service in services),
        "running": sum(service["running"] for service in services),
        "desired": sum(service["desired"] for service in services),
        "ready": sum(node["state"] == "ready" for node in made["nodes"]),
        "drift": sum(len(stack["drift"]["lines"]) for stack in made["stacks"]),
        "bad": sum(problem["level"] == BAD for problem in made["problems"]),
        "stacks": sum(not stack["gone"] for stack in made["stacks"]),
    }


def _stack(stack: Stack, drift: Mapping[str, Compared]) -> Item:
    named: Any = [{**service, "stack": stack["name"]} for service in stack["services"]]
    services = sorted(map(_service, named), key=_name)
    revisions: Any = [{"changes": [], "changes_from": None, **one} for one in stack.get("revisions") or []]
    return {
        **stack,
        "services": services,
        "revisions": revisions,
        "gone": not services and (not revisions or revisions[0]["status"] == "REMOVED"),
        "running": sum(service["running"] for service in services),
        "desired": sum(service["desired"] for service in services),
        "restarts": sum(service["restarts"] for service in services),
        "drift": drift.get(stack["name"]) or _drift({}),
    }


def _service(service: Service) -> Item:
    tasks = service["tasks"]
    failed = sorted((task for task in tasks if task["state"] in ENDED_BADLY), key=lambda task: str(task["since"]))
    last = failed[-1] if failed else None
    return {
        **service,
        "log": list(service.get("log") or ()),
        "image_name": str(service["image"]).partition("@")[0],
        "digest": str(service["image"]).partition("@")[2],
        # The Engine keeps a few ended tasks for each replica.
        "restarts": sum(task["desired_state"] == "shutdown" and task["state"] in ENDED_BADLY for task in tasks),
        "last_failure": last
        and {name: last[name] for name in ("error", "exit_code", "node", "since", "slot", "id", "image")},
        "nodes": sorted({task["node"] for task in tasks if task["desired_state"] == "running" and task["node"]}),
    }


def _drift(result: Drift) -> Compared:
    """Returns a stack's drift. ``known``: whether it was compared; ``why``: why it was not."""
    code = result.get("error_code") or ""
    why = "it has no revision to compare with" if code in ("no_revision", "no_stack") or not result else ""
    return {
        "known": "drift_lines" in result,
        "why": why or (str(result.get("msg") or "").splitlines() or [""])[0],
        "failed": bool(code) and code not in ("no_revision", "no_stack"),
        "lines": [str(line) for line in result.get("drift_lines") or ()],
        "found": list(result.get("drift") or ()),
        "ours": [str(line) for line in result.get("ours") or ()],
        "revision": result.get("revision"),
    }


def _used(node: Node, usage: Usage) -> Item:
    """Returns the usage of a node. Shares are from 0 to 1, or None if unknown."""
    cpus, memory = node["cpus"], node["memory"]
    return {
        "cpus_share": round(node["cpus_reserved"] / cpus, 3) if cpus else None,
        "memory_share": round(node["memory_reserved"] / memory, 3) if memory else None,
        "load": usage.get("load"),
        "memory_used": usage.get("memory_used"),
        "load_share": round(usage["load"] / cpus, 3) if cpus and usage.get("load") is not None else None,
        "used_share": round(usage["memory_used"] / memory, 3)
        if memory and usage.get("memory_used") is not None
        else None,
    }


def _name(item: Mapping[str, object]) -> str:
    return str(item["name"])
