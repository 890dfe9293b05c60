# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One whole run of compose_stack, with preflight and routes: combines the story with its steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Dict, List, Optional

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.option_specs import PREFLIGHT
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.cluster_action import ClusterAction, given_only
from ansible_collections.stackwright.swarm.plugins.plugin_utils.story.asked import AFTER_GATE, asked_of
from ansible_collections.stackwright.swarm.plugins.plugin_utils.story.clusters import Clusters
from ansible_collections.stackwright.swarm.plugins.plugin_utils.story.lines import end_lines, plan_lines
from ansible_collections.stackwright.swarm.plugins.plugin_utils.story.on_hosts import Hosts
from ansible_collections.stackwright.swarm.plugins.plugin_utils.story.preflight_by_one import preflight
from ansible_collections.stackwright.swarm.plugins.plugin_utils.story.steps import Result
from ansible_collections.stackwright.swarm.plugins.plugin_utils.story.story import Asked, Story
from ansible_collections.stackwright.swarm.plugins.plugin_utils.story.work import Work

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.variables import Variables

Told = Callable[[Result, Optional[Mapping[str, Any]], List[str]], Result]


class Whole:
    """The run of one task on one host.

    :param told: completes a result of the services with data of the controller.
    :param clusters: returns the published clusters of the play's hosts.
    :param known: returns a host's last check of its own proxy.
    :raises StackwrightError: ``invalid_options``.
    """

    def __init__(
        self,
        action: ClusterAction,
        options: Mapping[str, Any],
        desired: Optional[Mapping[str, object]],
        stack: Mapping[str, Any],
        arguments: Mapping[str, object],
        variables: Variables,
        told: Told,
        clusters: Callable[[], Mapping[str, str]],
        known: Callable[[str], Mapping[str, object]],
    ) -> None:
        self._action, self._desired, self._stack = action, desired, stack
        self._arguments, self._variables, self._told, self._clusters = arguments, variables, told, clusters
        self._known = known
        play = list(variables.get("ansible_play_hosts_all") or ())
        self._routes = asked_of(options["routes"], variables.get("groups") or {}, play)
        self._takes, self._show = list(options["takes"]), bool(options["show"])
        self._asked = Asked(
            state=str(options["state"]),
            routes=self._routes,
            preflight=bool(options["preflight"]),
            prune=bool(options["prune"]),
            takes=self._takes,
            check=bool(action._task.check_mode),
        )
        self._refuses_plans = bool(options["plan_id"]) and not self._asked.check
        self._connection = action.connection_arguments(options)
        self._of_preflight = {**{name: options[name] for name in PREFLIGHT if name in options}, **self._connection}
        self._fail_on = str(options["preflight_fail_on"])
        #: The options that name the stack.
        self._identity = {part: options[part] for part in ("project", "environment") if options[part]}
        self._identity["name"] = options["name"] or stack.get("given") or stack["name"]
        if self._takes and self._routes is not None and self._routes.switch != AFTER_GATE:
            raise StackwrightError(
                "takes needs routes.switch after_gate, since domains are taken when the stack is healthy.",
                "invalid_options",
            )

    def proxy_here(self) -> Dict[str, str]:
        """Returns the stack's id and the admin API's address for the proxy of the task's host; {} if it has none."""
        routes, host = self._routes, str(self._variables["inventory_hostname"])
        admin = routes.admin_of(host) if routes is not None and host in routes.proxies else []
        return {"stack": self._stack["id"], "admin": admin[0]} if len(admin) == 1 else {}

    def run(self, looked: Result, handed: Mapping[str, object]) -> Result:
        """Runs the story after a check of the services (``looked``) and returns its result."""

        def strangers(hosts: Hosts, names: Sequence[str]) -> List[str]:
            return Clusters(hosts, str(looked["cluster_id"]), self._connection, self._clusters).strangers(names)

        work = Work(
            self._action,
            self._variables,
            self._arguments,
            handed,
            self._services,
            self._preflight,
            self._routes,
            self._connection,
            self._identity,
            strangers,
            self._known,
        )
        if looked.get("changed") and self._refuses_plans:
            # The check before accepts any plan_id, because another manager might be carrying out the plan. Now this
            # manager has the turn, so a run in check mode compares it.
            hosts = Hosts(self._action, self._variables)
            action, variables = hosts.at(hosts.own, check=True)
            planned: Result = action._followed(_given(self._arguments), handed, variables)
            if planned.get("failed"):
                return {**self._finished(planned), "told": True}
        looked = self._finished(looked)
        if looked.get("changed"):
            self._say(plan_lines(looked))
        done = Story(work, self._asked, self._stack).run(looked)
        if done.get("changed") and not done.get("failed"):
            self._say(end_lines(done))
        return {**done, "told": True}

    def _services(self, arguments: Mapping[str, object], handed: Mapping[str, object], look: bool = False) -> Result:
        run = self._action._call if look else self._action._followed
        more = {"defer": True} if look else {}
        return self._finished(run(_given(arguments), {**handed, **more}, self._variables))

    def _finished(self, result: Result) -> Result:
        return self._told(result, self._desired, self._takes)

    def _preflight(self) -> Result:
        hosts = [str(host) for host in self._variables.get("ansible_play_hosts") or ()]
        own = str(self._variables["inventory_hostname"])
        # Also if this run is a part of another action's work (is_part): it checks the nodes of all hosts.
        others = [] if self._action._task.run_once else [host for host in hosts if host != own]
        desired: Any = self._desired or {}
        return preflight(self._action, self._variables, self._of_preflight, self._fail_on, desired, others)

    def _say(self, lines: List[str]) -> None:
        for line in lines if self._show else ():
            self._action.say(line)


def _given(arguments: Mapping[str, object]) -> Dict[str, Any]:
    return {name: given_only(item) for name, item in arguments.items() if item is not None}
