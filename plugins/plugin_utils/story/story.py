# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of the steps of a deployment with routes; why this order: docs/decisions/0009 and 0040."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Dict, List, NamedTuple, Optional

from ansible_collections.stackwright.swarm.plugins.plugin_utils.story.asked import BEFORE, RoutesAsked
from ansible_collections.stackwright.swarm.plugins.plugin_utils.story.judging import (
    diffs,
    failure_of,
    has_failed,
    is_overtaken,
    joined,
    pruned_services,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.story.proxies import Proxies, Stop
from ansible_collections.stackwright.swarm.plugins.plugin_utils.story.steps import Result, Steps

PRESENT, STOPPED, ABSENT = "present", "stopped", "absent"
BACK = "The routes of the running services were restored."
AHEAD = (
    "The proxies have the routes of the new version already, and the manager may go on with the deployment: run this "
    "again when its host can be reached."
)


class Asked(NamedTuple):
    """The options of a task, except those about its services."""

    state: str
    routes: Optional[RoutesAsked]
    preflight: bool
    prune: bool
    takes: List[str]
    check: bool


class Story:
    """One run for one stack, by one manager.

    :param stack: the data of the stack: ``name`` (the full one) and ``id``.
    """

    def __init__(self, steps: Steps, asked: Asked, stack: Mapping[str, object]) -> None:
        self._steps, self._asked, self._stack = steps, asked, stack
        gone = asked.state == ABSENT
        routes = asked.routes if asked.state != STOPPED else None
        self._proxies = Proxies(steps, routes, stack, asked.check, gone) if routes is not None else None
        #: The last result of the services.
        self._done: Result = {}
        self._preflight: Result = {}

    def run(self, looked: Result) -> Result:
        """Runs the steps and returns the whole result.

        :param looked: the result of a check of the services: their plan, and their current state.
        """
        self._looked = looked
        self._done = dict(looked)
        if looked.get("changed") and not self._asked.check:
            # The plan is not yet carried out.
            self._done["changed"] = False
            self._done.pop("diff", None)
        try:
            if self._asked.state == PRESENT:
                self._present()
            else:
                self._end()
        except Stop as stop:
            changed = bool(self._done.get("changed") and not self._asked.check)
            self._done = {**self._done, **stop.result, "changed": changed or bool(stop.result.get("changed"))}
        return self._whole()

    # -- the states

    def _present(self) -> None:
        plan = self._looked.get("plan") or []
        if self._asked.preflight and plan:
            self._preflight = self._steps.preflight()
            if self._preflight.get("failed"):
                raise Stop(self._preflight)
        if self._proxies is None:
            self._deploy(self._asked.prune)
            return
        proxies, routes = self._proxies, self._looked.get("routes") or []
        proxies.find(routes)
        proxies.apply(routes, self._looked.get("takes") or (), look=True)
        differ = proxies.differ
        proxies.fill(self._looked.get("owed") or [])
        if routes and plan:
            proxies.find_unlisted()
        if self._asked.check:
            return
        # Also in a run without changes: an earlier run may have ended just before this step.
        if routes or plan:
            proxies.record_lost(self._looked.get("owed") or [])
        # A service must lose its route before it is removed, so the removal is a separate step.
        leaving = pruned_services(plan) if self._asked.prune and differ else []
        prune = self._asked.prune and not leaving
        if self._asked.routes is not None and self._asked.routes.switch == BEFORE:
            self._switch_first(proxies, prune)
        else:
            self._switch_last(proxies, prune, differ)
        if leaving:
            self._prune(leaving)

    def _switch_last(self, proxies: Proxies, prune: bool, differ: bool) -> None:
        self._deploy(prune)
        done = self._done
        if self._asked.takes:
            # Recorded before the switch, so that the next run completes one that was interrupted in between.
            recorded = self._steps.book(takes=self._asked.takes)
            if has_failed(recorded):
                raise Stop(failure_of(recorded))
            proxies.changed = proxies.changed or bool(recorded.get("changed"))
        if differ or done.get("changed"):
            proxies.apply(done.get("routes") or [], done.get("takes") or ())

    def _switch_first(self, proxies: Proxies, prune: bool) -> None:
        try:
            proxies.apply(self._looked.get("routes") or [], self._looked.get("takes") or ())
            self._deploy(prune)
        except Stop as stop:
            if stop.result.get("unreachable"):
                # The end of the deployment is unknown, and the routes of the running services can't be read.
                raise Stop({**stop.result, "msg": f"{stop} {AHEAD}"}) from None
            # The services were rolled back, including their labels.
            cause = f"{stop} ({stop.result.get('error_code') or ''})"
            try:
                proxies.restore()
            except Stop as second:
                raise Stop({**stop.result, "msg": f"{cause} The routes could not be restored: {second}"}) from None
            raise Stop({**stop.result, "msg": f"{cause} {BACK}"}) from None

    def _prune(self, leaving: List[str]) -> None:
        # The routes were switched without the stack's lock. If another deployment has created services since, pruning
        # by these files would remove them.
        planned = self._steps.plan_prune()
        if has_failed(planned):
            raise Stop(failure_of(planned))
        if is_overtaken(planned.get("plan") or [], leaving):
            text = (
                f"Another deployment of {self._stack['name']} ran in between, so objects that are no longer in the "
                "files were not removed (conflict). Removing them would change: "
                f"{'; '.join(planned.get('plan_lines') or [])}. Deploy again with the right files."
            )
            raise Stop({"msg": text, "error_code": "conflict"})
        if planned.get("changed"):
            last = self._steps.prune(str(planned.get("plan_id") or ""))
            if has_failed(last):
                raise Stop(last)
            self._done = joined(self._done, last)

    def _end(self) -> None:
        """Stops or removes the stack: the routes go first."""
        if self._proxies is not None:
            self._proxies.find([])
            self._proxies.apply([])
        self._deploy(self._asked.prune)

    def _deploy(self, prune: bool) -> None:
        if self._asked.check or not self._looked.get("changed"):
            return
        done = self._steps.deploy(prune)
        if has_failed(done):
            raise Stop(done)
        self._done = done

    # -- the result

    def _whole(self) -> Result:
        done: Dict[str, Any] = {**self._done}
        warnings = list(done.pop("warnings", []))
        if self._preflight:
            done.setdefault("findings", self._preflight.get("findings", []))
            warnings += [text for text in self._preflight.get("warnings", []) if text not in warnings]
            if self._preflight.get("unchecked"):
                done["unchecked"] = self._preflight["unchecked"]
        if self._proxies is not None:
            done["routes_result"] = self._proxies.results()
            done["changed"] = bool(done.get("changed") or self._proxies.changed)
            if self._proxies.diffs:
                done["diff"] = [*diffs(done), *self._proxies.diffs]
            warnings += [text for text in self._proxies.warnings if text not in warnings]
        if warnings:
            done["warnings"] = warnings
        return done
