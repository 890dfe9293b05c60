# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls of stack_preflight on a manager and on each host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Mapping

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.option_specs import check_ranges
from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import SystemClock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError, StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.core.retry import through_an_election

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
    from ansible_collections.stackwright.swarm.plugins.module_utils.request.module_types import PreflightParams
    from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.state_types import State

#: The parts of the work: each host checks itself; one manager checks the cluster and its own node; each other host
#: checks what the stack needs there. A single host does all at once.
LOOK, CLUSTER, NODE, ALL = "look", "cluster", "node", "all"


def preflight(client: EngineClient, params: PreflightParams, run: Dict[str, Any]) -> Dict[str, Any]:
    """Does one part of a preflight. Errors, also of the Engine, are in its ``findings``.

    :raises StackwrightError: ``invalid_options``; ``usage`` if the module is run without its action plugin.
    """
    check_ranges(params)
    part = run.get("part")
    if part not in (LOOK, CLUSTER, NODE, ALL):
        raise StackwrightError(
            "stack_preflight was run without its action plugin, which assigns the work to the hosts.",
            error_code="usage",
            hint="Run it as the task stackwright.swarm.stack_preflight, not by the path of the module file.",
        )
    from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.node_preflight import (
        check_host,
        check_node,
        of_error,
    )

    result: Dict[str, Any] = {"changed": False, "findings": []}
    own: Mapping[str, Any] = run.get("own") or {}
    if part in (LOOK, ALL):
        own = check_host(client, SystemClock(), params, run["vips"])
        result.update(own)
    facts = run.get("facts")
    try:
        if part == CLUSTER or (part == ALL and own["manager"]):
            done = _cluster(client, params, run)
            result["findings"] += done.pop("findings")
            result.update(done)
            facts = done["facts"].get(own["node_id"])
        if facts and own["local"]:
            result["findings"] += check_node(client, own["node"], facts, run.get("volumes") or {})
    except EngineError as error:
        result["findings"].append(of_error(error, own.get("node") or ""))
    return {**result, "calls": client.calls}


def _cluster(client: EngineClient, params: PreflightParams, run: Dict[str, Any]) -> Dict[str, Any]:
    from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.preflight import NOTHING, check_cluster

    desired: State = run.get("desired") or NOTHING
    identity = run.get("identity")
    return through_an_election(SystemClock(), lambda: check_cluster(client, desired, params, identity))
