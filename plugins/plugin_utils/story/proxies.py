# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proxies of a stack during one run: compares, updates and fills them, and records those that don't answer."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from typing import Any, Dict, List, Set

from ansible_collections.stackwright.swarm.plugins.plugin_utils.story.asked import (
    FAIL,
    IGNORE,
    RoutesAsked,
    look_timeout,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.story.judging import (
    HINT,
    diffs,
    failure_of,
    has_failed,
    is_lost,
    needs_values,
    needs_work,
    refusal,
    to_fill,
    why_lost,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.story.steps import Result, Steps

#: How often all routes are written again if they have changed in the meantime.
ROUNDS = 5
#: The fields of a proxy's answer that the task's result shows.
SHOWN = ("changed", "changes", "fresh", "conflicts", "replicas", "node", "msg", "error_code", "unreachable")


class Stop(Exception):
    """A step has failed; ``result`` has ``msg`` and ``error_code``."""

    def __init__(self, result: Mapping[str, object]) -> None:
        super().__init__(str(result.get("msg") or ""))
        #: Either unreachable or failed: Ansible treats these differently.
        self.result: Result = dict(result) if result.get("unreachable") else {**result, "failed": True}


class Proxies:
    """The proxies that ``asked`` names. A proxy that doesn't answer is tried only once in a run.

    :param stack: the data of the stack: ``name`` (the full one) and ``id``.
    :param gone: whether the run removes the stack and its routes.
    """

    def __init__(self, steps: Steps, asked: RoutesAsked, stack: Mapping[str, object], check: bool, gone: bool) -> None:
        self._steps, self._asked, self._stack, self._check, self._gone = steps, asked, stack, check, gone
        self.used: List[str] = []
        self.answers: Dict[str, Result] = {}
        self.lost: Dict[str, str] = {}
        self.warnings: List[Any] = []
        self.diffs: List[Any] = []
        self.changed = False
        #: The lost proxies whose missed routes are recorded.
        self._recorded: Set[str] = set()
        #: The proxies that are known to be in this stack's cluster.
        self._ours: Set[str] = set()

    def find(self, routes: Sequence[Mapping[str, object]]) -> None:
        """Chooses the proxies. A stack without routes needs none, but old routes are removed from existing proxies."""
        path = self._asked.socket()
        self.used = [
            host
            for host in self._asked.proxies
            if routes or not path or self._steps.has_socket(host, path) is not False
        ]

    @property
    def differ(self) -> bool:
        """Whether the routes of a proxy must change."""
        return any(answer.get("changes") for answer in self.answers.values())

    def apply(self, routes: Sequence[Mapping[str, object]], takes: Sequence[str] = (), look: bool = False) -> None:
        """Applies the routes to each proxy; with ``look``, only compares them. Raises Stop."""
        check = look or self._check
        if not look:
            self._drop_strangers(self.used)
        given = self._arguments(routes, takes, check)
        tried = {host: self._steps.proxy(host, given, check) for host in self.used if host not in self.lost}
        if look:
            self._drop_strangers([host for host, answer in tried.items() if needs_work(answer)])
        tried = {host: answer for host, answer in tried.items() if host in self.used}
        for answer in tried.values():
            self._add_warnings(*(answer.get("warnings") or ()))
        self._record_answers(tried, changes=not look or self._check)
        if not check:
            self.record_lost()
        if self.lost and self._asked.on_lost == FAIL:
            state = "Nothing was changed." if check else "The missed routes are recorded."
            text = f"{' '.join(self.lost.values())} {state} {HINT}"
            raise Stop({"msg": text, "error_code": self._code_of_lost()})

    def _arguments(self, routes: Sequence[Mapping[str, object]], takes: Sequence[str], check: bool) -> Dict[str, Any]:
        given: Dict[str, Any] = {"stack": self._stack["id"], "state": "absent" if self._gone else "present"}
        if len(self.used) > 1 and check:
            given["admin_timeout"] = look_timeout(len(self.used))
        if self._asked.take_over:
            given["take_over"] = self._asked.take_over
        if self._gone:
            return given
        given["routes"] = list(routes)
        if takes:
            given["takes"] = list(takes)
        if self._asked.maintenance:
            given["maintenance"] = self._asked.maintenance
        if self.used and needs_values(routes, self._asked.take_over):
            # A worker with a proxy can't read the Swarm, so the manager reads the data and passes it on.
            known = self._steps.values(routes, check)
            if "handed_routes" not in known:
                failed = failure_of(known)
                raise Stop({**failed, "msg": f"{failed['msg']} ({failed['error_code']})"})
            given.update(routes=known["handed_routes"], live_services=known["live_services"])
        return given

    def _drop_strangers(self, hosts: Sequence[str]) -> None:
        """Drops those of ``hosts`` that are in another cluster, unless the user has chosen the proxies."""
        unknown = [host for host in hosts if host not in self._ours]
        if unknown and not self._asked.chosen:
            strangers = self._steps.strangers(unknown)
            self._ours.update(host for host in unknown if host not in strangers)
            self.used = [host for host in self.used if host not in strangers]

    def fill(self, owed: Sequence[str]) -> None:
        """Applies the routes of all stacks to the proxies that need them, including those in ``owed``. Raises Stop."""
        self._drop_strangers(to_fill(self.used, self.answers, owed))
        hosts = [host for host in to_fill(self.used, self.answers, owed) if host not in self.lost]
        if hosts:
            self._fill(hosts)

    def _fill(self, hosts: Sequence[str]) -> None:
        for _round in range(ROUNDS):
            every = self._steps.book(secrets=True)
            if "stacks" not in every:
                failed = failure_of(every)
                raise Stop({**failed, "msg": f"The routes of all stacks can't be read: {failed['msg']}"})
            left = [host for host in hosts if host not in self.lost]
            given = {"stacks": every["stacks"]}
            tried = {host: self._steps.proxy(host, given, self._check) for host in left}
            self._record_answers(tried, changes=True)
            for answer in tried.values():
                self._add_warnings(*(str(conflict["text"]) for conflict in answer.get("conflicts") or ()))
                self._add_warnings(*(answer.get("warnings") or ()))
            if self._check:
                return
            done = [debt for debt in every["owed"] if debt["proxy"] in hosts and debt["proxy"] not in self.lost]
            # Another deployment may have switched routes in the meantime. Then the ones just written are outdated.
            if self._steps.book(settled=done).get("digest") == every["digest"]:
                return

    def record_lost(self, owed: Sequence[str] = ()) -> None:
        """Records the routes that proxies missed, once per run, except for those in ``owed``, which has them already.

        Raises Stop.
        """
        new = [host for host in self.lost if host not in self._recorded and host not in owed]
        if new:
            self._recorded.update(new)
            self._warn(self._steps.book(missed=new, gone=self._gone))

    def find_unlisted(self) -> None:
        """Warns of nodes that run a proxy but get no routes. Raises Stop if on_unlisted_proxy is fail."""
        path = self._asked.socket()
        if self._asked.on_unlisted == IGNORE or not path or not self.used:
            return
        nodes = [str(answer["node"]) for answer in self.answers.values() if answer.get("node")]
        hosts = list(self._asked.proxies)
        listed = list(dict.fromkeys([*hosts, *nodes, *self._steps.names(hosts)]))
        found = self._steps.book(folder=posixpath.dirname(path), listed=listed)
        if has_failed(found):
            raise Stop(failure_of(found))
        unlisted = found.get("unlisted") or []
        if unlisted and self._asked.on_unlisted == FAIL:
            text = (
                f"{', '.join(unlisted)} run a proxy, but are not among the proxies of the stack: they would not "
                "get the new routes. Add them to routes.proxies (stack_proxies, or the group swarm_proxies), or set "
                "on_unlisted_proxy to warn or ignore."
            )
            raise Stop({"msg": text, "error_code": "unlisted_proxy"})
        self._warn(found)

    def restore(self) -> None:
        """Applies the routes that the labels of the running services define to each proxy. Raises Stop."""
        live = self._steps.book()
        if "stacks" not in live:
            raise Stop(failure_of(live))
        # A domain that another stack has taken since stays with that stack; a warning says so.
        self._warn(live)
        routes = [route for one in live["stacks"] if one["name"] == self._stack["name"] for route in one["routes"]]
        self.apply(routes)

    def results(self) -> List[Result]:
        """Returns the fields about each proxy for the task's result."""
        return [
            {"proxy": host, **{name: self.answers[host][name] for name in SHOWN if name in self.answers[host]}}
            for host in self.used
            if host in self.answers
        ]

    def _record_answers(self, tried: Mapping[str, Result], changes: bool) -> None:
        """Records the answers of proxies. Raises Stop if one rejected the step.

        :param changes: whether the answers count as changes of this task, done or, in check mode, announced.
        """
        for host, answer in tried.items():
            if not changes:
                answer = {**answer, "changed": False}
            elif answer.get("changed"):
                self.changed = True
                self.diffs += [one for one in diffs(answer) if one not in self.diffs]
            before = self.answers.get(host, {})
            if changes and before.get("changed") and "changes" in answer:
                answer = {**answer, "changed": True, "changes": [*before["changes"], *answer["changes"]]}
            self.answers[host] = answer
        failed = refusal(list(tried.values()))
        if failed:
            raise Stop(failed)
        new = {host: why_lost(host, answer) for host, answer in tried.items() if is_lost(answer)}
        self.lost.update(new)
        if self._asked.on_lost != FAIL:
            self._add_warnings(*new.values())

    def _code_of_lost(self) -> str:
        answer = self.answers[next(iter(self.lost))]
        return str(answer.get("error_code") or "host_unreachable")

    def _warn(self, result: Mapping[str, Any]) -> None:
        # Unchanged: from ansible-core 2.19 on, a module's warnings are objects, not texts.
        self._add_warnings(*(result.get("warnings") or ()))
        if has_failed(result):
            raise Stop(failure_of(result))

    def _add_warnings(self, *texts: object) -> None:
        self.warnings += [text for text in texts if text not in self.warnings]
