# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The compiler, from the user's Compose files to the desired state. It defines the order of the stages."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import (
    ComposeError,
    Problem,
    StackwrightError,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import CRON, DEFAULT_PREFIX
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.names import Stack, hashed_name, host_name
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.scheduled import asleep
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.context import ConvertOptions
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.desired import convert, remember_docker
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.load import Project, Source, load
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.platform.asked import has_policies
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.platform.presets import with_preset
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.project.project import Parts
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.project.steps import with_steps
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.rules.check_project import check_project
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.rules.inspection import deep, mapping
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.schema.check_document import check_document
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.file_source import FileReader
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.report import Report
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import ANYTHING, NOWHERE

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.project.desired_state import Desired


#: The name of a stack that has none or an invalid one, so that the rules can find its other problems.
STAND_IN = "stack"
#: Parts of labels for routes, also of those with a typo; and the prefixes of other proxies' labels.
ROUTE_PARTS = (".http.", ".port", ".route")
OTHER_PROXIES = ("traefik.", "caddy")


@dataclass(frozen=True)
class CompileRequest:
    """The user's request as plain data.

    ``name`` may be None if a file has a top-level ``name``. ``platform`` contains the options of the policy layer.
    ``confine``: ``project`` if files that are named in files must be in the project's folder, or ``none``.
    ``apply_ignored_keys``: keys that docker's CLI ignores also change services that it has deployed.
    """

    sources: Sequence[Source]
    name: Optional[str] = None
    project: Optional[str] = None
    environment: Optional[str] = None
    label_prefix: str = DEFAULT_PREFIX
    variables: Mapping[str, str] = field(default_factory=dict)
    env_files: Sequence[str] = ()
    profiles: Sequence[str] = ()
    project_directory: Optional[str] = None
    strict: bool = False
    apply_ignored_keys: bool = False
    shared_networks: Optional[Sequence[str]] = None
    platform: Mapping[str, Any] = field(default_factory=dict)
    env_overrides: Mapping[str, Any] = field(default_factory=dict, repr=False)
    confine: str = "none"
    parts: Parts = Parts()


