# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of action plugins that sends notifications about a stack."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Dict, Mapping, Optional, Sequence

from ansible import constants as C

from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.who import who_asks
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.cluster_action import ClusterAction
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.election import Outcome, task_key, turn
from ansible_collections.stackwright.swarm.plugins.plugin_utils.notifying.message import begun, ended

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.task_types import Target

#: What AWX calls a job, in the order of preference.
JOBS = ("awx_job_id", "tower_job_id")
OPERATIONS = {"compose_stack": "deployment", "stack_rollback": "rollback", "stack_drift": "drift repair"}


class NotifyingAction(ClusterAction):
    """Sends a notification at the begin and at the end of what a host does; without targets it costs nothing."""

    _notifier: Any = None
    #: The name in the Swarm, as soon as it is known.
    stack_name = ""
    _says: Dict[str, str] = {}
    _started = False

    def notify_about(
        self, stack: str, targets: Optional[Sequence[Target]], message: Optional[str], variables: Mapping[str, object]
    ) -> None:
        """Begins to tell ``targets`` about ``stack``, with the user's ``message``. Nothing is told in check mode."""
        self.stack_name = stack
        if not targets or self._task.check_mode:
            return
        # Imported here: most plays have no targets.
        from ansible_collections.stackwright.swarm.plugins.plugin_utils.notifying.notifier import Notifier

        self._notifier = Notifier(targets)
        self._says = {"who": who_asks(variables), "host": str(variables["inventory_hostname"])}
        job = next((str(variables[name]) for name in JOBS if variables.get(name)), "")
        given = {"play": str(variables.get("ansible_play_name") or ""), "job": job}
        given["commit_message"] = message or ""
        self._says.update({name: text for name, text in given.items() if text})

    def began(self) -> None:
        if self._notifier is None:
            return
        self._started = True
        self._notifier.tell(begun(self.stack_name, OPERATIONS[self._module_name()], self._says))

    def ended(self, result: Dict[str, Any]) -> None:
        if self._notifier is None:
            return
        message = ended(self._module_name(), self.stack_name or "a stack", result, self._says)
        own = self._started or bool(result.get("changed"))
        if message is not None and "done_by" not in result and (own or self._is_first_with(message.text)):
            self._notifier.tell(message)
        not_told = self._notifier.close()
        if not_told:
            result["warnings"] = [*(result.get("warnings") or []), *not_told]

    def _is_first_with(self, text: str) -> bool:
        """Whether no other host of the play has told the same of this task: all managers refuse an invalid file."""
        digest = hashlib.sha256(text.encode()).hexdigest()
        key = "/".join((task_key(self._task, self._variables), "notification", digest))
        host = str(self._variables["inventory_hostname"])
        with turn(C.DEFAULT_LOCAL_TMP, key, host) as mine:
            if mine.outcome is None:
                mine.settle(Outcome(host, digest))
                return True
        return False

    def _module_name(self) -> str:
        return self.module.rpartition(".")[2]
