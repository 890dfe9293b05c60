# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compiles the Compose files of a task on the controller: the shared part of the actions with such files."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ComposeError, Problem
from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.plain import as_texts
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compiling.found_file import found_file
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compiling.metadata import metadata_of
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compiling.provenance import commit_of, provenance
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compiling.sources import sources_of
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compiling.target_files import slurped
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.compile import CompileRequest, compile_stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.project.project import Parts
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.local_files import LocalFiles

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.arguments.variables import Variables


def compile_files(action: ActionBase, options: Mapping[str, Any], variables: Variables) -> dict[str, Any]:
    """Returns the DesiredState of the files that ``options`` (STACK, FILES and PLATFORM) name.

    Raises ComposeError.
    """

    def find(path: str) -> str:
        try:
            return found_file(action, path)
        except AnsibleError as error:
            raise _not_found(path, str(error)) from None

    remote = options["remote_src"]
    place = str if remote else find
    sources, directory = sources_of(options["src"], options["definition"], options["project_directory"], place)
    request = CompileRequest(
        sources=sources,
        name=options["name"],
        project=options["project"],
        environment=options["environment"],
        label_prefix=options["label_prefix"],
        variables=as_texts(options["variables"]),
        env_files=[place(path) for path in options["env_files"]],
        profiles=options["profiles"],
        project_directory=directory,
        strict=options["strict"],
        apply_ignored_keys=options["apply_ignored_keys"],
        shared_networks=options["shared_networks"],
        platform=options["platform"],
        env_overrides=options["env_overrides"],
        confine=options["confine"],
        parts=Parts.of({**options, "restart_on": _restart_on(options.get("restart_on"), place)}),
    )
    metadata = metadata_of(options.get("metadata") or {})
    opened: list[tuple[str, bytes]] = []
    desired = compile_stack(request, slurped(action, variables) if remote else LocalFiles(), opened)
    files = provenance(opened, desired, directory, bool(options.get("keep_files")))
    commit = commit_of(posixpath.dirname(opened[0][0])) if opened and not remote else {}
    known = {name: found for name, found in (("commit", commit), ("metadata", metadata)) if found}
    return {**desired, **({"sources": {"files": [], **files, **known}} if files or known else {})}


def _restart_on(given: object, find: Callable[[str], str]) -> Any:
    """Returns the option ``restart_on`` with the paths of the files that were found."""
    if isinstance(given, Mapping):
        return {service: _restart_on(paths, find) for service, paths in given.items()}
    if isinstance(given, str):
        return [find(given)]
    if given is None or (isinstance(given, list) and all(isinstance(path, str) for path in given)):
        return [find(path) for path in given or ()]
    problem = Problem("must be a list of files, or a map of services to lists of files", "restart_on", code="type")
    raise ComposeError([problem])


def _not_found(path: str, searched: str) -> ComposeError:
    places = [line.strip() for line in searched.splitlines() if line.startswith("\t")]
    places[-1:] = [place.split(" on the Ansible Controller")[0] for place in places[-1:]]
    places.append(os.path.abspath(path))
    hint = f"searched for {', '.join(dict.fromkeys(places))}; for a file on the manager set remote_src: true"
    problem = Problem("the file does not exist on the controller", file=path, hint=hint, code="file_missing")
    return ComposeError([problem])
