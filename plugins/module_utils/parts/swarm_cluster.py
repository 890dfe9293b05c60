# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls of swarm_cluster on each host."""

from __future__ import annotations

import os
from typing import Any, Dict, Mapping

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.option_specs import COMPILED, check_ranges
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.process_identity import is_gone, this_run
from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import SystemClock
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.membership.settings import (
    Addresses,
    Fixed,
    check_pools,
    interface_names,
    wanted_settings,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.values.seal import NONCE, seal

#: Parts that a host does for itself, and parts that a manager does for others.
LOOK, CREATE, JOIN, LEAVE, UNLOCK = "look", "create", "join", "leave", "unlock"
HOLD, CHANGE, SETTINGS, ROTATE, TOKENS, END = "hold", "change", "settings", "rotate", "tokens", "end"


def check_cluster(options: Mapping[str, Any]) -> Dict[str, Any]:
    """Checks the options; returns the Swarm's settings in them. Raises StackwrightError (``invalid_options``)."""
    check_ranges(options)
    check_pools(Fixed(*(options[name] for name in Fixed._fields)))
    if bool(options["join_token"]) != bool(options["join_addrs"]):
        raise StackwrightError("join_token and join_addrs are given together, or not at all.", "invalid_options")
    if "unlock_key" in options["rotate"] and not options["unlock_key_store"]:
        raise StackwrightError(
            "rotate: unlock_key needs unlock_key_store: otherwise the new key would be lost.", "invalid_options"
        )
    return wanted_settings(options)


def change_membership(client: EngineClient, params: Dict[str, Any], check: bool) -> Dict[str, Any]:
    """Does the part of the work that the action plugin requests.

    :raises StackwrightError: ``usage`` if the module runs without its action plugin; errors of ``enrolling``.
    """
    run = params[COMPILED]
    part = run.get("part")
    clock = SystemClock()
    from ansible_collections.stackwright.swarm.plugins.module_utils.enrolling.look import look

    result: Dict[str, Any] = {"changed": False}
    if part in (CREATE, JOIN, LEAVE, UNLOCK):
        from ansible_collections.stackwright.swarm.plugins.module_utils.enrolling import own

        if part == CREATE:
            result["changed"] = own.create(client, clock, run["body"])
        elif part == JOIN:
            result["changed"] = own.join(client, clock, run["body"])
        elif part == LEAVE:
            result["changed"] = own.leave(client, clock, run["force"])
        else:
            result["changed"] = own.unlock(client, clock, run["keys"])
    elif part in (HOLD, CHANGE, SETTINGS, ROTATE, TOKENS, END):
        from ansible_collections.stackwright.swarm.plugins.module_utils.enrolling import manager

        if part == HOLD:
            holder = this_run("change the membership of the Swarm", "", clock.wall(), run["who"])
            result["run"] = manager.hold(client, clock, holder, is_gone, float(params["lock_timeout"]))
        elif part == END:
            manager.let_go(client, clock, run["run"])
            return result
        elif part == TOKENS:
            sealed = seal(run["key"], os.urandom(NONCE), manager.secrets_of(client, run["wanted"]))
            return {**result, "sealed_values": sealed}
        else:
            acting = manager.Manager(client, clock, run["run"], float(params["wait_timeout"]))
            if part == SETTINGS:
                acting.settings(run["settings"])
            elif part == ROTATE:
                acting.rotate(run["what"])
            else:
                acting.change(run["kind"], run["node"], run["host"])
            result["changed"] = True
    elif part != LOOK:
        raise StackwrightError(
            "swarm_cluster was run without its action plugin, which assigns the work to the hosts.",
            error_code="usage",
            hint="Run it as the task stackwright.swarm.swarm_cluster, not by the path of the module file.",
        )
    result["facts"] = look(client, clock, interface_names(Addresses(*(params[name] for name in Addresses._fields))))
    return result
