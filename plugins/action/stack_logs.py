# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the logs of a stack on every host of the play; while it waits for a line, the first host shows what comes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict

import ansible_collections.stackwright.swarm.plugins.plugin_utils.loading.bytecode as _  # noqa: F401
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.option_specs import LOGS
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.cluster_action import ClusterAction

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.variables import Variables


class ActionModule(ClusterAction):
    module = "stackwright.swarm.stack_logs"

    def act(self, result: Dict[str, object], variables: Variables) -> Dict[str, Any]:
        try:
            options = self.checked(LOGS)
            arguments = {name: options[name] for name in LOGS if options[name] is not None}
            arguments.update(self.connection_arguments(options))
            if options["until"] or options["wait_timeout"]:
                result.update(self._followed(arguments, {"shows": not self.earlier(variables)}, variables))
            else:
                result.update(self._call(arguments, {}, variables))
        except StackwrightError as error:
            result.update(error.details, failed=True, msg=str(error), error_code=error.error_code)
        return result
