# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules that only look ask of the Engine, and the one that makes it a Swarm."""

from __future__ import annotations

from typing import Any, Dict, Optional

from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient, SystemClock
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.names import Stack


def full_name(params: Dict[str, Any]) -> Optional[str]:
    """What the stack that the options name is called in the Swarm; None where they name none."""
    return Stack.of(params).full_name if params["name"] else None


def look_at_health(client: EngineClient, params: Dict[str, Any], run: Dict[str, Any]) -> Dict[str, Any]:
    """How the services of the named stack are, after waiting for them where ``wait`` is on.

    In check mode nothing has been changed that could be waited for.
    """
    from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.status import stack_status

    options = {"wait": params["wait"] and not run["check"], "timeout": params["wait_timeout"]}
    options.update({name: run[name] for name in ("defer", "detach", "progress")}, stable_for=params["stable_for"])
    return stack_status(client, SystemClock(), full_name(params) or "", options)


def show_stacks(client: EngineClient, params: Dict[str, Any], check: bool) -> Dict[str, Any]:
    """The named stack, or all."""
    del check  # nothing is changed either way
    from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.inventory import stack_info

    return stack_info(client, full_name(params), params["history"], params["label_prefix"])


def show_swarm(client: EngineClient, params: Dict[str, Any], check: bool) -> Dict[str, Any]:
    """The sections of the whole Swarm that are asked for."""
    del check  # nothing is changed either way
    from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.overview import Page, swarm_info

    page = Page(params["limit"], params["offset"])
    return swarm_info(client, params["gather"], params["filters"], page, params["join_tokens"])


def show_logs(client: EngineClient, params: Dict[str, Any], check: bool) -> Dict[str, Any]:
    """The last lines of the named stack, or of some of its services or one of its tasks."""
    del check  # nothing is changed either way
    from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.logs import Wanted, stack_logs

    wanted = Wanted(
        params["services"], params["task"] or "", params["tail"], params["since"] or "", params["contains"] or ""
    )
    return stack_logs(client, SystemClock(), full_name(params) or "", wanted)


def found_swarm(client: EngineClient, params: Dict[str, Any], check: bool) -> Dict[str, Any]:
    """A Swarm where there is none."""
    from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.founding import init_swarm

    return init_swarm(client, params, check)
