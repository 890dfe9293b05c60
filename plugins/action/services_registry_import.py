# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Creates a registry of services from Compose files on the target."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Any, Dict, List

import ansible_collections.stackwright.swarm.plugins.plugin_utils.loading.bytecode as _  # noqa: F401
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import (
    ComposeError,
    Problem,
    StackwrightError,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.generated.options import REGISTRY_IMPORT
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compiling.target_files import (
    absolute,
    files_of,
    written,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.file_source import FileReader
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.piped_action import PipedAction
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.checks.check_registry import read_registry
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.importing.import_files import (
    Imported,
    import_files,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.model import RegistryError, Source

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.variables import Variables

MOST_WARNINGS = 20


class ActionModule(PipedAction):
    _supports_check_mode = True
    _supports_async = False

    def act(self, result: Dict[str, object], variables: Variables) -> Dict[str, Any]:
        try:
            options = self.checked(REGISTRY_IMPORT)
            if not options["src"]:
                raise StackwrightError("src names no file.", "invalid_options")
            files = files_of(self, variables)
            paths = [absolute(self, path) for path in options["src"]]
            dest = absolute(self, options["dest"])
            made = import_files(paths, reader=files, to=posixpath.dirname(dest))
            if options["strict"] and (made.problems or made.notices):
                raise ComposeError([*made.problems, *made.notices])
            found = self._findings(dest, made)
            before = _before(files, dest)
            if before not in (None, made.text) and not options["overwrite"]:
                raise StackwrightError(
                    f"{dest} already exists, and its content differs from the import.",
                    "registry_exists",
                    "Choose another dest, or set overwrite: true to replace it.",
                )
            done = written(self, dest, made.text, options["mode"], variables)
            result.update(changed=bool(done.get("changed")), dest=dest, files=made.files, services=made.services)
            if "diff" in done:
                result["diff"] = done["diff"]
            result["not_carried"] = [problem.as_dict() for problem in (*made.problems, *made.notices)]
            result["findings"] = [problem.as_dict() for problem in found]
            _warn(result, [*made.problems, *made.notices], found)
        except StackwrightError as error:
            result.update(error.details, failed=True, msg=str(error), error_code=error.error_code)
        return result

    @staticmethod
    def _findings(dest: str, made: Imported) -> List[Problem]:
        """Returns the problems and warnings of the new registry. It is written in any case, for the user to fix."""
        try:
            return list(read_registry([Source(dest, made.text.encode())])[1])
        except RegistryError as error:
            return list(error.problems)


def _before(files: FileReader, dest: str) -> Any:
    try:
        return files.read(dest).decode("utf-8", "replace")
    except FileNotFoundError:
        return None
    except IsADirectoryError:
        raise StackwrightError(f"{dest} is a directory.", "invalid_options", "Name a file in it.") from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "its name is not valid"
        raise StackwrightError(f"{dest} can't be read: {why}.", "file_unreadable") from None


def _warn(result: Dict[str, Any], lost: List[Problem], found: List[Problem]) -> None:
    texts = [str(problem) for problem in (*lost, *found)]
    warnings = result.setdefault("warnings", [])
    warnings += texts[:MOST_WARNINGS]
    if len(texts) > MOST_WARNINGS:
        warnings.append(f"{len(texts) - MOST_WARNINGS} more: see 'not_carried' and 'findings' in the result.")
