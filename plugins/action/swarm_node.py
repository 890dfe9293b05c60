# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes a node, on one manager of each cluster, with visible progress."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any, Dict

import ansible_collections.stackwright.swarm.plugins.plugin_utils.loading.bytecode as _  # noqa: F401
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.parts.swarm_cluster import LOOK
from ansible_collections.stackwright.swarm.plugins.module_utils.request.node_options import NODE, check_labels
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.cluster_action import ClusterAction
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.defaults import connection_of
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.other_hosts import Sibling, at_once, names_of

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.variables import Variables

#: Seconds for the answer of a node's Engine before the node is promoted.
ANSWER = 60.0


class ActionModule(ClusterAction):
    module = "stackwright.swarm.swarm_node"

    def act(self, result: Dict[str, Any], variables: Variables) -> Dict[str, Any]:
        try:
            options = self.checked(NODE)
            check_labels(options)
            # Labels go separately: Ansible treats a null among arguments (a label to remove) as not given.
            arguments = {name: options[name] for name in NODE if options[name] is not None and name != "labels"}
            handed = {"labels": options["labels"]}
            if options["role"] == "manager":
                handed["asked"] = self._asked(options["name"], variables)
            arguments.update(self.connection_arguments(options))
            result.update(self.once_per_cluster(f"node {options['name']}", arguments, handed, variables))
        except StackwrightError as error:
            result.update(error.details, failed=True, msg=str(error), error_code=error.error_code)
        if result.get("notices"):
            result["warnings"] = [*(result.get("warnings") or []), *result["notices"]]
        return result

    def _asked(self, node: str, variables: Variables) -> Dict[str, Any]:
        """Reads the membership from the Engine of the node; empty if it is not in the inventory or does not answer."""
        hosts = (variables.get("groups") or {}).get("all") or ()
        found = [host for host in hosts if names_of(node, {}) & names_of(host, variables["hostvars"])]
        answers = at_once({host: partial(self._membership, host, variables) for host in found}, ANSWER)
        return next((facts for facts in answers if facts), {})

    def _membership(self, host: str, variables: Variables) -> Dict[str, Any]:
        action = Sibling(self, host, variables).action
        action._templar.available_variables = action._variables
        connection = connection_of(action, self.module)
        action.module = "stackwright.swarm.swarm_cluster"
        done = action._call(connection, {"part": LOOK}, action._variables)
        facts = json.loads(json.dumps(done.get("facts") or {}, default=str))
        return {name: facts[name] for name in ("node_id", "joins_by") if name in facts}
