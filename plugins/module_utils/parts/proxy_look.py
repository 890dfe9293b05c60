# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module caddy_route. It remembers a run without changes, so that the next run need not send the whole module.

See stack_glance.
"""

from __future__ import annotations

from typing import Dict

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.module import Module, end, outcome
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.proxy_routes import change_routes
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.target import folder_of
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.remembered import Remembered, proxy_key
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.trace import digest
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.change import APPS

#: The fields of the result that compose_stack needs.
KEPT = ("changed", "changes", "fresh", "conflicts", "replicas", "node")


def run_routes(module: Module) -> None:
    """Ends the module with the result of ``change_routes``."""
    result = outcome(module, lambda client: change_routes(client, module.params, module.check_mode))
    apps = result.pop("apps", None)
    request = str(module.compiled.get("request") or "")
    if (
        request
        and module.check_mode
        and not any(result.get(word) for word in ("failed", "changed", "fresh", "conflicts"))
    ):
        _keep(module, request, apps, result)
    end(module, result)


def _keep(module: Module, request: str, apps: object, result: Dict[str, object]) -> None:
    if apps is None or len(module.params["admin"]) != 1:
        return
    key = proxy_key(str(module.params["stack"]), module.params["admin"][0])
    calls = [{"path": APPS, "query": {}, "digest": digest(APPS, apps)}]
    shown = module.told({name: result[name] for name in KEPT})
    shown.pop("invocation")
    Remembered(folder_of(module), key, request).save(calls, {}, shown)
