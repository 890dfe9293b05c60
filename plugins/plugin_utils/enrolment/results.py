# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The result of each host after a run over all of them."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.membership.members import World
from ansible_collections.stackwright.swarm.plugins.module_utils.membership.steps import Step
from ansible_collections.stackwright.swarm.plugins.plugin_utils.enrolment.run import Enrolment

Result = Dict[str, Any]


def results(run: Optional[Enrolment], error: Optional[StackwrightError]) -> Dict[str, Result]:
    """Returns the results by host. Steps that concern no host of the play are in the result of its first manager.

    An error of the Swarm fails all hosts. A host that can't be read only fails itself.
    """
    failure: Result = {}
    if error is not None:
        failure = {**error.details, "failed": True, "msg": str(error), "error_code": error.error_code}
    if run is None:
        return {"*": {"changed": False, **failure}}
    found: Dict[str, Result] = {"*": {"changed": False, "actions": [], **failure}}
    first = next((host for host, role in run.wanted.items() if role == "manager"), next(iter(run.wanted)))
    for host, role in run.wanted.items():
        mine = [step for step in run.steps if step.host == host or (not step.host and host == first)]
        found[host] = _result(run, host, role, mine)
        found[host].update(failure)
        if host == first and run.warnings:
            found[host]["warnings"] = list(run.warnings)
        lost = run.failed.get(host)
        if lost is not None and not failure:
            found[host].update({name: lost[name] for name in ("failed", "unreachable", "msg") if name in lost})
            code = "" if lost.get("failed") else "host_unreachable"
            found[host]["error_code"] = str(lost.get("error_code") or code)
    return found


def _result(run: Enrolment, host: str, role: str, steps: List[Step]) -> Result:
    facts = run.facts.get(host) or {}
    cluster = run.end.cluster_id if run.end else ""
    found: Result = {
        "changed": bool(steps),
        "wanted": role,
        "role": _role(run.end, host),
        "node": str(facts.get("name") or ""),
        "node_id": str(facts.get("node_id") or ""),
        "address": str(facts.get("address") or ""),
        "cluster_id": "" if cluster == "new" else cluster,
        "actions": [step.data for step in steps],
        "calls": run.calls.get(host, 0),
    }
    if run.before is not None and run.end is not None:
        before, after = _line(run.before, host), _line(run.end, host)
        if before != after:
            found["diff"] = {"before": before, "after": after}
    return found


def _role(world: Optional[World], host: str) -> str:
    """Returns manager, worker, or "" if the host is in no Swarm."""
    found = next((item for item in world.hosts if item.host == host), None) if world else None
    node = world.node_of(found) if world and found else None
    return node.role if node else ""


def _line(world: World, host: str) -> str:
    return f"{host}: {_role(world, host) or 'in no Swarm'}\n"
