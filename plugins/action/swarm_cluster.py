# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings the hosts of a play into one Swarm: one process on the controller runs the steps on each of them."""

from __future__ import annotations

import json
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Dict, Mapping, Sequence, Tuple

from ansible import constants as C
from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.utils.display import Display

import ansible_collections.stackwright.swarm.plugins.plugin_utils.loading.bytecode as _  # noqa: F401
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.masking.shown import shown_line
from ansible_collections.stackwright.swarm.plugins.module_utils.membership.members import MANAGER
from ansible_collections.stackwright.swarm.plugins.module_utils.membership.steps import Goal
from ansible_collections.stackwright.swarm.plugins.module_utils.parts.cluster_options import OF_SWARM, SWARM_CLUSTER
from ansible_collections.stackwright.swarm.plugins.module_utils.parts.swarm_cluster import LOOK, check_cluster
from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.who import who_asks
from ansible_collections.stackwright.swarm.plugins.plugin_utils.enrolment.known import Asked, HostOptions
from ansible_collections.stackwright.swarm.plugins.plugin_utils.enrolment.play_hosts import (
    arguments_of,
    is_meant,
    role_of,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.enrolment.results import results
from ansible_collections.stackwright.swarm.plugins.plugin_utils.enrolment.run import Enrolment
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.cluster_action import Result
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.defaults import connection_of, module_defaults
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.election import Outcome, turn
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.meeting_action import MeetingAction
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.other_hosts import Sibling, at_once

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.variables import Variables

#: Seconds to start a module on a busy machine, in addition to the timeout of the Engine.
START = 60.0
#: Hosts that are read at the same time.
AT_ONCE = 16
#: The options that the module needs, besides those of the connection.
SENT = ("advertise_addr", "listen_addr", "data_path_addr", "wait_timeout", "lock_timeout")


class ActionModule(MeetingAction):
    module = "stackwright.swarm.swarm_cluster"
    required = ()

    def act(self, result: Dict[str, object], variables: Variables) -> Dict[str, Any]:
        host = variables["inventory_hostname"]
        key = self.key("", "", variables)
        with self.meeting("", variables) as meeting, turn(C.DEFAULT_LOCAL_TMP, key, host) as mine:
            if mine.outcome is None:
                meeting.publish("hosts", {"hosts": self._lead(variables), "by": host})
                mine.settle(Outcome(host, ""))
            found = meeting.clusters()[0]
        own = dict(found["hosts"].get(host) or found["hosts"]["*"])
        if found["by"] != host:
            own["done_by"] = found["by"]
        if not self._task.diff:
            own.pop("diff", None)
        result.update(own)
        return result

    def _lead(self, variables: Variables) -> Dict[str, Result]:
        """Runs the enrolment; returns the result of each host, and under ``*`` that of any other host."""
        self._others: Dict[str, Tuple[Any, Mapping[str, Any]]] = {}
        self._given: Dict[str, Dict[str, Any]] = {}
        run = None
        try:
            options = self._options(variables)
            run = self._enrolment(options, variables)
            run.go(self._task.check_mode)
        except StackwrightError as error:
            return results(run, error)
        return results(run, None)

    # -- options

    def _options(self, variables: Variables) -> Dict[str, Dict[str, Any]]:
        """Returns the options of each host of the play that runs the task."""
        own = variables["inventory_hostname"]
        found = {}
        for host in variables.get("ansible_play_hosts") or [own]:
            if host == own:
                self._others[host] = (self, variables)
            else:
                action, theirs = self._sibling(host, variables)
                if not is_meant(self._task, theirs, action._templar):
                    continue
                # The play's module defaults, with the variables of that host.
                defaults = module_defaults(action, self.module, written=True)
                arguments = {**self._task.args, **defaults}
                action._task.args = arguments_of(self._task, arguments, action._templar)
            try:
                found[host] = self._others[host][0].checked(SWARM_CLUSTER)
            except StackwrightError as error:
                raise StackwrightError(f"{host}: {error.message}", error.error_code, error.hint) from error
            self._given[host] = self._others[host][0].connection_arguments(found[host])
            if str(self._task.action).endswith("swarm_init"):  # the alias; without groups and roles
                found[host]["role"] = found[host]["role"] or MANAGER
        return found

    def _sibling(self, host: str, variables: Mapping[str, object]) -> Tuple[Any, Any]:
        if host not in self._others:
            sibling = Sibling(self, host, variables)
            loop = str(variables.get("ansible_loop_var") or "")
            theirs = sibling.variables
            if loop in variables:
                theirs[loop] = variables[loop]
            sibling.action._templar.available_variables = theirs
            self._others[host] = (sibling.action, theirs)
        return self._others[host]

    def _enrolment(self, options: Dict[str, Dict[str, Any]], variables: Variables) -> Enrolment:
        groups = variables.get("groups") or {}
        wanted = {host: role_of(host, own, groups) for host, own in options.items()}
        first, shared = next(iter(options.items()))
        settings = check_cluster(shared)
        for host, own in options.items():
            differs = [name for name in OF_SWARM if own[name] != shared[name]]
            if differs:
                raise StackwrightError(
                    f"{', '.join(differs)} of the Swarm differ between {first} and {host}.",
                    "conflict",
                    "Give all hosts of a Swarm the same settings. Nothing was changed.",
                )
        managers = [host for group in shared["manager_groups"] for host in groups.get(group) or ()]
        lost = set(variables.get("ansible_play_hosts_all") or ()) - set(variables.get("ansible_play_hosts") or ())
        absent = {host: "it has failed earlier in this play" for host in managers if host in lost}
        helpers = [host for host in dict.fromkeys(managers) if host not in options and host not in absent]
        for host in helpers:
            action, _theirs = self._sibling(host, variables)
            self._given[host] = connection_of(action, self.module)
        goal = Goal(
            settings=settings,
            remove=tuple(shared["remove"]),
            prune_down_after=shared["prune_down_after"],
            dissolve=shared["dissolve"],
            can_unlock=bool(shared["unlock_key"] or shared["unlock_key_store"]),
            elsewhere=bool(shared["join_addrs"]),
        )
        keys = None
        if shared["unlock_key_store"]:
            from ansible_collections.stackwright.swarm.plugins.plugin_utils.vault.unlock_keys import UnlockKeys

            keys = UnlockKeys(self._loader, variables, shared["unlock_key_store"])
        self._sent = {host: {name: options.get(host, shared)[name] for name in SENT} for host in [*options, *helpers]}
        look = partial(self._look, START + float(shared["timeout"] or 60))
        asked = Asked(self._ask, look, self._show, time.monotonic, time.sleep, who_asks(variables))
        host_options = {host: HostOptions.of(given) for host, given in options.items()}
        return Enrolment(asked, wanted, host_options, helpers, absent, goal, keys)

    # -- the hosts

    def _ask(self, host: str, part: Dict[str, object]) -> Result:
        action, variables = self._others[host]
        arguments = {**self._given[host], **{name: item for name, item in self._sent[host].items() if item is not None}}
        try:
            done: Result = action._call(arguments, part, variables)
        except AnsibleConnectionFailure as error:
            return {"unreachable": True, "msg": str(error)}
        except AnsibleError as error:
            return {"failed": True, "msg": str(error)}
        return {**done, "received": time.monotonic()}

    def _look(self, seconds: float, hosts: Sequence[str]) -> Dict[str, Result]:
        if len(hosts) == 1:
            return {hosts[0]: self._ask(hosts[0], {"part": LOOK})}
        found: Dict[str, Result] = {}
        for start in range(0, len(hosts), AT_ONCE):
            some = hosts[start : start + AT_ONCE]
            answers = at_once({host: partial(self._looked, host) for host in some}, seconds)
            found.update({str(one["host"]): one["done"] for one in answers})
        return found

    def _looked(self, host: str) -> Dict[str, Any]:
        done = self._ask(host, {"part": LOOK})
        kept = ("facts", "failed", "unreachable", "msg", "error_code", "received")
        plain: Dict[str, Any] = json.loads(
            json.dumps({"host": host, "done": {key: done[key] for key in kept if key in done}}, default=str)
        )
        return plain

    def _show(self, host: str, line: str) -> None:
        if not self._task.no_log:
            machine = "json" in str(C.DEFAULT_STDOUT_CALLBACK)
            Display().display(shown_line(f"[{host}] {line}"), stderr=machine)
