# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services that depend on one whose tasks are replaced: the plan names them, and ``restart: true`` restarts them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Dict, List, Mapping, Sequence, Set

from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import Operation
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.services import restarted

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.api_types import Service
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import ServiceEntry, State


def with_dependents(
    desired: State, operations: Sequence[Operation], current: Mapping[str, Service], nodes: int
) -> List[Operation]:
    """Returns ``operations`` (of services) with the dependents of each, and with the restarts that ``depends_on``
    requires.

    A service restarts after the services that it depends on: it belongs to a later wave.
    """
    services = {service["key"]: service for service in desired["services"]}
    by_key: Dict[str, List[Operation]] = {}
    for operation in operations:
        by_key.setdefault(operation.key, []).append(operation)
    waiting = [key for key, found in by_key.items() if _restarts(found)]
    seen: Set[str] = set(waiting)
    while waiting:
        key = waiting.pop(0)
        for other in _dependents(services, key):
            live = current.get(services[other]["name"])
            asked = services[other]["depends_on"][key].get("restart")
            if not asked or live is None or other in seen or services[other].get("left"):
                continue
            why = f"{key}, which it depends on with restart: true, restarts"
            by_key[other] = [restarted(op, live, nodes, why) for op in by_key.get(other, ())]
            seen.add(other)
            waiting.append(other)
    return [
        replace(op, dependents=tuple(_dependents(services, key))) if _restarts([op]) else op
        for key, found in by_key.items()
        for op in found
    ]


def _restarts(found: Sequence[Operation]) -> bool:
    return any(op.restarts and op.action in ("update", "remove") for op in found)


def _dependents(services: Mapping[str, ServiceEntry], key: str) -> List[str]:
    return sorted(
        other
        for other, service in services.items()
        if key in (service.get("depends_on") or {}) and not service.get("step_of")
    )
