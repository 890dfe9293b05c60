# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many stacks in one task of compose_stack: reads them, compares them together, deploys them, and shows a table."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Dict, List

from ansible.errors import AnsibleConnectionFailure, AnsibleError

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.connection_options import CONNECTION
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.option_specs import MANY, check_ranges
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError, plain_text
from ansible_collections.stackwright.swarm.plugins.module_utils.masking.shown import shown
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.names import Stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.plain import plain
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compiling.found_file import found_file
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.election import TAKE_OVER
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.meeting import Meeting
from ansible_collections.stackwright.swarm.plugins.plugin_utils.stacks.listed import (
    StackListError,
    each_stack,
    merged,
    shared,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.stacks.order import FAILED, Order, resolved
from ansible_collections.stackwright.swarm.plugins.plugin_utils.stacks.side_by_side import run_all
from ansible_collections.stackwright.swarm.plugins.plugin_utils.stacks.table import message, rows
from ansible_collections.stackwright.swarm.plugins.plugin_utils.stacks.together import Part, look, unchanged

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.variables import Variables

Result = Dict[str, Any]


class Many:
    """The stacks of one task on one host.

    :param action: the action of compose_stack. Each stack gets its own action of this class.
    :param spec: the options of one stack.
    """

    def __init__(self, action: Any, options: Mapping[str, Any], variables: Variables, spec: Mapping[str, Any]) -> None:
        self._action, self._variables, self._spec = action, variables, spec
        self._listed, self._shows, self._at_once = options["stacks"], options["show"], int(options["at_once"])
        self._connection = action.connection_arguments(options)
        self._parts: Dict[str, Part] = {}
        self._wanted: Dict[str, Dict[str, Any]] = {}
        #: The failures of stacks that don't compile.
        self._broken: Dict[str, Result] = {}

    def result(self) -> Result:
        """Returns the result of the task. Raises StackwrightError."""
        done: Result = self._action.in_order(self._variables, self._run)
        return done

    def _run(self, meeting: Meeting) -> Result:
        after = self._read()
        self._prepare()
        parts = [part for name, part in self._parts.items() if name not in self._broken]
        if not parts:
            return self._work(after, {})
        looked, looks = look(self._action, parts, self._connection, self._variables)
        if looked.get("failed"):
            return looked
        compiled = {part.name: [part.wanted, part.action.prepared.handed] for part in parts}
        wanted = [compiled, {name: one["msg"] for name, one in self._broken.items()}, after]
        led: Result = self._action.led(
            meeting, "stacks", looked, wanted, self._variables, lambda: self._work(after, looks)
        )
        return led

    # -- before any host is asked

    def _read(self) -> Dict[str, List[str]]:
        """Reads the list. Returns the stacks before each stack, by its name. Raises StackwrightError."""
        action = self._action
        own = [*MANY, *CONNECTION, *_aliases(), "show"]
        every = shared(action._task.args, own)
        after, names = {}, {}
        for entry in each_stack(self._listed, self._folder, own):
            part, options = self._part(merged(every, entry), str(entry["name"]))
            if part.name in after:
                raise StackListError(
                    f"The stack {part.name} is in the list twice. Nothing was changed.", "duplicate_stack"
                )
            self._parts[part.name], self._wanted[part.name] = part, options
            after[part.name], names[part.name] = entry["after"], str(entry["name"])
        return resolved(after, names)

    def _folder(self, path: str) -> str:
        try:
            return found_file(self._action, path)
        except AnsibleError:
            raise StackListError(
                f"The folder {path} does not exist on the controller. Set an absolute path, or put it next to the play."
            ) from None

    def _part(self, arguments: Dict[str, object], name: str) -> Any:
        """Returns a stack before it is compiled, and its options. Raises StackwrightError with its name."""
        own = self._action
        task = own._task.copy()
        task.args = {**arguments, **self._connection, "show": self._shows}
        # A separate id, so that its meetings differ from those of the task and of other stacks.
        task._uuid = f"{own._task._uuid}/{name}"
        loaders = (own._loader, own._templar, own._shared_loader_obj)
        action = type(own)(task, own._connection, own._play_context, *loaders)
        action._variables, action.is_part = self._variables, True
        try:
            options = action.checked(self._spec)
            check_ranges(options)
            return Part(Stack.of(options).full_name, action), options
        except StackwrightError as error:
            raise StackwrightError(f"stack {name}: {error} Nothing was changed.", error.error_code) from None

    def _prepare(self) -> None:
        for name, part in self._parts.items():
            try:
                part.action.prepare(self._wanted[name], self._variables)
            except StackwrightError as error:
                self._broken[name] = {**_failure(error), "stack": name}

    # -- the work, on one host of a cluster

    def _work(self, after: Mapping[str, List[str]], looks: Mapping[str, Result]) -> Result:
        check = bool(self._action._task.check_mode)
        parts = list(self._parts.values())
        order = Order(after, unchanged(self._action, parts, looks), self._at_once, check)
        run_all(order, self._run_one, self._show, time.monotonic)
        results = [{"stack": name, **order.results[name]} for name in self._parts]
        # If no stack compiles, all hosts have the same result, and only the first one shows it.
        shows_rows = len(self._broken) < len(parts) or not self._action.earlier(self._variables)
        for row in rows(results, check) if self._shows and shows_rows else ():
            self._action.say(row)
        return self._summary(results)

    def _run_one(self, name: str, say: Callable[[str], None]) -> Result:
        """Returns the result of one stack. Runs in a separate process."""
        action = self._parts[name].action
        # Started here, because its threads belong to this process.
        wanted = self._wanted[name]
        action.notify_about(name, wanted["notify"], wanted["commit_message"], self._variables)
        if name in self._broken:
            done = dict(self._broken[name])
            action.ended(done)
            return done
        action.say = say
        # The manager was just asked, and has no memory of this run.
        action.remembers = False
        try:
            done = action.in_order(self._variables, action.carry_out)
        except AnsibleConnectionFailure as error:
            changed = bool(getattr(error, "changed", False))
            done = {"unreachable": True, "changed": changed, "error_code": "host_unreachable", "msg": str(error)}
        except StackwrightError as error:
            done = _failure(error)
        except Exception as error:
            done = {"failed": True, "changed": False, "error_code": "failed", "msg": plain_text(str(error))}
        action.warn(done, only_plan=not done.get("changed") and not done.get("failed"))
        done.pop("exception", None)  # Ansible adds one for the whole task
        done["warnings"] = [text_of(warning) for warning in done["warnings"]]
        result: Result = shown(plain({**done, "stack": name}), action.as_it_is)
        action.ended(result)
        return result

    def _show(self, name: str, line: str) -> None:
        self._action.say(f"{name}: {line}")

    def _summary(self, results: List[Result]) -> Result:
        done: Result = {"changed": any(one.get("changed") for one in results), "stacks": results}
        done["diff"] = [diff for one in results for diff in _diffs(one)]
        done["warnings"] = [f"{one['stack']}: {text}" for one in results for text in one.pop("warnings", ())]
        clusters = [one["cluster_id"] for one in results if one.get("cluster_id")]
        done.update({"cluster_id": clusters[0]} if clusters else {})
        text = message(results)
        if text:
            codes = [str(one.get("error_code") or "failed") for one in results if one["result"] == FAILED]
            # With such a code, another manager of the play takes over.
            lost = [code for code in codes if code in TAKE_OVER]
            done.update(failed=True, msg=text, error_code=lost[0] if lost else "stacks_failed")
            done.update({"unreachable": True} if any(one.get("unreachable") for one in results) else {})
        return done


def text_of(warning: object) -> str:
    """Returns a warning as text: from ansible-core 2.19 on, warnings of modules are objects."""
    details = getattr(warning, "details", None) or ()
    return "; ".join(str(getattr(one, "msg", one)) for one in details) or str(getattr(warning, "msg", warning))


def _failure(error: StackwrightError) -> Result:
    changed = {"changed": False, "failed": True}
    return {**changed, **error.details, "msg": str(error), "error_code": error.error_code}


def _diffs(one: Result) -> List[Any]:
    found = one.pop("diff", None) or []
    return found if isinstance(found, list) else [found]


def _aliases() -> List[str]:
    return [alias for option in CONNECTION.values() for alias in option.get("aliases", ())]
