# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compiles the Compose files on the controller, then runs the module on a manager, once per cluster."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, NamedTuple, Optional

import ansible_collections.stackwright.swarm.plugins.plugin_utils.loading.bytecode as _  # noqa: F401
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.option_specs import (
    CHANGES,
    FILES,
    MANY,
    NOTIFY,
    PARTS,
    PLATFORM,
    STACK,
    VALUES,
    check_ranges,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import (
    ComposeError,
    Problem,
    StackwrightError,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.request.story import STORY
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.names import Stack

# Not in a function: Ansible loads this file once, and then starts a process for each host.
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compiling.task_files import compile_files
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.cluster_action import Result
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.meeting import Meeting
from ansible_collections.stackwright.swarm.plugins.plugin_utils.notifying.notifying_action import NotifyingAction
from ansible_collections.stackwright.swarm.plugins.plugin_utils.story.story_action import StoryAction
from ansible_collections.stackwright.swarm.plugins.plugin_utils.story.whole import Whole

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.variables import Variables

#: The number of notices shown as warnings. The result has all of them.
SHOWN_NOTICES = 20
#: The options of one stack, without those of the connection.
OPTIONS = {**STACK, **FILES, **PLATFORM, **PARTS, **CHANGES, **VALUES, **STORY, **NOTIFY}


class Prepared(NamedTuple):
    """One stack that is ready to deploy, with the data for a manager. ``desired`` is None if nothing was compiled."""

    options: Dict[str, Any]
    variables: Variables
    desired: Optional[Dict[str, Any]]
    stack: Mapping[str, Any]
    arguments: Dict[str, Any]
    handed: Dict[str, Any]


class ActionModule(NotifyingAction, StoryAction):
    module = "stackwright.swarm.compose_stack"
    #: Playbooks pass them to caddy_route.
    as_it_is = ("routes",)
    remembers = True
    prepared: Prepared

    def act(self, result: Dict[str, object], variables: Variables) -> Dict[str, Any]:
        try:
            options = self.checked({**OPTIONS, **MANY})
            check_ranges(options)
            if options["stacks"] is None:
                result.update(self.alone(options, variables))
            else:
                result.update(self._many(options, variables))
        except StackwrightError as error:
            result.update(error.details, failed=True, msg=str(error), error_code=error.error_code)
        return result

    def _many(self, options: Dict[str, Any], variables: Variables) -> Result:
        # Imported here, so that plays with one stack don't pay for it.
        from ansible_collections.stackwright.swarm.plugins.plugin_utils.stacks.many import Many

        done: Result = {}
        try:
            done = Many(self, options, variables, OPTIONS).result()
        finally:
            if "stacks" not in done and "done_by" not in done:
                # No stack has sent its own notification.
                self.notify_about("many stacks", options["notify"], options["commit_message"], variables)
        return done

    def alone(self, options: Dict[str, Any], variables: Variables) -> Result:
        """Returns the result of one stack. Raises StackwrightError."""
        has_story = options["routes"] is not None or options["preflight"]
        if options["on_changes"] == "plan" and has_story:
            raise StackwrightError("on_changes=plan can't be used with preflight or routes.", "invalid_options")
        self.only_looks = options["on_changes"] == "plan" and not self._task.check_mode
        name = Stack.of(options).full_name if options["name"] else ""
        self.notify_about(name, options["notify"], options["commit_message"], variables)

        def run(meeting: Optional[Meeting] = None) -> Result:
            self.prepare(options, variables)
            return self.carry_out(meeting)

        done: Result = self.in_order(variables, run) if has_story else run()
        if "stack_hash" in done:
            self.warn(done)
        return done

    def prepare(self, options: Dict[str, Any], variables: Variables) -> None:
        """Compiles the files. Raises StackwrightError."""
        desired = compile_files(self, options, variables) if options["state"] == "present" else None
        options["takes"] = _takes(options["takes"], desired)
        stack = desired["stack"] if desired else _named(options)
        self.stack_name = stack["name"]
        self.after_preflight = desired is not None
        arguments = {name: options[name] for name in CHANGES}
        # Variables and files stay on the controller.
        arguments.update(name=stack["name"], label_prefix=options["label_prefix"])
        arguments.update(self.connection_arguments(options))
        handed = {"identity": Stack.of(options).data} if desired is None else {"desired": desired}
        if desired and desired["values"]:
            arguments["values"] = options["values"]
            needed = {entry["name"] for entry in desired["values"]}
            self.use_vault(stack, options["values"], needed, variables)
        self.prepared = Prepared(options, variables, desired, stack, arguments, handed)

    def carry_out(self, meeting: Optional[Meeting] = None) -> Result:
        """Deploys the services; with a ``meeting``, also runs the preflight and the routes. Raises StackwrightError."""
        options, variables, desired, stack, arguments, handed = self.prepared
        if meeting is None:
            done = self.once_per_cluster(stack["name"], arguments, handed, variables)
        else:
            known = partial(self.proxy_of, meeting, variables)
            whole = Whole(
                self, options, desired, stack, arguments, variables, self._completed, meeting.of_clusters, known
            )
            self.own_proxy = whole.proxy_here()
            done = self.by_first(meeting, stack["name"], arguments, handed, variables, whole.run)
        if self.only_looks and not done.get("failed"):
            changes = bool(done.get("changed"))
            # This plan did not ask the image registries, so the deployment that follows reports the notices.
            done = {**done, "changed": False, "would_change": changes, **({"notices": []} if changes else {})}
        return self.finished(done)

    def finished(self, done: Result) -> Result:
        """Converts a result of the module to the result of the task."""
        options, _variables, desired, stack, _arguments, _handed = self.prepared
        return {
            **self._completed(done, desired, options["takes"]),
            "stack_id": stack["id"],
            "stack_hash": stack["hash"],
        }

    def _completed(self, done: Result, desired: Optional[Mapping[str, Any]], takes: List[str]) -> Result:
        """Adds the notices and routes that only the controller has to a result of the module."""
        if done.pop("told", False):
            return done
        # The compiler's notices have a place in a file; those of the plan are sentences about the Swarm.
        of_plan = [Problem(notice, code="plan").as_dict() for notice in done.get("notices", [])]
        done["notices"] = (desired["notices"] if desired else []) + of_plan
        if desired:
            self._add_routes(done, desired["routes"], takes)
        return done

    def _add_routes(self, result: Dict[str, Any], routes: List[Any], takes: List[str]) -> None:
        """Adds the desired routes of the stack in proxies, and their entries in the Swarm's record."""
        record = result.pop("routing", {})
        yields = {name: other for name, other in record.get("yields", {}).items() if name not in takes}
        result["routes"] = [route for route in routes if route.get("domain") not in yields]
        result["takes"] = sorted({*takes, *record.get("takes", ())})
        result["owed"] = record.get("owed", [])
        lost = {route["domain"]: yields[route["domain"]] for route in routes if route.get("domain") in yields}
        hint = "Remove the domain from the files, or take it back with the option takes."
        result["notices"] += [
            Problem(
                f"the stack {other} has taken {name}, so this stack no longer gets a route for it",
                code="taken",
                hint=hint,
            ).as_dict()
            for name, other in sorted(lost.items())
        ]

    def warn(self, result: Result, only_plan: bool = False) -> None:
        """Adds the first notices of a result to its warnings; with ``only_plan``, only those about the Swarm."""
        # The notices about the Swarm come first: they are few, and report unhealthy services.
        notices = [one for one in result.get("notices", ()) if not only_plan or one.get("code") == "plan"]
        warnings = result.setdefault("warnings", [])
        by_place = sorted(notices, key=lambda notice: notice.get("code") != "plan")
        warnings += [str(Problem(**notice)) for notice in by_place[:SHOWN_NOTICES]]
        rest = len(notices) - SHOWN_NOTICES
        if rest > 0:
            warnings.append(f"{rest} more notice{'' if rest == 1 else 's'}: see 'notices' in the result.")

    def may_remember(self, arguments: Mapping[str, Any]) -> bool:
        changes = arguments["restart"] or arguments["plan_id"]
        if changes or arguments["resolve_image"] == "always" or arguments.get("values", {}).get("regenerate"):
            return False
        return super().may_remember(arguments)

    def repeated(self, arguments: Mapping[str, Any], last: Result, kept: bool) -> Mapping[str, Any]:
        # The first attempt has already stored the regenerated values.
        return {**arguments, "values": {**arguments["values"], "regenerate": []}} if kept else arguments


def _named(options: Mapping[str, object]) -> Dict[str, str]:
    if not options["name"]:
        raise ComposeError([Problem(f"state {options['state']} needs the stack's name", "name", code="required")])
    stack = Stack.of(options)
    return {"name": stack.full_name, "id": stack.id, "hash": stack.hash}


def _takes(given: List[str], desired: Optional[Mapping[str, Any]]) -> List[str]:
    """Returns the domains that the stack takes, in the form of its routes. Raises ComposeError, RouteError."""
    if not given or desired is None:
        return []
    from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.route_options import domains

    found = domains(given)
    own = {route.get("domain") for route in desired["routes"]}
    wrong = [name for name in found if not {name, "*." + name.partition(".")[2]} & own]
    if wrong:
        message = f"takes lists domains that the stack has no route for: {', '.join(wrong)}"
        raise ComposeError([Problem(message, "takes", code="invalid_route")])
    return found
