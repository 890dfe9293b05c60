# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a stack's health on every host of the play; one manager of each cluster waits for it and shows the progress."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Mapping

from ansible import constants as C
from ansible.errors import AnsibleConnectionFailure

import ansible_collections.stackwright.swarm.plugins.plugin_utils.loading.bytecode as _  # noqa: F401
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.option_specs import HEALTH, STACK, check_ranges
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.names import Stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.cluster_action import ClusterAction, Result
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.election import Outcome, Turn, turn

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.variables import Variables


class ActionModule(ClusterAction):
    module = "stackwright.swarm.stack_health"

    def act(self, result: Dict[str, object], variables: Variables) -> Dict[str, Any]:
        try:
            options = self.checked({**STACK, **HEALTH, "name": {"type": "str", "required": True}})
            check_ranges(options)
            stack = Stack.of(options).full_name
            arguments = {"name": stack, **{name: options[name] for name in HEALTH}}
            arguments.update(self.connection_arguments(options))
            result.update(self._health(stack, arguments, variables))
        except StackwrightError as error:
            result.update(error.details, failed=True, msg=str(error), error_code=error.error_code)
        return result

    def _health(self, stack: str, arguments: Mapping[str, object], variables: Variables) -> Result:
        """Returns the result of this host's module. If the stack is unhealthy, one host of a cluster waits for all."""
        alone = len(variables.get("ansible_play_batch") or []) < 2 or self._task.run_once
        if alone or not arguments["wait"] or self._task.check_mode:
            return self._followed(arguments, {}, variables)
        looked = self._call(arguments, {"defer": True}, variables)
        if looked.get("failed") or looked["healthy"]:
            return looked
        host = variables["inventory_hostname"]
        with turn(C.DEFAULT_LOCAL_TMP, self.key(stack, looked["cluster_id"], variables), host) as mine:
            if mine.outcome is None:
                return self._waited(mine, host, arguments, variables)
            theirs = mine.outcome
        if theirs.failed:
            msg = (
                f"{theirs.host} waited for the stack {stack}, which did not become healthy; the result of that host "
                "has the details."
            )
            return {**looked, "failed": True, "error_code": theirs.error_code, "msg": msg, "waited_by": theirs.host}
        # A separate check, which only waits if the stack has become unhealthy since.
        return {**self._followed(arguments, {}, variables), "waited_by": theirs.host}

    def _waited(self, mine: Turn, host: str, arguments: Mapping[str, object], variables: Variables) -> Result:
        try:
            done = self._followed(arguments, {}, variables)
        except AnsibleConnectionFailure:
            mine.settle(Outcome(host, "", failed=True, error_code="host_unreachable"))
            raise
        mine.settle(Outcome(host, "", bool(done.get("failed")), str(done.get("error_code", ""))))
        return done