@contextmanager
def _uncollected() -> Iterator[None]:
    """Pauses Python's garbage collector: it would walk the growing trees many times, and they contain no cycles."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@_uncollected()
def compile_stack(
    request: CompileRequest, reader: FileReader, opened: Optional[List[Tuple[str, bytes]]] = None
) -> Desired:
    """Returns the desired state (docs/architecture.md) of the stack in ``request``.

    :param reader: reads all files, see ``load``.
    :param opened: receives the Compose files that were read, with their bytes.
    :raises ComposeError: with all problems; also with all notices if ``request.strict``.
    """
    report = Report()
    project = load(
        request.sources,
        reader=reader,
        variables=request.variables,
        env_files=request.env_files,
        profiles=request.profiles,
        name=request.name,
        project_directory=request.project_directory,
        check=check_document,
        report=report,
        env_overrides=request.env_overrides,
        alias=partial(_alias, request),
        confine=request.confine == "project",
        opened=opened,
    )
    stack, invalid = _stack_of(request, project, report)
    policies = _policies(request)
    problems, notices = check_project(project, stack.full_name)
    routes: List[Dict[str, Any]] = []
    if _may_have_routes(project):
        from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.routes import project_routes

        found = project_routes(project, stack, bool(policies["shared_networks"]))
        routes, problems, notices = found.routes, [*problems, *found.problems], [*notices, *found.notices]
    if any(CRON in label for label in _labels(project)):
        from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.schedules import check_schedules

        more_problems, more_notices = check_schedules(project, stack)
        problems, notices = [*problems, *more_problems], [*notices, *more_notices]
    report.add(problems)
    _refuse(report, [*report.notices, *notices], request.strict, invalid)
    project = with_steps(project, stack)
    options = ConvertOptions(generic_resources=policies.get("generic_resources") or {})
    try:
        desired = convert(project, stack, options=options)
    except ComposeError as error:
        raise ComposeError(report.explained(error.problems)) from None
    if has_policies(policies, desired["stack"]["project"]):
        from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.platform.policy import platform

        desired = platform(desired, project, policies)
    elif not request.apply_ignored_keys:
        remember_docker(desired, project, stack, options)
    if request.parts:
        desired = _parts_of(desired, request, project, stack, reader)
    for service in desired["services"]:
        service["spec"] = asleep(service["spec"])
    desired["routes"] = routes
    desired["notices"] = _unique([*(n.as_dict() for n in [*project.notices, *notices]), *desired["notices"]])
    if request.strict and desired["notices"]:
        raise ComposeError([_as_error(Problem(**notice)) for notice in desired["notices"]])
    return desired


def _may_have_routes(project: Project) -> bool:
    """Returns quickly whether a label of a service may define routes; routes.py checks it exactly."""
    words = (label.lower() for label in _labels(project))
    return any(any(part in word for part in ROUTE_PARTS) or word.startswith(OTHER_PROXIES) for word in words)


def _labels(project: Project) -> Iterator[str]:
    for service in project.services.values():
        for place in (("deploy", "labels"), ("labels",)):
            yield from map(str, mapping(deep(service, *place)))


def _parts_of(desired: Desired, request: CompileRequest, project: Project, stack: Stack, reader: FileReader) -> Desired:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.project.parts import (
        volumes_to_recreate,
        with_parts,
    )

    desired = with_parts(desired, request.parts, reader)
    names = volumes_to_recreate(project, stack.scoped, request.parts.recreate_volumes)
    if names:
        desired["recreate_volumes"] = names
    return desired


def _alias(request: CompileRequest, function: str, service: str, project: Optional[str]) -> str:
    """Returns a service's name for other services: on shared networks if there are any, or on the stack's own.

    ZaneOps' ``network_alias`` is a host name, its ``global_alias`` is unique in the Swarm.
    """
    try:
        stack = Stack(str(request.name or project or STAND_IN), request.project, request.environment)
    except StackwrightError:
        stack = Stack(STAND_IN)
    if _policies(request)["shared_networks"]:
        return (host_name if function == "network_alias" else hashed_name)(service, stack.hash)
    return service if function == "network_alias" else stack.scoped(service)


def _policies(request: CompileRequest) -> Dict[str, Any]:
    given = with_preset({**request.platform, "shared_networks": request.shared_networks})
    return {**given, "shared_networks": list(given.get("shared_networks") or ())}


def _stack_of(request: CompileRequest, project: Project, report: Report) -> Tuple[Stack, Optional[StackwrightError]]:
    """Returns the stack and None; if its names are invalid, a placeholder for the rules, and the error."""
    name = request.name or project.name
    if not name and project.tree.lost.isdisjoint((ANYTHING, "name")):
        hint = "set the option name, or a top-level name in the file"
        report.problem("the stack has no name", NOWHERE, hint=hint, code="required")
    try:
        stack = Stack(
            name=str(name or STAND_IN),
            project=request.project,
            environment=request.environment,
            prefix=request.label_prefix,
        )
    except StackwrightError as error:
        return Stack(STAND_IN), error
    return stack, None


def _refuse(report: Report, notices: Sequence[Problem], strict: bool, invalid: Optional[StackwrightError]) -> None:
    """Raises all problems, if there are any; with ``strict`` also the notices."""
    if not report.problems and invalid is not None:
        raise invalid
    if invalid is not None:
        report.problem(invalid.message, NOWHERE, hint=invalid.hint, code=invalid.error_code)
    if report.problems and strict:
        report.add([_as_error(notice) for notice in notices])
    report.finish()


def _as_error(notice: Problem) -> Problem:
    return replace(notice, hint=notice.hint or "strict is on: remove the key, or set strict to false")


def _unique(notices: List[Dict[str, object]]) -> List[Dict[str, Any]]:
    seen = {tuple(sorted(notice.items())): notice for notice in notices}
    return sorted(seen.values(), key=lambda n: (n["file"], n["line"], n["column"], n["key"], n["message"]))
