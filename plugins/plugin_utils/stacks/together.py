# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares many stacks together with a manager and the proxies, in few calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Dict, List, NamedTuple, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.connection_options import CONNECTION
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.cluster_action import given_only
from ansible_collections.stackwright.swarm.plugins.plugin_utils.story.asked import (
    RoutesAsked,
    asked_of,
    look_timeout,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.story.judging import (
    has_failed,
    needs_values,
    needs_work,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.story.on_hosts import Hosts
from ansible_collections.stackwright.swarm.plugins.plugin_utils.story.proxies import SHOWN

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.variables import Variables

Result = Dict[str, Any]
OURS = "stackwright.swarm."


class Part(NamedTuple):
    """One stack: its full name, and the action of compose_stack that has prepared it."""

    name: str
    action: Any

    @property
    def arguments(self) -> Dict[str, Any]:
        return {name: given_only(value) for name, value in self.action.prepared.arguments.items()}

    @property
    def wanted(self) -> Dict[str, Any]:
        """The arguments that are the same on all managers of a cluster."""
        return {name: value for name, value in self.arguments.items() if name not in CONNECTION}

    @property
    def memory(self) -> Dict[str, str]:
        """The key of its run in the memory of stack_glance; empty if only its own run can compare it."""
        found: Dict[str, str] = self.action.memory_of(self.arguments, {**self.action.prepared.handed, "defer": True})
        return found


def look(
    action: Any, parts: Sequence[Part], connection: Mapping[str, object], variables: Variables
) -> Tuple[Result, Dict[str, Result]]:
    """Compares the stacks. Returns the manager's cluster (``cluster_id``, or a failure), and the results by stack.

    :param connection: the options of the connection to the Engine.
    """
    memories = {part.name: part.memory for part in parts}
    looked = [part for part in parts if memories[part.name]]
    runs = [{"name": part.name, **memories[part.name]} for part in looked]
    seen: Result = {}
    if runs:
        given = {**connection, "runs": runs, "defer": True}
        seen = action._execute_module(f"{OURS}stack_glance", module_args=given, task_vars=variables)
    known: Dict[str, Result] = {
        name: {key: item for key, item in one.items() if key != "deferred"}
        for name, one in (seen.get("told") or {}).items()
    }
    if known and len(known) == len(parts):
        return {"cluster_id": next(iter(known.values())).get("cluster_id")}, known
    left = [part for part in looked if part.name not in known]
    looks = [
        {
            "params": part.action.prepared.arguments,
            "handed": {**part.action.prepared.handed, **memories[part.name], "defer": True},
        }
        for part in left
    ]
    found: Result = action._call(dict(connection), {"looks": looks}, variables)
    known.update({part.name: one for part, one in zip(left, found.get("looks") or ())})
    return found, known


def unchanged(action: object, parts: Sequence[Part], looks: Mapping[str, Result]) -> Dict[str, Result]:
    """Returns the whole results of the stacks that need no run: neither their services nor their routes would change.

    :param looks: the results of ``look``.
    """
    found = {
        part.name: part.action.finished(dict(looks[part.name])) for part in parts if _is_same(looks.get(part.name))
    }
    groups: Dict[str, Tuple[RoutesAsked, List[Part]]] = {}
    for part in parts:
        if part.name not in found:
            continue
        options = part.action.prepared.options
        if options["routes"] is None or options["state"] == "stopped":
            continue
        try:
            asked = _asked(part)
        except StackwrightError:
            del found[part.name]  # its own run reports the error
            continue
        if options["takes"] or asked.maintenance or set(asked.proxies) & set(found[part.name].get("owed") or ()):
            del found[part.name]
        else:
            groups.setdefault(repr([asked, options["label_prefix"]]), (asked, []))[1].append(part)
    for asked, some in groups.values():
        answers = _routes(action, asked, some, found)
        for part in some:
            if answers is None:
                del found[part.name]
            else:
                found[part.name]["routes_result"] = answers
    return found


def _is_same(looked: Any) -> bool:
    return bool(looked) and not looked.get("changed") and not has_failed(looked) and not looked.get("locked_by")


def _asked(part: Part) -> RoutesAsked:
    prepared = part.action.prepared
    play = list(prepared.variables.get("ansible_play_hosts_all") or ())
    found: RoutesAsked = asked_of(prepared.options["routes"], prepared.variables.get("groups") or {}, play)
    return found


def _routes(action: Any, asked: RoutesAsked, parts: Sequence[Part], found: Mapping[str, Result]) -> Any:
    """Returns the proxies' answers (``routes_result``) if all have the routes of all these stacks, else None."""
    variables = parts[0].action.prepared.variables
    prefix = {"label_prefix": parts[0].action.prepared.options["label_prefix"]}
    hosts = Hosts(action, variables)
    every = [list(found[part.name].get("routes") or ()) for part in parts]
    flat = [route for routes in every for route in routes]
    if needs_values(flat, ""):
        connection = action.connection_arguments(parts[0].action.prepared.options)
        given = {**connection, **prefix, "routes": flat}
        handed = hosts.run(f"{OURS}caddy_route_values", given, check=True, secret=True).get("handed_routes")
        if handed is None:
            return None
        every = [[handed.pop(0) for _route in routes] for routes in every]
    stacks = [
        {"stack": part.action.prepared.stack["id"], "name": part.name, "routes": routes}
        for part, routes in zip(parts, every)
    ]
    answers = []
    for host in asked.proxies:
        if not flat and _has_none(hosts, host, asked):
            continue
        given = {**prefix, "admin": asked.admin_of(host), "stacks": stacks}
        if asked.server:
            given["server"] = asked.server
        if len(asked.proxies) > 1:
            given["admin_timeout"] = look_timeout(len(asked.proxies))
        answer = hosts.run(f"{OURS}caddy_route", given, host, True, True, asked.manager)
        if needs_work(answer) or answer.get("conflicts"):
            return None
        answers.append({"proxy": host, **{name: answer[name] for name in SHOWN if name in answer}})
    return answers


def _has_none(hosts: Hosts, host: str, asked: RoutesAsked) -> bool:
    """Whether a host has no proxy, because it has no socket of one."""
    path = asked.socket()
    given = {"path": path, "get_checksum": False, "get_mime": False}
    found = hosts.run("ansible.builtin.stat", given, host).get("stat") if path else None
    return found is not None and not found.get("exists")
