# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The base of action plugins whose module arguments may hold values that must not be written to a disk."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any, Dict, Mapping, Optional, Tuple

from ansible import constants as C
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure, AnsibleError
from ansible.plugins.action import ActionBase

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.connection_options import CONNECTION
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.masking.shown import shown
from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.plain import plain

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.variables import Variables

Spec = Mapping[str, Mapping[str, Any]]


class PipedAction(ActionBase):
    """Filters the results of our actions, and pipes their modules.

    Messages of an action contain no terminal control characters and no secrets. Under ``no_log`` the message has no
    details, because Ansible prints it nevertheless.

    A module is piped into the target's Python if possible. Otherwise Ansible would write the module with its arguments
    to a file on the controller and one on the target. By default Ansible doesn't pipe, because ``sudo`` with
    ``requiretty`` fails then. For such hosts, set ``pipelining: false`` or ``ansible_pipelining: false``: these
    settings apply here as well.
    """

    #: Parts of the result that stay unfiltered, because they are data for other tasks.
    as_it_is: Tuple[str, ...] = ()
    _variables: Variables
    _chosen: Optional[bool] = None

    def run(self, tmp: Optional[str] = None, task_vars: Optional[Variables] = None) -> Dict[str, Any]:
        self._variables = task_vars or {}
        if getattr(self._task, "async_val", 0) and not self._supports_async:
            return {
                "failed": True,
                "error_code": "async_unsupported",
                "msg": f"{self._task.action} can't run with async: part of its work is done on the controller. "
                "Remove async. What takes long continues on the manager, also if the controller is lost, and "
                "many stacks are deployed side by side with the options stacks and at_once of compose_stack.",
            }
        try:
            result = self.act(super().run(tmp, task_vars), self._variables)
        # With no_log these are results, because Ansible prints the message of an exception nevertheless.
        except AnsibleConnectionFailure as error:
            changed = bool(getattr(error, "changed", False))
            if not (changed or self._task.no_log):
                message = shown(str(error))
                self.ended({"unreachable": True, "msg": message})
                raise AnsibleConnectionFailure(message) from None
            # Like Ansible's own result, but with ``changed``.
            result = {"unreachable": True, "changed": changed, "error_code": "host_unreachable", "msg": str(error)}
        except (AnsibleError, StackwrightError) as error:
            if not self._task.no_log:
                message = shown(str(error))
                self.ended({"failed": True, "msg": message})
                raise AnsibleActionFail(message) from None
            result = {"failed": True, "msg": str(error)}
        result = shown(result, self.as_it_is)
        result = _censored(result, self._task.action) if self._task.no_log else result
        self.ended(result)
        return result

    def ended(self, result: Dict[str, object]) -> None:
        """Called at the end with the filtered result; may add warnings."""

    def act(self, result: Dict[str, object], variables: Variables) -> Dict[str, Any]:
        """Does the task's work and returns its result, based on ``result``. ``variables`` are the task's."""
        raise NotImplementedError

    def checked(self, spec: Spec) -> Dict[str, Any]:
        """Returns the task's options, checked and completed by ``spec`` and the options of the connection.

        :raises StackwrightError: ``invalid_options``.
        """
        # A copy, because Ansible writes into the defaults of a specification, which the next item of a loop would get.
        # An option falls back to the target's environment, not to that of the controller.
        connection = {name: {**option, "fallback": (None,)} for name, option in CONNECTION.items()}
        try:
            complete = self.validate_argument_spec(argument_spec=deepcopy({**spec, **connection}))[1]
        except AnsibleError as error:
            # Ansible's message has the plugin's file name.
            message = str(error).replace(f"({self._load_name}) module", self._task.action)
            raise StackwrightError(message, "invalid_options") from None
        found: Dict[str, Any] = plain(complete)
        return found

    def _is_pipelining_enabled(self, module_style: str, wrap_async: bool = False) -> bool:
        if super()._is_pipelining_enabled(module_style, wrap_async):
            return True
        become = self._connection.become
        # Before ansible-core 2.19 become plugins have no such attribute. Only su can't pipe.
        becomes = not become or getattr(become, "pipelining", become.name != "su")
        able = self._connection.has_pipelining and becomes
        wanted = module_style == "new" and not wrap_async and not C.DEFAULT_KEEP_REMOTE_FILES
        return bool(able and wanted and not self._is_chosen())

    def _is_chosen(self) -> bool:
        """Whether the user has set pipelining. Cached, because Ansible asks more than once for each module."""
        if self._chosen is None:
            self._chosen = self._origin() != "default"
        return self._chosen

    def _origin(self) -> str:
        # Before ansible-core 2.18 the task's variables contain Ansible's own default; the host's variables don't.
        own = (self._variables.get("hostvars") or {}).get(self._variables.get("inventory_hostname", ""))
        try:
            return str(self._connection.get_option_and_origin("pipelining", hostvars=own)[1])
        except KeyError:
            return "default"


def _censored(result: Dict[str, object], action: str) -> Dict[str, Any]:
    """Returns the result under ``no_log``: the message, which Ansible still prints, has no details.

    The full message is in ``full_msg``, which Ansible hides and ``register`` keeps.
    """
    kept = {name: item for name, item in result.items() if name not in ("warnings", "deprecations", "exception")}
    if "msg" in kept:
        code = f" with error_code {kept['error_code']}" if kept.get("error_code") else ""
        ended = (
            "could not reach its host" if kept.get("unreachable") else "has failed" if kept.get("failed") else "ended"
        )
        kept["full_msg"] = kept["msg"]
        kept["msg"] = f"{action} {ended}{code}. no_log hides the details; see full_msg in the registered result."
    return kept
