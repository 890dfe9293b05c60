# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many replicas autoscaled services should have, from one measurement. Pure.

A service scales up if its load exceeds the target by more than the tolerance. It scales down only as far as the load
stays below the target by the tolerance. So no change causes the next one: after it has scaled down, a service only
scales up if its load grows by more than twice the tolerance.
"""

from __future__ import annotations

import math
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

ROUNDING = 1e-9


class Policy(NamedTuple):
    """The options of the autoscaler.

    :param target: the load that one task should have.
    :param tolerance: a share of the target.
    :param up_after: seconds without a change before scaling up; ``down_after``: before scaling down.
    :param number: the load of the whole service; None for the measured CPU.
    """

    target: float = 70.0
    tolerance: float = 0.1
    up_after: float = 30.0
    down_after: float = 300.0
    number: Optional[float] = None


class Service(NamedTuple):
    """An autoscaled service in the result of stack_load."""

    name: str
    replicas: int
    tasks: Sequence[str]
    low: int
    high: int
    busy: str
    unchanged_for: float


def decisions(results: Sequence[Mapping[str, object]], cluster: str, policy: Policy) -> List[Dict[str, object]]:
    """Returns ``service``, ``replicas``, ``to``, ``load`` (of all tasks, None if unknown) and ``reason`` for each
    autoscaled service of a cluster. Without a change, ``to`` is ``replicas``.

    :param results: results of the module stack_load on the hosts of a play, maybe of several clusters.
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
    # Assumes the average for tasks on nodes that were not asked.
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
