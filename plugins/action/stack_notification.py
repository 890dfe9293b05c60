# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends a notification from a playbook. No module runs: the controller knows the receivers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict

import ansible_collections.stackwright.swarm.plugins.plugin_utils.loading.bytecode as _  # noqa: F401
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.option_specs import NOTIFICATION
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.names import Stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.who import who_asks
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.piped_action import PipedAction
from ansible_collections.stackwright.swarm.plugins.plugin_utils.notifying.message import announced
from ansible_collections.stackwright.swarm.plugins.plugin_utils.notifying.notifier import Notifier

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.variables import Variables


class ActionModule(PipedAction):
    _supports_check_mode = True
    _supports_async = False

    def act(self, result: Dict[str, object], variables: Variables) -> Dict[str, Any]:
        try:
            options = self.checked(NOTIFICATION)
            stack = Stack.of(options).full_name
            targets = [target for target in options["notify"] if options["event"] in target["events"]]
            result.update(changed=False, stack=stack, receivers=len(targets))
            if targets and not self._task.check_mode:
                notifier = Notifier(targets)
                who = {"who": who_asks(variables), "host": str(variables["inventory_hostname"])}
                notifier.send(announced(options["event"], stack, options["title"], options["lines"], who))
                result["warnings"] = notifier.close()
        except StackwrightError as error:
            result.update(error.details, failed=True, msg=str(error), error_code=error.error_code)
        return result
