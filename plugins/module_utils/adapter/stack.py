# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What compose_stack's options ask of the transaction."""

from __future__ import annotations

import json
from typing import Any, Dict

from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.transaction import (
    deploy_stack,
    remove_stack,
    stop_stack,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient, SystemClock
from ansible_collections.stackwright.swarm.plugins.module_utils.errors import StackwrightError

#: Options that the transaction takes as they are.
PASSED = ("prune", "recreate", "adopt_secrets", "resolve_image", "with_registry_auth", "registry_auth")


def change_stack(client: EngineClient, params: Dict[str, Any], check: bool) -> Dict[str, Any]:
    """Brings the stack to the wanted ``state``; the result is the transaction's.

    :raises StackwrightError: see ``deploy.transaction``; ``usage`` where the module is run without its action plugin.
    """
    rollout = params["rollout"]
    compiled = json.loads(params["compiled"] or "{}")
    options = {name: params[name] for name in PASSED}
    options.update(
        check=check,
        defer=compiled.get("defer", False),
        prefix=params["label_prefix"],
        wait=rollout.get("wait"),
        timeout=rollout.get("timeout"),
    )
    clock = SystemClock()
    if params["state"] == "stopped":
        return stop_stack(client, clock, params["name"], options)
    if params["state"] == "absent":
        return remove_stack(client, clock, params["name"], options)
    if "desired" not in compiled:
        raise StackwrightError(
            "compose_stack was run without its action plugin, which reads the Compose files.",
            error_code="usage",
            hint="Run it as the task stackwright.swarm.compose_stack, not by the module's file.",
        )
    return deploy_stack(client, clock, compiled["desired"], options)
