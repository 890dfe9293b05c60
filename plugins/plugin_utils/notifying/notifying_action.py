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

#: The variables of AWX with the job's id, in order of preference.
JOBS = ("awx_job_id", "tower_job_id")
OPERATIONS = {"compose_stack": "deployment", "stack_rollback": "rollback", "stack_drift": "drift repair"}


class NotifyingAction(ClusterAction):
    """Sends notifications at the start and the end of a host's work. Without targets it costs nothing."""

    _notifier: Any = None
    #: The name in the Swarm, as soon as it is known.
    stack_name = ""
    _who: Dict[str, str] = {}
    _started = False

    def notify_about(
        self, stack: str, targets: Optional[Sequence[Target]], message: Optional[str], variables: Mapping[str, object]
    ) -> None:
        """Sends notifications about ``stack`` to ``targets`` from now on, except in check mode.

        :param message: the user's message about the change.
        """
        self.stack_name = stack
        if not targets or self._task.check_mode:
            return
        # Imported here: most plays have no targets.
        from ansible_collections.stackwright.swarm.plugins.plugin_utils.notifying.notifier import Notifier

        self._notifier = Notifier(targets)
        self._who = {"who": who_asks(variables), "host": str(variables["inventory_hostname"])}
        job = next((str(variables[name]) for name in JOBS if variables.get(name)), "")
        given = {"play": str(variables.get("ansible_play_name") or ""), "job": job}
        given["commit_message"] = message or ""
        self._who.update({name: text for name, text in given.items() if text})

    def began(self) -> None:
        if self._notifier is None:
            return
        self._started = True
        self._notifier.send(begun(self.stack_name, OPERATIONS[self._module_name()], self._who))

    def ended(self, result: Dict[str, Any]) -> None:
        if self._notifier is None:
            return
        message = ended(self._module_name(), self.stack_name or "a stack", result, self._who)
        own = self._started or bool(result.get("changed"))
        if message is not None and "done_by" not in result and (own or self._is_first_with(message.text)):
            self._notifier.send(message)
        not_sent = self._notifier.close()
        if not_sent:
            result["warnings"] = [*(result.get("warnings") or []), *not_sent]

    def _is_first_with(self, text: str) -> bool:
        """Whether no other host of the play has sent this text for the task: all managers reject an invalid file."""
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
