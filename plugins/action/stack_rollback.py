# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rolls back to a revision, on one manager of each cluster, with visible progress."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Mapping

import ansible_collections.stackwright.swarm.plugins.plugin_utils.loading.bytecode as _  # noqa: F401
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.option_specs import (
    BACK,
    NOTIFY,
    PINNED,
    STACK,
    check_ranges,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.names import Stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.cluster_action import Result
from ansible_collections.stackwright.swarm.plugins.plugin_utils.notifying.notifying_action import NotifyingAction
from ansible_collections.stackwright.swarm.plugins.plugin_utils.vault.vault_action import VaultAction

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.variables import Variables


class ActionModule(NotifyingAction, VaultAction):
    module = "stackwright.swarm.stack_rollback"

    def act(self, result: Dict[str, Any], variables: Variables) -> Dict[str, Any]:
        try:
            options = self.checked({**STACK, **BACK, **PINNED, **NOTIFY, "name": {"type": "str", "required": True}})
            check_ranges(options)
            stack = Stack.of(options)
            self.notify_about(stack.full_name, options["notify"], options["commit_message"], variables)
            arguments = {name: options[name] for name in BACK if options[name] is not None}
            arguments["values"] = options["values"]
            self.find_vault(stack.data, options["values"], variables)
            arguments.update(name=stack.full_name, label_prefix=options["label_prefix"])
            arguments.update(self.connection_arguments(options))
            result.update(self.once_per_cluster(stack.full_name, arguments, {"identity": stack.data}, variables))
        except StackwrightError as error:
            result.update(error.details, failed=True, msg=str(error), error_code=error.error_code)
            return result
        result.update(stack_id=stack.id, stack_hash=stack.hash)
        if result.get("notices"):
            result["warnings"] = [*(result.get("warnings") or []), *result["notices"]]
        return result

    def repeated(self, arguments: Mapping[str, object], last: Result, kept: bool) -> Mapping[str, Any]:
        # The first attempt has changed the stack, so its previous revision is another one now.
        return {**arguments, "to": last["to"]} if "to" in last else arguments
