# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The base of action plugins whose module's arguments may hold values that must not be on any disk."""

from __future__ import annotations

from copy import deepcopy
from typing import Any, Dict, Mapping, Optional

from ansible import constants as C
from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.connection import CONNECTION
from ansible_collections.stackwright.swarm.plugins.module_utils.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.plugin_utils.plain import plain

Spec = Mapping[str, Mapping[str, Any]]


class PipedAction(ActionBase):
    """Pipes the module into the target's Python wherever that can be done.

    Otherwise Ansible writes a module with its arguments into a file here, and into one on the target. It pipes only if
    told to, since a ``sudo`` with ``requiretty`` does not like it; whoever has such hosts says so by ``pipelining:
    false`` or ``ansible_pipelining: false``, which counts here as well.
    """

    _variables: Dict[str, Any]
    _chosen: Optional[bool] = None

    def run(self, tmp: Optional[str] = None, task_vars: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        self._variables = task_vars or {}
        result: Dict[str, Any] = super().run(tmp, task_vars)
        return result

    def checked(self, spec: Spec) -> Dict[str, Any]:
        """The task's options, checked and completed by ``spec`` and the options of the connection.

        :raises StackwrightError: ``invalid_options``.
        """
        # Ansible writes into the defaults of a specification, and a loop would meet them again. The environment that an
        # option may fall back to is the target's, not this one.
        connection = {name: {**option, "fallback": (None,)} for name, option in CONNECTION.items()}
        try:
            complete = self.validate_argument_spec(argument_spec=deepcopy({**spec, **connection}))[1]
        except AnsibleError as error:
            raise StackwrightError(str(error), "invalid_options") from None
        found: Dict[str, Any] = plain(complete)
        return found

    def _is_pipelining_enabled(self, module_style: str, wrap_async: bool = False) -> bool:
        if super()._is_pipelining_enabled(module_style, wrap_async):
            return True
        become = self._connection.become
        # Before ansible-core 2.19 only the name tells.
        becomes = not become or getattr(become, "pipelining", become.name != "su")
        able = self._connection.has_pipelining and becomes
        wanted = module_style == "new" and not wrap_async and not C.DEFAULT_KEEP_REMOTE_FILES
        return bool(able and wanted and not self._is_chosen())

    def _is_chosen(self) -> bool:
        """Whether somebody has said anything about it; asked more than once for each module."""
        if self._chosen is None:
            self._chosen = self._origin() != "default"
        return self._chosen

    def _origin(self) -> str:
        # Before ansible-core 2.18 the task's variables hold Ansible's own default; those of the host do not.
        own = (self._variables.get("hostvars") or {}).get(self._variables.get("inventory_hostname"))
        try:
            return str(self._connection.get_option_and_origin("pipelining", hostvars=own)[1])
        except KeyError:
            return "default"
