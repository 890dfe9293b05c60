# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs other modules than the task's own for an action plugin, on its host or on another host of the inventory."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Dict, Optional

from ansible.errors import AnsibleConnectionFailure

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import plain_text
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.cluster_action import ClusterAction, Result
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.defaults import module_defaults
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.other_hosts import Sibling

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.variables import Variables


class Hosts:
    """The hosts on which ``action`` runs modules. Each connection is created once."""

    def __init__(self, action: ClusterAction, variables: Variables) -> None:
        self._action, self._variables = action, variables
        self.own = str(variables["inventory_hostname"])
        self._siblings: Dict[str, Sibling] = {}

    def run(
        self,
        module: str,
        arguments: Mapping[str, object],
        host: str = "",
        check: Optional[bool] = None,
        secret: bool = False,
        engine: str = "",
    ) -> Result:
        """Runs a module with the play's defaults for it. Returns its result, with ``unreachable`` if its host is.

        :param host: another host than the task's.
        :param check: whether to run in check mode; None for the task's mode.
        :param secret: whether the module's arguments or result contain secrets, so that it logs nothing.
        :param engine: the Engine if the defaults set none.
        """
        try:
            action, variables = self.at(host or self.own, check)
        except AnsibleConnectionFailure as error:
            return unreachable(error)
        action._task.no_log = secret or action._task.no_log
        given = self.complete(module, arguments, engine)
        try:
            result: Result = action._execute_module(module, module_args=given, task_vars=variables)
        except AnsibleConnectionFailure as error:
            return unreachable(error)
        finally:
            if host and host != self.own:
                action.cleanup()  # Ansible does this for the task's own host only
        result.pop("invocation", None)
        return result

    def complete(self, module: str, arguments: Mapping[str, object], engine: str = "") -> Dict[str, Any]:
        """Returns the arguments with the play's defaults for the module."""
        # As with delegate_to, the defaults are templated with the variables of the task's own host.
        return {**({"docker_host": engine} if engine else {}), **module_defaults(self._action, module), **arguments}

    def at(self, host: str, check: Optional[bool] = None) -> Any:
        """Returns a copy of the action for ``host``, and the variables of that host."""
        if host == self.own:
            action, variables = copy.copy(self._action), self._variables
        else:
            if host not in self._siblings:
                self._siblings[host] = Sibling(self._action, host, self._variables)
            action, variables = copy.copy(self._siblings[host].action), self._siblings[host].variables
        action._task = action._task.copy()
        if check is not None:
            action._task.check_mode = check
        return action, variables


def unreachable(error: AnsibleConnectionFailure) -> Result:
    """Returns the result of a step whose host can't be reached, or not any more."""
    return {
        "unreachable": True,
        "changed": bool(getattr(error, "changed", False)),
        "error_code": "host_unreachable",
        "msg": plain_text(str(error)),
    }
