# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the stacks of a Swarm as Compose files on the controller; a manager reads the Swarm for it."""

from __future__ import annotations

import json
import posixpath
from secrets import token_hex
from typing import TYPE_CHECKING, Any, Dict, List, Mapping

import ansible_collections.stackwright.swarm.plugins.plugin_utils.loading.bytecode as _  # noqa: F401
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.option_specs import COMPILED
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.generated.folder import (
    FolderError,
    digest,
    look,
    packed,
    unpacked,
    write,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.parts.export_options import STACK_EXPORT, Options
from ansible_collections.stackwright.swarm.plugins.module_utils.values.seal import unseal
from ansible_collections.stackwright.swarm.plugins.plugin_utils.exporting.playbook import LOOSE, STACKS, playbook_files
from ansible_collections.stackwright.swarm.plugins.plugin_utils.exporting.stack import Exported
from ansible_collections.stackwright.swarm.plugins.plugin_utils.exporting.whole import export_stacks, export_swarm
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.piped_action import PipedAction
from ansible_collections.stackwright.swarm.plugins.plugin_utils.writing.yaml_text import yaml_text

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.variables import Variables
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.exporting.surroundings import Snapshot

MODULE = "stackwright.swarm.stack_export"
OPTIONS_FILE = "stack.yml"
MOST_WARNINGS = 20
#: Comparisons of the folder if another host of the play writes into it at the same time.
TRIES = 5


class ActionModule(PipedAction):
    _supports_check_mode = True
    _supports_async = False

    def act(self, result: Dict[str, object], variables: Variables) -> Dict[str, Any]:
        try:
            options = self.checked(STACK_EXPORT)
            given = Options(**{name: options[name] for name in STACK_EXPORT})
            _check(given)
            key = token_hex(32)
            arguments = {**self._task.args, COMPILED: json.dumps({"key": key})}
            done: Dict[str, Any] = self._execute_module(MODULE, module_args=arguments, task_vars=variables)
            if done.get("failed"):
                return done
            try:
                observed = unseal(key, str(done.pop("sealed_values", "")))
            except ValueError:
                raise StackwrightError(
                    "The manager's answer can't be read. Nothing was written.", "bad_answer"
                ) from None
            dest = str(self._loader.path_dwim(given.dest))
            result.update({name: done[name] for name in ("cluster_id", "node")})
            result.update(self._export(given, observed, dest))
        except StackwrightError as error:
            result.update(error.details, failed=True, msg=str(error), error_code=error.error_code)
        return result

    def _export(self, options: Options, observed: Snapshot, dest: str) -> Dict[str, Any]:
        loose: List[Exported] = []
        if options.all:
            stacks, loose, refused = export_swarm(observed, options.label_prefix)
        else:
            stacks, refused = export_stacks(options.name, observed, options.label_prefix), []
        refused = [*refused, *(observed.get("notices") or [])]
        lost = [*refused, *(one for made in (*stacks, *loose) for one in made.lost)]
        if lost and options.strict:
            raise StackwrightError(
                "The export would be incomplete:\n" + "\n".join(lost),
                "not_exportable",
                "Nothing was written. Without strict, the files are written, and name what they lack.",
                {"not_exported": lost},
            )
        top = f"{STACKS}/" if options.all else ""
        places = [(f"{top}{one.name}", one) for one in stacks] + [(f"{LOOSE}/{one.name}", one) for one in loose]
        private = {f"{place}/{path}": text for place, one in places for path, text in _files_of(one).items()}
        files = {**private, **(playbook_files(stacks, loose, refused, observed) if options.playbook else {})}
        written = self._written(dest, files, private, options.overwrite)
        listed = [
            {
                "name": one.name,
                "folder": place,
                "services": one.services,
                "loose": one.loose,
                "not_exported": one.lost,
                "options": dict(one.options),
                "secrets": one.secrets,
            }
            for place, one in places
        ]
        more = [f"{len(lost) - MOST_WARNINGS} more: see 'not_exported'."] if len(lost) > MOST_WARNINGS else []
        result = {"changed": bool(written), "dest": dest, "stacks": listed, "written": written, "not_exported": lost}
        if self._task.diff:
            # Files may contain passwords, so a diff only names them.
            result["diff"] = [{"before": "", "after": "".join(f"{path}\n" for path in written), "after_header": dest}]
        return {**result, "warnings": [*lost[:MOST_WARNINGS], *more]}

    def _written(
        self, dest: str, files: Mapping[str, bytes], private: Mapping[str, bytes], overwrite: bool
    ) -> List[str]:
        """Writes the files that differ; returns their paths, also in check mode. Raises StackwrightError."""
        for attempt in range(TRIES):
            found = look(dest, "", list(files))
            if found["odd"]:
                path, why = sorted(found["odd"].items())[0]
                raise FolderError(f"{posixpath.join(dest, path)} {why}.", hint="Move it away, or choose another dest.")
            before = {path: unpacked(content) for path, content in found["files"].items()}
            new = {path: content for path, content in files.items() if before.get(path) != content}
            others = sorted(path for path in new if path in before)
            if others and not overwrite:
                raise StackwrightError(
                    f"{dest} has other files of these names: {', '.join(others)}.",
                    "export_exists",
                    "Nothing was written. Set overwrite: true to replace them, or choose another dest.",
                )
            if self._task.check_mode or not new:
                break
            try:
                seen = {path: digest(before.get(path)) for path in new}
                write(dest, {path: packed(content) for path, content in new.items()}, (), seen, private)
                break
            except FolderError as error:
                if error.error_code != "conflict" or attempt == TRIES - 1:
                    raise
        return sorted(new)


def _check(options: Options) -> None:
    """Raises StackwrightError (``invalid_options``)."""
    wrong = ""
    if bool(options.name) == options.all:
        wrong = "Set either name or all: true."
    elif options.playbook and not options.all:
        wrong = "playbook: true writes a whole Swarm. Set all: true as well."
    if wrong:
        raise StackwrightError(wrong, "invalid_options")


def _files_of(one: Exported) -> Dict[str, bytes]:
    options = {name: value for name, value in one.options.items() if (name, value) != ("name", one.name)}
    return {**one.files, **({OPTIONS_FILE: yaml_text(options).encode()} if options else {})}
