# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls of the modules that change stacks and nodes: converts their options, and runs the work."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Dict

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.option_specs import OF_VOLUMES, check_service
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.process_identity import is_gone, this_run
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.vaults import handed_over, values_options
from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import SystemClock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.core.retry import through_an_election
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.ignore_rules import rules_of
from ansible_collections.stackwright.swarm.plugins.module_utils.request.node_options import check_labels

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.module_utils.request.module_types import Handed

#: Options that are passed to the work unchanged.
PASSED = (
    "prune",
    "recreate",
    "adopt_secrets",
    "resolve_image",
    "with_registry_auth",
    "registry_auth",
    "keep_revisions",
    "commit_message",
    "plan_id",
)
BACK = (
    "to",
    "rerun_jobs",
    "recreate",
    "with_registry_auth",
    "registry_auth",
    "keep_revisions",
    "commit_message",
    "plan_id",
)
DRIFT = ("heal", "prune", "images", "fail_on_drift", *BACK[1:])
SERVICE_PASSED = (
    "service",
    "state",
    "replicas",
    "started_before",
    "slot",
    "with_registry_auth",
    "registry_auth",
    "commit_message",
)
ROLLOUT = (
    "wait",
    "mode",
    "parallel",
    "timeout",
    "deadline",
    "stable_for",
    "max_restarts",
    "poll_interval",
    "pull",
    "pulls_at_once",
    "runs_at_once",
    "lock_timeout",
    "on_failure",
    *OF_VOLUMES,
)


def roll_back_stack(client: EngineClient, params: Dict[str, Any], run: Handed) -> Dict[str, Any]:
    """Rolls the stack back to the revision ``to``. Returns the result of ``tasks.rollback``."""
    from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.rollback import roll_back

    if "node" in run:
        return _on_volume(client, run)
    options = {name: params[name] for name in BACK}
    options.update(_common(params, run), values=values_options(params["values"], run))
    return handed_over(lambda: roll_back(client, SystemClock(), params["name"], options), run)


def find_drift(client: EngineClient, params: Dict[str, Any], run: Handed) -> Dict[str, Any]:
    """Compares the stack with its last good revision, and heals it. Returns the result of ``tasks.drift``."""
    from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.drift import stack_drift

    if "node" in run:
        return _on_volume(client, run)
    options = {name: params[name] for name in DRIFT}
    options.update(_common(params, run), values=values_options(params["values"], run), rules=rules_of(params["ignore"]))
    clock = SystemClock()
    return through_an_election(clock, lambda: stack_drift(client, clock, params["name"], options))


def change_one_service(client: EngineClient, params: Dict[str, Any], run: Handed) -> Dict[str, Any]:
    """Scales, restarts or rolls back services, or pauses their update. Returns the result of ``tasks.service``."""
    check_service(params)
    from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.service import change_service

    options = {name: params[name] for name in SERVICE_PASSED}
    clock, options = SystemClock(), {**options, **_common(params, run)}
    return through_an_election(clock, lambda: change_service(client, clock, params["name"], options))


def change_one_node(client: EngineClient, params: Dict[str, Any], run: Handed) -> Dict[str, Any]:
    """Changes a node. Returns the result of ``tasks.node``."""
    # The action plugin passes labels here, because a null among its options counts as not given.
    given = run.get("labels")
    params = {**params, "labels": params["labels"] if given is None else given}
    check_labels(params)
    from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.node import change_node

    options = {**_of_nodes(params, run), "asked": run.get("asked")}
    clock = SystemClock()
    return through_an_election(clock, lambda: change_node(client, clock, params["name"], options))


def spread_services(client: EngineClient, params: Dict[str, object], run: Handed) -> Dict[str, Any]:
    """Spreads services over the nodes. Returns the result of ``tasks.rebalance``."""
    from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.rebalance import rebalance

    clock, options = SystemClock(), _of_nodes(params, run)
    return through_an_election(clock, lambda: rebalance(client, clock, options))


def _of_nodes(params: Dict[str, object], run: Handed) -> Dict[str, Any]:
    options = {**params, "timeout": params["wait_timeout"], "this_run": this_run, "is_gone": is_gone}
    options.update({name: run.get(name) for name in ("check", "defer", "detach", "progress", "who")})
    return options


def _common(params: Dict[str, Any], run: Handed) -> Dict[str, Any]:
    """Returns the options that all changes of a stack share."""
    options: Dict[str, Any] = {
        "check": run["check"],
        "defer": run["defer"],
        "detach": run["detach"],
        "progress": run["progress"],
        "prefix": params["label_prefix"],
        "identity": run.get("identity"),
        "who": run.get("who"),
        "this_run": this_run,
        "is_gone": is_gone,
    }
    options.update({name: params["rollout"].get(name) for name in ROLLOUT})
    return options


def _on_volume(client: EngineClient, run: Handed) -> Dict[str, Any]:
    """Does a step on a volume of this node, for a run on a manager."""
    from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.volume_step import volume_step

    return volume_step(client, {"node": run["node"], "volume": run["volume"]})


def change_stack(client: EngineClient, params: Dict[str, Any], run: Handed) -> Dict[str, Any]:
    """Brings the stack to the desired ``state``. Returns the result of ``deploy.transaction``.

    :raises StackwrightError: see ``deploy.transaction``; ``usage`` if the module is run without its action plugin.
    """
    from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.transaction import (
        deploy_stack,
        remove_stack,
        stop_stack,
    )

    if "node" in run:
        return _on_volume(client, run)
    options = {name: params[name] for name in PASSED}
    options.update(_common(params, run))
    clock = SystemClock()
    if params["state"] == "stopped":
        return through_an_election(clock, lambda: stop_stack(client, clock, params["name"], options))
    if params["state"] == "absent":
        return through_an_election(clock, lambda: remove_stack(client, clock, params["name"], options))
    if "desired" not in run:
        raise StackwrightError(
            "compose_stack was run without its action plugin, which reads the Compose files.",
            error_code="usage",
            hint="Run it as the task stackwright.swarm.compose_stack, not by the path of the module file.",
        )
    options.update(values=values_options(params["values"], run), on_drift=params["on_drift"], restart=params["restart"])
    options.update(diff_configs=params["diff_configs"], takes=params["takes"])
    desired = run["desired"]
    story = partial(through_an_election, clock, lambda: deploy_stack(client, clock, desired, options))
    return handed_over(story, run)
