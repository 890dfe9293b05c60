# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a stack does, without changing it."""

from __future__ import annotations

from typing import Any, Dict, Mapping

from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.observe import (
    manager_info,
    services_of,
    tasks_of,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.options import with_defaults
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.errors import EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.health.statuses import GOOD, worst


def stack_status(client: EngineClient, clock: Any, stack: str, options: Mapping[str, Any]) -> Dict[str, Any]:
    """The statuses of the stack's services: stack, exists, status, healthy, services, cluster_id, node, calls.

    ``options``: wait (default false here), timeout, progress. A stack without services has the status ``unknown``.
    Raises EngineError (``not_found`` with ``wait``), and DeployError as deploying does.
    """
    from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.wait import before, limits_of, look, wait

    given = with_defaults({"wait": False, **options})
    info = manager_info(client)
    services = services_of(client, stack)
    if given["wait"] and not services:
        raise EngineError(
            f"There is no stack {stack} in this Swarm.", "not_found", "Deploy it first, or correct the name."
        )
    tasks = tasks_of(client, stack)
    judgements = look(client, stack, services, tasks)
    if given["wait"] and any(judgement.status not in GOOD for judgement in judgements):
        judgements = wait(client, clock, stack, limits_of(given), before(services, tasks), {}, given["progress"])
    status = worst(judgement.status for judgement in judgements)
    return {
        "changed": False,
        "stack": stack,
        "exists": bool(services),
        "status": status,
        "healthy": status in GOOD,
        "services": [judgement.as_dict() for judgement in judgements],
        "cluster_id": str(((info.get("Swarm") or {}).get("Cluster") or {}).get("ID") or ""),
        "node": str(info.get("Name") or ""),
        "calls": client.calls,
    }
