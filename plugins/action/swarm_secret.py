# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pipes the module with its content to the target, so that the content is never stored on a disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict

import ansible_collections.stackwright.swarm.plugins.plugin_utils.loading.bytecode as _  # noqa: F401
from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.plain import plain
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.piped_action import PipedAction

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.variables import Variables


class ActionModule(PipedAction):
    _supports_check_mode = True
    _supports_async = False

    def act(self, result: Dict[str, object], variables: Variables) -> Dict[str, Any]:
        module = "stackwright.swarm.swarm_secret"
        result.update(self._execute_module(module, module_args=plain(self._task.args), task_vars=variables))
        return result
