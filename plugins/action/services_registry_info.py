# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows a registry of services, and compares it with what is deployed on the target's Swarm."""

from __future__ import annotations

import posixpath
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Dict, List, Mapping

from ansible.errors import AnsibleError

import ansible_collections.stackwright.swarm.plugins.plugin_utils.loading.bytecode as _  # noqa: F401
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.connection_options import CONNECTION
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.option_specs import STACK
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.generated.options import REGISTRY_INFO
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.names import Stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.plain import as_texts
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compiling.found_file import found_file
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compiling.provenance import commit_of
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compiling.target_files import absolute, slurped
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.file_source import FileReader
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.local_files import LocalFiles
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.piped_action import PipedAction
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.checks.check_registry import checked
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.generate.stacks import by_category
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.generate.whole import (
    definition,
    project_of,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.model import Registry, Source
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.showing.deployed import compared
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.showing.describe import (
    described,
    steps,
    with_needed,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.showing.provenance import (
    changed_since,
    metadata_of,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.showing.rollouts import (
    gone,
    undoing,
    unfinished,
)

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.variables import Variables
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.report.shapes import Revision
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.report.shapes import Stack as Deployed

MOST_WARNINGS = 20


class ActionModule(PipedAction):
    _supports_check_mode = True
    _supports_async = False

    def act(self, result: Dict[str, Any], variables: Variables) -> Dict[str, Any]:
        try:
            options = self.checked({**STACK, **REGISTRY_INFO})
            paths = [self._found(path, options["remote_src"]) for path in (options["src"], *options["overlays"])]
            reader: FileReader = slurped(self, variables) if options["remote_src"] else LocalFiles()
            sources = [Source(path, read_one(reader, path)) for path in paths]
            registry, findings = checked(sources, options["strict"], options["accept"])
            per_category = options["stacks"] == "per_category"
            if per_category and options["name"]:
                project = project_of(registry, findings, options["label_prefix"])
                base = Stack.of(options).full_name
                definitions, result["networks"] = by_category(
                    registry, project, base, options["absent_networks"], findings
                )
            elif options["definition"]:
                result["definition"] = definition(registry, findings, options["label_prefix"])
            findings.finish()
            found = findings.warnings
            commit = {} if options["remote_src"] else commit_of(posixpath.dirname(paths[0]))
            result.update(changed=False, **described(registry))
            only = _only(registry, options["only"])
            result["steps"] = steps(registry, only, per_category)
            result["checksum"], result["metadata"] = registry.checksum, metadata_of(registry, commit)
            result["findings"] = [problem.as_dict() for problem in found]
            if options["name"] and per_category:
                result["stacks"] = [
                    {
                        "name": f"{options['name']}-{category}",
                        "category": category,
                        "services": [service.name for service in services if only and service.name in only],
                        "definition": definitions[category],
                        "metadata": {"registry_stack": f"{base}/{category}"},
                    }
                    for category, services in registry.categories.items()
                    if only is None or any(service.name in only for service in services)
                ]
            elif options["name"]:
                chosen = [name for name in registry.services if only and name in only]
                result["stacks"] = [{"name": options["name"], "category": "", "services": chosen, "metadata": {}}]
            if options["name"] and options["compare"]:
                self._compare(result, registry, options, variables)
            warnings = result.setdefault("warnings", [])
            warnings += [str(problem) for problem in found[:MOST_WARNINGS]]
            if len(found) > MOST_WARNINGS:
                warnings.append(f"{len(found) - MOST_WARNINGS} more: see 'findings' in the result.")
        except StackwrightError as error:
            result.update(error.details, failed=True, msg=str(error), error_code=error.error_code)
        return result

    def _found(self, path: str, remote: bool) -> str:
        if remote:
            return absolute(self, path)
        try:
            return found_file(self, path)
        except AnsibleError:
            raise missing(
                path, "It is searched for on the controller. For a file on the target, set remote_src: true."
            ) from None

    def _compare(
        self, result: Dict[str, Any], registry: Registry, options: Mapping[str, Any], variables: Variables
    ) -> None:
        """Adds the deployed services, and this registry's rollouts from the history."""
        stack = Stack.of(options)
        wanted = {replace(stack, name=entry["name"]).full_name: entry for entry in result["stacks"]}
        given = {name: options[name] for name in CONNECTION if name in self._task.args}
        arguments = {**given, "history": True, "label_prefix": options["label_prefix"]}
        many = options["stacks"] == "per_category"
        if not many:
            (arguments["name"],) = wanted
        answer = self._execute_module("stackwright.swarm.stack_info", module_args=arguments, task_vars=dict(variables))
        if answer.get("failed"):
            raise StackwrightError(
                str(answer.get("msg", "stack_info has failed")), str(answer.get("error_code", "engine_error"))
            )
        stacks: List[Deployed] = [stack for stack in answer["stacks"] if stack["name"] in wanted]
        result["deployed"] = compared(registry, stacks, as_texts(options["variables"]))
        result["revisions"] = [_revision(stack, registry) for stack in stacks]
        old = gone(answer["stacks"], stack.full_name, list(registry.categories)) if many else {}
        result["gone"] = sorted(old.values())
        running = {stack["name"] for stack in stacks if stack["services"]}
        for full, entry in wanted.items():
            entry["new"] = full not in running
        names = {full: f"{options['name']}-{category}" for full, category in old.items()}
        names.update((full, entry["name"]) for full, entry in wanted.items())
        stacks += [stack for stack in answer["stacks"] if stack["name"] in old]
        result["unfinished"] = unfinished(stacks, registry.checksum)
        if options["run"]:
            result["rollback"] = undoing([{**stack, "name": names[stack["name"]]} for stack in stacks], options["run"])


def _revision(stack: Deployed, registry: Registry) -> Dict[str, Any]:
    """Returns the last good revision of a stack: the registry that deployed it, and the changes since."""
    good = [revision for revision in stack["revisions"] if revision["status"] in ("HEALTHY", "UNHEALTHY")]
    last: Revision = good[0] if good else {}
    metadata = last.get("metadata") or {}
    checksum = metadata.get("registry_checksum", "")
    return {
        "stack": stack["name"],
        "number": last.get("number"),
        "finished": last.get("finished"),
        "registry": metadata.get("registry", ""),
        "checksum": checksum,
        "commit": metadata.get("registry_commit", ""),
        "same": checksum == registry.checksum,
        "since": changed_since(registry, metadata),
    }


def _only(registry: Registry, names: List[str]) -> Any:
    if not names:
        return None
    unknown = [name for name in names if name not in registry.services]
    if unknown:
        raise StackwrightError(
            f"The registry has no service {', '.join(unknown)}.",
            "unknown_service",
            f"Its services are {', '.join(registry.services)}.",
        )
    return with_needed(registry, names)


def read_one(reader: FileReader, path: str) -> bytes:
    """Reads a registry's file. Raises StackwrightError if it can't: a missing registry is never an empty one."""
    try:
        return reader.read(path)
    except FileNotFoundError:
        raise missing(path, "Check the path.") from None
    except IsADirectoryError:
        raise StackwrightError(f"{path} is a directory.", "file_unreadable", "Name the registry in it.") from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "its name is not valid"
        raise StackwrightError(f"{path} can't be read: {why}.", "file_unreadable") from None


def missing(path: str, hint: str) -> StackwrightError:
    return StackwrightError(f"The registry {path} does not exist.", "file_missing", hint)
