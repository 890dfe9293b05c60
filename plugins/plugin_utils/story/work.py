# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of a deployment on the manager that does it, and on the hosts with a proxy."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Dict, List, Optional

from ansible.errors import AnsibleConnectionFailure

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.option_specs import COMPILED
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.cluster_action import (
    ClusterAction,
    collection_state,
    digest_of,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.story.asked import RoutesAsked
from ansible_collections.stackwright.swarm.plugins.plugin_utils.story.on_hosts import Hosts, unreachable
from ansible_collections.stackwright.swarm.plugins.plugin_utils.story.steps import Result

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.variables import Variables

OURS = "stackwright.swarm."


class Work:
    """The steps (``Steps``) of the story of one stack.

    :param services: runs compose_stack with changed ``arguments`` and ``handed``; with ``look``, it only plans.
    :param preflight: runs the preflight of all hosts.
    :param connection: the options of the manager's Engine.
    :param identity: name, project and environment of the stack.
    :param strangers: returns those of some hosts that are in another Swarm.
    :param known: returns a host's last check of its own proxy: ``request`` and ``result``, or nothing.
    """

    def __init__(
        self,
        action: ClusterAction,
        variables: Variables,
        arguments: Mapping[str, Any],
        handed: Mapping[str, Any],
        services: Callable[..., Result],
        preflight: Callable[[], Result],
        routes: Optional[RoutesAsked],
        connection: Mapping[str, object],
        identity: Mapping[str, object],
        strangers: Callable[[Hosts, Sequence[str]], List[str]],
        known: Callable[[str], Mapping[str, object]],
    ) -> None:
        self._hosts, self._variables = Hosts(action, variables), variables
        self._arguments, self._handed, self._services = arguments, handed, services
        self._preflight, self._routes = preflight, routes
        self._connection, self._identity, self._strangers, self._known = connection, identity, strangers, known

    def preflight(self) -> Result:
        return self._preflight()

    def deploy(self, prune: bool) -> Result:
        return self._run({**self._arguments, "prune": prune}, self._handed)

    def plan_prune(self) -> Result:
        return self._run({**self._last(), "plan_id": None}, self._last_handed(), look=True)

    def prune(self, plan_id: str) -> Result:
        return self._run({**self._last(), "plan_id": plan_id or None}, self._last_handed())

    def values(self, routes: Sequence[Mapping[str, object]], check: bool) -> Result:
        given = {**self._prefix(), "routes": list(routes)}
        return self._hosts.run(f"{OURS}caddy_route_values", {**self._connection, **given}, check=check, secret=True)

    def proxy(self, host: str, arguments: Mapping[str, object], check: bool) -> Result:
        routes = self._routes or RoutesAsked()
        given = {**self._prefix(), **arguments, "admin": routes.admin_of(host)}
        if routes.server:
            given["server"] = routes.server
        module = f"{OURS}caddy_route"
        if check:
            given = self._hosts.complete(module, given, routes.manager)
            request = digest_of([given, collection_state()])
            known = self._known(host)
            result = known.get("result")
            if known.get("request") == request and isinstance(result, dict):
                return result
            given[COMPILED] = json.dumps({"request": request})
        return self._hosts.run(module, given, host, check, True, routes.manager)

    def has_socket(self, host: str, path: str) -> Optional[bool]:
        given = {"path": path, "get_checksum": False, "get_mime": False}
        found = self._hosts.run("ansible.builtin.stat", given, host).get("stat")
        return None if found is None else bool(found.get("exists"))

    def book(self, **options: object) -> Result:
        given: Dict[str, Any] = {**self._connection, **self._prefix(), **options}
        if not options.get("secrets") and "settled" not in options and "folder" not in options:
            given.update(self._identity)
        if "folder" in options:
            given["own_node"] = self._routes is not None and self._hosts.own in self._routes.proxies
        secret = bool(options.get("secrets"))
        return self._hosts.run(f"{OURS}stack_routes", given, secret=secret)

    def strangers(self, hosts: Sequence[str]) -> List[str]:
        return self._strangers(self._hosts, hosts)

    def names(self, hosts: Sequence[str]) -> List[str]:
        hostvars = self._variables["hostvars"]
        known = (self._variables.get("groups") or {}).get("all") or ()
        found = [hostvars[host].get("ansible_host") for host in hosts if host in known]
        return [str(name) for name in found if name]

    def _run(self, arguments: Mapping[str, object], handed: Mapping[str, object], look: bool = False) -> Result:
        try:
            return self._services(arguments, handed, look)
        except AnsibleConnectionFailure as error:
            return unreachable(error)  # the result must state earlier changes

    def _prefix(self) -> Dict[str, Any]:
        return {"label_prefix": self._arguments["label_prefix"]}

    def _last(self) -> Dict[str, Any]:
        """Returns the arguments of the step that only removes objects: without restarts and new values, done before."""
        given = {**self._arguments, "prune": True, "restart": []}
        if given.get("values"):
            given["values"] = {**given["values"], "regenerate": []}
        return given

    def _last_handed(self) -> Dict[str, Any]:
        handed = dict(self._handed)
        if isinstance(handed.get("desired"), Mapping):
            desired = {name: item for name, item in handed["desired"].items() if name != "recreate_volumes"}
            handed["desired"] = desired
        return handed
