# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks a registry and generates its files on the controller; the module reads and writes them on the target."""

from __future__ import annotations

import json
import os
import posixpath
from functools import partial
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Sequence

import ansible_collections.stackwright.swarm.plugins.plugin_utils.loading.bytecode as _  # noqa: F401
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.option_specs import COMPILED
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.generated.folder import digest, packed, unpacked
from ansible_collections.stackwright.swarm.plugins.module_utils.generated.options import REGISTRY_COMPOSE
from ansible_collections.stackwright.swarm.plugins.module_utils.generated.steps import do_step
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.piped_action import PipedAction
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.checks.check_registry import (
    checked,
    sources_of,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.checks.images import (
    check_image_health,
    images_to_ask,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.generate.changes import (
    Change,
    compare,
    service_changes,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.generate.files import (
    FOLDER,
    ORCHESTRATOR,
    RESERVED,
    generate,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.generate.shown import (
    diff_of,
    edited_error,
    outdated_error,
    result_of,
)

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.variables import Variables

#: The number of warnings shown. The result has all of them.
SHOWN = 20


class ActionModule(PipedAction):
    module = "stackwright.swarm.services_registry_compose"
    #: Runs one step on the target, and returns its answer.
    _ask: Callable[[Mapping[str, object]], Dict[str, Any]]

    def act(self, result: Dict[str, object], variables: Variables) -> Dict[str, Any]:
        try:
            # Paths are on the target: "~" must not expand to the home of the controller's user.
            texts = {name: {**spec, **_as_text(spec)} for name, spec in REGISTRY_COMPOSE.items()}
            # The module defaults of the action group set connection options, which this module does not use.
            given = self.checked(texts)
            options = {name: given[name] for name in texts}
            result.update(self._generated(options, variables))
        except StackwrightError as error:
            result.update({"changed": False, **error.details}, failed=True, msg=str(error), error_code=error.error_code)
        return result

    def _generated(self, options: Dict[str, Any], variables: Variables) -> Dict[str, Any]:
        paths = [options["src"], *options["overlays"]]
        self._ask = partial(self._module, options, variables)
        seen = self._look(True, RESERVED)
        sources = sources_of(seen["sources"])
        registry, findings = checked(sources, options["strict"], options["accept"])
        if options["check_images"]:
            images = images_to_ask(registry)
            answers = self._ask({"images": sorted(images)})["facts"] if images else {}
            check_image_health(registry, images, answers, findings)
        names = ", ".join(posixpath.basename(path) for path in paths)
        wanted = generate(registry, findings, names, options["label_prefix"])
        findings.finish()
        _refuse(seen)
        elsewhere = [path for path in wanted if path not in RESERVED and not path.startswith(f"{FOLDER}/")]
        dest = seen["dest"]
        named = _included(dest["files"])
        more = [
            path for path in {*elsewhere, *named} if path not in dest["files"] and not path.startswith(f"{FOLDER}/")
        ]
        if more:
            again = self._look(False, sorted(more))
            _refuse(again)
            dest = {kind: {**dest[kind], **again["dest"][kind]} for kind in dest}
        for path, what in dest["odd"].items():
            if any(name == path or name.startswith(f"{path}/") for name in wanted):
                hint = "Remove it, or choose another dest."
                raise StackwrightError(f"{path} in {options['dest']} {what}.", "dest_unusable", hint)
        before = {path: unpacked(content).decode("utf-8", "replace") for path, content in dest["files"].items()}
        change = compare(before, wanted, names.partition(", ")[0])
        if change.foreign and not options["overwrite_edited"]:
            raise edited_error(options["dest"], change, before, wanted)
        result = result_of(options["dest"], registry, wanted, change, findings.warnings)
        touched = {*change.write, *change.remove}
        if touched:
            result["changes"] = service_changes(
                {path: text for path, text in before.items() if path in touched},
                {path: wanted[path] for path in change.write},
            )
            if self._task.diff:
                result["diff"] = diff_of(options["dest"], change, before, wanted, result["changes"])
        if touched and options["verify"]:
            raise outdated_error(paths[0], result)
        if touched and not self._task.check_mode:
            self._write(change, wanted, dest["files"])
        _warn(result)
        return result

    def _look(self, sources: bool, names: Sequence[str]) -> Dict[str, Any]:
        step = {"look": {"sources": sources, "folder": FOLDER, "names": list(names)}}
        found: Dict[str, Any] = self._ask(step)["facts"]
        return found

    def _write(self, change: Change, wanted: Mapping[str, str], existing: Mapping[str, str]) -> None:
        # The orchestrator comes last, so that all files that it includes exist.
        order = sorted(change.write, key=lambda path: path == ORCHESTRATOR)
        seen = {path: digest(unpacked(existing[path])) for path in (*order, *change.remove) if path in existing}
        files = {path: packed(wanted[path].encode()) for path in order}
        self._ask({"write": {"files": files, "remove": change.remove, "seen": seen}})

    def _is_here(self) -> bool:
        """Returns whether the target is this machine and user, so files need no module."""
        return self._connection.transport == "local" and self._connection.become is None

    def _module(self, options: Dict[str, Any], variables: Variables, step: Mapping[str, object]) -> Dict[str, Any]:
        if self._is_here() and "images" not in step:
            paths = {name: _expanded(options[name]) for name in ("src", "overlays", "dest")}
            return do_step({**options, **paths}, step, self._task.check_mode)
        given = {**options, COMPILED: json.dumps(step, sort_keys=False, separators=(",", ":"))}
        done: Dict[str, Any] = self._execute_module(self.module, module_args=given, task_vars=variables)
        if done.get("failed") or "msg" in done:
            details: Dict[str, Any] = {key: done[key] for key in ("changed", "written", "removed") if key in done}
            message = str(done.get("msg") or done.get("module_stderr") or "the module has failed")
            raise StackwrightError(message, done.get("error_code") or "error", details=details)
        return done


def _as_text(spec: Mapping[str, object]) -> Dict[str, str]:
    return {key: "str" for key in ("type", "elements") if spec.get(key) == "path"}


def _expanded(given: Any) -> Any:
    """Expands a path, or each path of a list, as AnsibleModule does."""
    if isinstance(given, list):
        return [_expanded(path) for path in given]
    return os.path.expanduser(os.path.expandvars(given))


def _refuse(seen: Mapping[str, Any]) -> None:
    if "refused" in seen:
        raise StackwrightError(seen["refused"]["message"], seen["refused"]["code"], seen["refused"]["hint"])


def _included(files: Mapping[str, str]) -> List[str]:
    """Returns the files that the orchestrator of the last run includes; some may be outside of the usual folder."""
    text = unpacked(files[ORCHESTRATOR]).decode("utf-8", "replace") if ORCHESTRATOR in files else ""
    lines = [line.partition("- path:")[2].strip().strip('"') for line in text.splitlines() if "- path:" in line]
    return [path for path in lines if path and not path.startswith(("/", ".")) and "/.." not in path]


def _warn(result: Dict[str, Any]) -> None:
    texts = [notice.pop("text") for notice in result["notices"]]
    rest = len(texts) - SHOWN
    result.setdefault("warnings", []).extend(texts[:SHOWN])
    if rest > 0:
        result["warnings"].append(f"{rest} more notice{'' if rest == 1 else 's'}: see 'notices' in the result.")
