# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The call of the module stack_routes."""

from __future__ import annotations

from typing import Any, Dict

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.route_options import domains
from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import SystemClock
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.names import Stack
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.stack_routes import Request, all_routes


def show_all_routes(client: EngineClient, params: Dict[str, Any], check: bool) -> Dict[str, Any]:
    """Returns the module's result. Raises StackwrightError."""
    stack = Stack.of(params) if params["name"] else None
    given = {name: params[name] for name in ("missed", "settled", "gone", "secrets", "listed", "own_node")}
    request = Request(
        prefix=params["label_prefix"],
        stack=stack.id if stack else "",
        full_name=stack.full_name if stack else "",
        takes=domains(params["takes"]),
        folder=(params["folder"] or "").rstrip("/"),
        **given,
    )
    return all_routes(client, SystemClock(), request, check)
