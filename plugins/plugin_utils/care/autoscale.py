# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many replicas autoscaled services should have: one move from what was measured. Pure.

Going up needs more than the target and the tolerance; going down only as far as the load stays below both. So no move
asks for the next one: a service goes back up only if its load grows by more than twice the tolerance.
"""

from __future__ import annotations

import math
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

ROUNDING = 1e-9


class Policy(NamedTuple):
    """``target`` is the load that one task should have; ``number`` the load of the whole service, None for the CPU that
    was measured. ``tolerance`` is a share of the target, ``up_after`` and ``down_after`` are seconds without a change.
    """

    target: float = 70.0
    tolerance: float = 0.1
    up_after: float = 30.0
    down_after: float = 300.0
    number: Optional[float] = None


class Service(NamedTuple):
    """An autoscaled service, as stack_load shows it."""

    name: str
    replicas: int
    tasks: Sequence[str]
    low: int
    high: int
    busy: str
    unchanged_for: float


def decisions(results: Sequence[Mapping[str, object]], cluster: str, policy: Policy) -> List[Dict[str, object]]:
    """For each autoscaled service of a cluster ``service``, ``replicas``, ``to``, ``load`` (of all tasks, None if it is
    not known) and ``reason``; ``to`` is ``replicas`` where it stays.

    :param results: results of the module stack_load on the hosts of a play, which may be of several clusters.
    """
    seen = (result for result in results if result.get("manager") and result.get("cluster_id") == cluster)
    services: Any = next((result["services"] for result in seen), [])
    tasks: Any = [result["tasks"] for result in results]
    used = {task["task"]: float(task["cpu_percent"]) for found in tasks for task in found}
    return [_decided(Service(*(item[name] for name in Service._fields)), used, policy) for item in services]


def _decided(service: Service, used: Mapping[str, float], policy: Policy) -> Dict[str, object]:
    load = _load(service, used) if policy.number is None else policy.number
    to, reason = _wanted(service, load, policy)
    shown = None if load is None else round(load, 1)
    return {"service": service.name, "replicas": service.replicas, "to": to, "load": shown, "reason": reason}


def _load(service: Service, used: Mapping[str, float]) -> Optional[float]:
    measured = [used[task] for task in service.tasks if task in used]
    # Tasks on nodes that were not asked are like the others.
    return sum(measured) / len(measured) * len(service.tasks) if measured else None


def _wanted(service: Service, load: Optional[float], policy: Policy) -> Tuple[int, str]:
    now, low, high, rest = service.replicas, service.low, service.high, service.unchanged_for
    if service.busy:
        return now, service.busy
    if not low <= now <= high:
        return max(low, min(high, now)), f"it must have {low} to {high}"
    if load is None:
        return now, "none of its tasks was measured"
    up = min(high, math.ceil(load / policy.target - ROUNDING))
    down = max(low, math.ceil(load / (policy.target * (1 - policy.tolerance)) - ROUNDING))
    per_task = f"{load / now:.1f} per task, the target is {policy.target:g}"
    if load > now * policy.target * (1 + policy.tolerance):
        if up <= now:
            return now, f"{per_task}, but {high} is the maximum"
        if rest < policy.up_after:
            return now, f"{per_task}; it waits until nothing has changed for {policy.up_after:g} s (now {rest} s)"
        return up, per_task
    if down < now:
        if rest < policy.down_after:
            return now, f"{per_task}; it waits until nothing has changed for {policy.down_after:g} s (now {rest} s)"
        return down, per_task
    return now, per_task
