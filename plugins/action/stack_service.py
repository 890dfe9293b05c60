# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes services of a stack, on one manager of each cluster, with visible progress."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict

import ansible_collections.stackwright.swarm.plugins.plugin_utils.loading.bytecode as _  # noqa: F401
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.option_specs import (
    SERVICE,
    STACK,
    check_service,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.names import Stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.cluster_action import ClusterAction

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.variables import Variables


class ActionModule(ClusterAction):
    module = "stackwright.swarm.stack_service"
    required = ("name", "service")

    def act(self, result: Dict[str, Any], variables: Variables) -> Dict[str, Any]:
        try:
            options = self.checked({**STACK, **SERVICE, "name": {"type": "str", "required": True}})
            check_service(options)
            stack = Stack.of(options)
            arguments = {name: options[name] for name in SERVICE if options[name] is not None}
            arguments.update(name=stack.full_name, label_prefix=options["label_prefix"])
            arguments.update(self.connection_arguments(options))
            result.update(self.once_per_cluster(stack.full_name, arguments, {"identity": stack.data}, variables))
        except StackwrightError as error:
            result.update(error.details, failed=True, msg=str(error), error_code=error.error_code)
        if result.get("notices"):
            result["warnings"] = [*(result.get("warnings") or []), *result["notices"]]
        return result
