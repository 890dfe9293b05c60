# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Spreads services over the nodes, on one manager of each cluster, with visible progress."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict

import ansible_collections.stackwright.swarm.plugins.plugin_utils.loading.bytecode as _  # noqa: F401
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.request.node_options import REBALANCE
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.cluster_action import ClusterAction

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.variables import Variables


class ActionModule(ClusterAction):
    module = "stackwright.swarm.swarm_rebalance"
    required = ()

    def act(self, result: Dict[str, object], variables: Variables) -> Dict[str, Any]:
        try:
            options = self.checked(REBALANCE)
            arguments = {name: options[name] for name in REBALANCE}
            arguments.update(self.connection_arguments(options))
            result.update(self.once_per_cluster("rebalance", arguments, {}, variables))
        except StackwrightError as error:
            result.update(error.details, failed=True, msg=str(error), error_code=error.error_code)
        return result
