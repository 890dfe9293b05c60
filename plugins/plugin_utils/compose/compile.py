# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The compiler, from the user's Compose files to the desired state: the order of the stages stands here, once."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Dict, List, Mapping, Optional, Sequence

from ansible_collections.stackwright.swarm.plugins.module_utils.errors import ComposeError, Problem
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.names import Stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.as_docker import remember_docker
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.desired import convert
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.options import ConvertOptions
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load import Source, load
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.platform.policy import (
    asks_for_anything,
    platform,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.rules.check import check_project
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.schema.check import check_document


@dataclass(frozen=True)
class CompileRequest:
    """What the user asked for, already plain data.

    ``name`` may be None where a file has a top-level ``name``. ``platform`` holds the options of the policy layer.
    ``apply_ignored_keys``: keys that docker's CLI ignores change the services that it has deployed at once.
    """

    sources: Sequence[Source]
    name: Optional[str] = None
    project: Optional[str] = None
    environment: Optional[str] = None
    label_prefix: str = "zane"
    variables: Mapping[str, str] = field(default_factory=dict)
    env_files: Sequence[str] = ()
    profiles: Sequence[str] = ()
    project_directory: Optional[str] = None
    strict: bool = False
    apply_ignored_keys: bool = False
    shared_networks: Sequence[str] = ()
    platform: Mapping[str, Any] = field(default_factory=dict)


def compile_stack(request: CompileRequest, reader: Any) -> Dict[str, Any]:
    """The desired state (docs/architecture.md) of the stack that ``request`` describes.

    :param reader: where files are read from, see ``load``.
    :raises ComposeError: with every problem that was found; notices are among them where ``request.strict``.
    """
    project = load(
        request.sources,
        reader=reader,
        variables=request.variables,
        env_files=request.env_files,
        profiles=request.profiles,
        name=request.name,
        project_directory=request.project_directory,
        check=check_document,
    )
    if not project.name:
        _refuse(
            [
                Problem(
                    "the stack has no name",
                    hint="give the option name, or a top-level name in the file",
                    code="required",
                )
            ]
        )
    stack = Stack(
        name=str(request.name or project.name),
        project=request.project or "",
        environment=request.environment or "",
        prefix=request.label_prefix,
    )
    problems, notices = check_project(project, stack.full_name)
    _refuse(problems)
    options = ConvertOptions(generic_resources=request.platform.get("generic_resources") or {})
    desired = convert(project, stack, options=options)
    policies = {**request.platform, "shared_networks": list(request.shared_networks)}
    if not request.apply_ignored_keys and not asks_for_anything(policies, desired["stack"]["project"]):
        remember_docker(desired, project, stack, options)
    desired = platform(desired, project, policies)
    desired["notices"] = _unique([*(n.as_dict() for n in [*project.notices, *notices]), *desired["notices"]])
    if request.strict:
        _refuse([_as_error(Problem(**notice)) for notice in desired["notices"]])
    return desired


def _refuse(problems: Sequence[Problem]) -> None:
    if problems:
        raise ComposeError(problems)


def _as_error(notice: Problem) -> Problem:
    return replace(notice, hint=notice.hint or "strict is on: remove the key, or set strict to false")


def _unique(notices: List[Dict[str, Any]]) -> List[Dict[str, Any]]:
    seen = {tuple(sorted(notice.items())): notice for notice in notices}
    return sorted(seen.values(), key=lambda n: (n["file"], n["line"], n["column"], n["key"], n["message"]))
