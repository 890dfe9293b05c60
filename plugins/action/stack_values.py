# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the module on a manager; where values are in a vault, reads and writes that on the controller."""

from __future__ import annotations

import json
from typing import Any, Dict

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.options import KEPT, STACK, STORE
from ansible_collections.stackwright.swarm.plugins.module_utils.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.names import Stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.piped_action import PipedAction
from ansible_collections.stackwright.swarm.plugins.plugin_utils.plain import as_texts, plain
from ansible_collections.stackwright.swarm.plugins.plugin_utils.play_vault import play_vault
from ansible_collections.stackwright.swarm.plugins.plugin_utils.vault_store import with_vaults

MODULE = "stackwright.swarm.stack_values"


class ActionModule(PipedAction):
    _supports_check_mode = True
    _supports_async = False

    def act(self, result: Dict[str, Any], variables: Dict[str, Any]) -> Dict[str, Any]:
        name = {"name": {**STACK["name"], "required": True}}
        try:
            options = self.checked({**STACK, **name, **STORE, **KEPT})
            result.update(self._change(options, variables))
        except StackwrightError as error:
            result.update(error.details, failed=True, msg=str(error), error_code=error.error_code)
        result.pop("invocation", None)
        return result

    def _change(self, options: Dict[str, Any], variables: Dict[str, Any]) -> Dict[str, Any]:
        stack = Stack.of(options).full_name
        arguments = plain(self._task.args)
        if options["values"] is not None:
            arguments["values"] = as_texts(options["values"])
        found = {
            "vault": play_vault(self._loader, variables, stack, options, None),
            "to_vault": play_vault(self._loader, variables, stack, options["to"] or {}, None),
        }
        vaults = {slot: store for slot, store in found.items() if store is not None}
        if not vaults:
            return self._execute_module(MODULE, module_args=arguments, task_vars=variables)

        def run(sent: Dict[str, Any], again: bool) -> Dict[str, Any]:
            compiled = json.dumps({"vaults": sent}, separators=(",", ":"))
            given = {**arguments, "compiled": compiled}
            done = self._execute_module(MODULE, module_args=given, task_vars=variables)
            return {**done, "changed": True} if again and not done.get("failed") else done

        return with_vaults(vaults, run)
