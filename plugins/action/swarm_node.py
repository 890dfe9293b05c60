# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes a node, on one manager of each cluster, with visible progress."""

from __future__ import annotations

from typing import Any, Dict

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.request.node_options import NODE, check_labels
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.cluster_action import ClusterAction


class ActionModule(ClusterAction):
    module = "stackwright.swarm.swarm_node"

    def act(self, result: Dict[str, Any], variables: Dict[str, object]) -> Dict[str, Any]:
        try:
            options = self.checked(NODE)
            check_labels(options)
            # Among arguments a label that is to go, with a null, would be one that was not given.
            arguments = {name: options[name] for name in NODE if options[name] is not None and name != "labels"}
            handed = {"labels": options["labels"]}
            arguments.update(self.connection_arguments(options))
            result.update(self.once_per_cluster(f"node {options['name']}", arguments, handed, variables))
        except StackwrightError as error:
            result.update(error.details, failed=True, msg=str(error), error_code=error.error_code)
        if result.get("notices"):
            result["warnings"] = [*(result.get("warnings") or []), *result["notices"]]
        return result
