# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Loads a Compose project: from files to one ``Project`` in canonical form, or one ComposeError with all problems.

Pure except for the reader. This file alone defines the order of the stages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import Problem
from ansible_collections.stackwright.swarm.plugins.module_utils.values.value_references import references_in
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.canonical.networks import complete_dependencies
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.canonical.texts import is_scalar, kind_of
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.absolute import resolve_paths
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.contents import (
    Contents,
    contents_of_variables,
    read_contents,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.document import CASTS, canonical
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.environment import (
    read_environment_files,
    resolve_bare,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.interpolate import interpolate
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.nulls import drop_nulls
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.variables import (
    PROJECT_NAME,
    given_variables,
    with_env_files,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.project.measure import measure
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.project.profiles import (
    active_profiles,
    select_services,
    unknown_profiles,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.project.project import Project, Source
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.disk import CachedFiles, read_file
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.expressions import may_hold
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.file_source import FileReader
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.posix_paths import directory_of, join
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.reader import read_yaml
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.report import Place, Report
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.scalars import scalar_text
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import ANYTHING, Map, Mark, Path
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.values.resolve import resolve_values
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.values.value_names import (
    BLOCKS,
    Alias,
    ValueNames,
)

if TYPE_CHECKING:
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.include import Inclusion

__all__ = ["Project", "Source", "load"]

Check = Callable[[Map, str], list[Problem]]
MAX_DOCUMENTS = 500


@dataclass
class _Document:
    """One file on its way through the stages."""

    path: str
    directory: str  # base of its relative paths
    variables: Mapping[str, str]
    including: tuple[str, ...]  # the files that include it, from the outermost
    place: Place
    tree: Any = None
    failed: list[Path] = field(default_factory=list)  # paths of values that can't be interpolated
    has_expressions: bool = False  # it may contain "{{ generate_… }}"


@dataclass
class _Run:
    """The data that all documents of a run share."""

    reader: FileReader  # for the caller's files
    named: FileReader  # for files that are named in files
    check: Check | None
    report: Report
    documents: int = 0
    variable_contents: Contents = field(default_factory=dict)
    names: ValueNames = field(default_factory=ValueNames)
    opened: list[tuple[str, bytes]] = field(default_factory=list)

    def variables_of(self, documents: Sequence[_Document], variables: Mapping[str, str]) -> Mapping[str, str]:
        """Returns ``variables`` and the stack's own names in the documents."""
        if not any(isinstance(each.tree, Map) and block in each.tree for each in documents for block in BLOCKS):
            return variables
        from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.values.stack_values import (
            with_stack_values,
        )

        return with_stack_values(self.names, [(each.tree, each.place) for each in documents], variables)


def load(
    sources: Sequence[Source],
    *,
    reader: FileReader,
    variables: Mapping[str, object],
    env_files: Sequence[str] = (),
    profiles: Iterable[str] = (),
    name: str | None = None,
    project_directory: str | None = None,
    check: Check | None = None,
    report: Report | None = None,
    env_overrides: Mapping[str, object] | None = None,
    alias: Alias | None = None,
    confine: bool = False,
    opened: list[tuple[str, bytes]] | None = None,
) -> Project:
    """Loads ``sources``, later ones merged over earlier ones.

    :param reader: returns the bytes of a path; nothing else reads files.
    :param variables: variables for ``${NAME}``; they win over those in ``env_files`` (paths of ``.env``-style files).
    :param profiles: active profiles, in addition to those of the variable COMPOSE_PROFILES.
    :param name: the project's name; wins over the file's ``name``.
    :param project_directory: base of relative paths; by default the directory of the first file.
    :param check: checks each document after variables and casts, before the canonical form.
    :param env_overrides: environment variables that win over the files': ``{stack: …, services: …}``.
    :param alias: returns a service's name on the network from ``(function, service, name of the project)``.
    :param confine: files that are named in files must be in ``project_directory``; ``sources`` and ``env_files`` not.
    :param opened: receives the Compose files that were read, with their bytes.
    :param report: receives the problems. The project then lacks the invalid entries, and remembers them (cut.py). Use
        it only to find more problems.
    :raises ComposeError: with all problems of the run, unless there is a ``report``.
    """
    directory = project_directory or (directory_of(sources[0].path) if sources else ".")
    named = CachedFiles(reader, directory if confine else None)
    reader = CachedFiles(reader) if confine else named
    run = _Run(reader, named, check, Report() if report is None else report)
    run.names.alias = alias or run.names.alias
    run.opened = run.opened if opened is None else opened
    places = [(join(directory, path), Place(run.report, (), Mark(join(directory, path)))) for path in env_files]
    given = given_variables(variables, run.report)
    if directory.startswith("/"):
        # In Compose it is always the working directory, even if an env file sets it.
        given.setdefault("PWD", directory)
    values = with_env_files(given, places, reader)
    if run.report.problems:
        # A missing variable may be defined in a file that could not be read.
        run.report.suppressed.add("required_variable")
    overrides = None
    if env_overrides is not None and env_overrides != {}:
        from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.values.overrides import read_overrides

        overrides = read_overrides(env_overrides, run.report)
        values.update(overrides.variables(run.names))
    documents = [_open(run, source, directory, values) for source in sources]
    name = name or values.get(PROJECT_NAME) or _name_of(documents, run.variables_of(documents, values))
    if name:
        values[PROJECT_NAME] = run.names.project = name
    variables = run.variables_of(documents, values)
    tree = _model(run, documents, variables)
    if tree is None and not run.report.problems:
        run.report.problem("no Compose file was given", Mark(), hint="set at least one", code="no_file")
    if tree is None:
        tree = Map()
        tree.mark_lost(ANYTHING)
    root = Place(run.report, (), tree.start)
    services = tree.get("services")
    defined = set(services) if isinstance(services, Map) else set()
    profiles = list(profiles)
    unknown_profiles(tree, profiles, run.report)
    tree = select_services(tree, active_profiles(profiles, values), root)
    tree = read_environment_files(tree, variables, named, root)
    resolve_values(tree, run.names, root)
    run.names.finish(None if "services" in tree.lost or ANYTHING in tree.lost else defined)
    if overrides is not None:
        overrides.apply(tree, defined, run.names)
    tree = complete_dependencies(tree)
    contents = read_contents(tree, run.variable_contents, named, root)
    stack_values = run.names.entries(_used(run, tree)) if run.names.found else []
    measure(tree, run.report)
    if report is None:
        run.report.finish()
    return Project(name, directory, tree, contents, list(run.report.notices), run.report.broken, stack_values)


def _used(run: _Run, tree: Map) -> set[str]:
    """Returns the names of the values that the project refers to."""
    return references_in([tree, *(data.decode("utf-8", "replace") for data in run.variable_contents.values())])


def _open(
    run: _Run,
    source: Source,
    directory: str,
    variables: Mapping[str, str],
    named_at: Place | None = None,
    including: tuple[str, ...] = (),
) -> _Document:
    """Reads a file; the document has no tree if that failed. ``named_at``: the place where another file names it."""
    root = Place(run.report, (), Mark(source.path))
    document = _Document(source.path, directory, variables, including, root)
    place = named_at or root
    run.documents += 1
    if run.documents > MAX_DOCUMENTS:
        if run.documents == MAX_DOCUMENTS + 1:
            place.problem(f"more than {MAX_DOCUMENTS} files are included or extended", code="too_many_files")
        return document
    content = source.text
    if content is None:
        reader = run.named if named_at else run.reader
        content = read_file(reader, source.path, place, "the Compose file")
        if content is None:
            return document
        run.opened.append((source.path, content))
    if isinstance(content, (str, bytes)):
        run.report.spend(len(content), Mark(source.path, 1))
    before = len(run.report.problems)
    if isinstance(content, (str, bytes)):
        document.has_expressions = may_hold(content if isinstance(content, str) else content.decode("latin-1"))
        tree = read_yaml(content, source.path, run.report)
    else:
        from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.inline import read_plain

        document.has_expressions = True
        tree = read_plain(content, source.path, run.report)
    if isinstance(tree, Map):
        document.tree = tree
    elif len(run.report.problems) == before:
        what = "is empty" if tree is None else f"holds {kind_of(tree)} instead of a mapping"
        run.report.problem(
            f"the Compose file {what}", Mark(source.path, 1), hint="it needs at least 'services:'", code="no_mapping"
        )
    return document


def _name_of(documents: list[_Document], variables: Mapping[str, str]) -> str | None:
    """Returns the last ``name`` in the files. Problems of it are reported when the whole file is interpolated."""
    for document in reversed(documents):
        given = document.tree.get("name") if isinstance(document.tree, Map) else None
        if is_scalar(given):
            failed: list[Path] = []
            mark = document.tree.mark("name")
            name = interpolate(scalar_text(given), variables, document.place.report.trial(), failed, mark=mark)
            return None if failed else name or None
    return None


def _interpolate(run: _Run, document: _Document) -> None:
    if document.has_expressions:
        from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.values.allowed_places import (
            find_misplaced,
        )

        find_misplaced(document.tree, document.place)
    document.tree = interpolate(document.tree, document.variables, run.report, document.failed, run.names.texts)


def _drop_nulls(_run: _Run, document: _Document) -> None:
    drop_nulls(document.tree)


def _drop_version(run: _Run, document: _Document) -> None:
    if "version" in document.tree:
        run.report.notice(
            "'version' is obsolete and is ignored",
            document.tree.mark("version"),
            ("version",),
            hint="remove it",
            code="version_ignored",
        )
        document.tree.drop("version")


def _cast(_run: _Run, document: _Document) -> None:
    CASTS.apply(document.tree, document.place)


def _check(run: _Run, document: _Document) -> None:
    problems = run.check(document.tree, document.path) if run.check else []
    # The schema's problem is more exact than that of a failed cast, but less exact than a missing variable.
    run.report.replace(problems, "type")
    if not problems and not document.failed:
        return
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.cut import cut, cut_faults

    for path in document.failed:
        cut(document.tree, path, run.report)
    # The entries that can't be interpolated are gone, and the schema may require one of them.
    if run.check and not cut_faults(document.tree, document.path, run.report):
        document.tree = None


def _canonical(_run: _Run, document: _Document) -> None:
    canonical(document.tree, document.place)


def _resolve_paths(_run: _Run, document: _Document) -> None:
    resolve_paths(document.tree, document.directory, document.variables.get("HOME"), document.place)


def _extends(run: _Run, document: _Document) -> None:
    given = document.tree.get("services")
    if not isinstance(given, Map) or not any(isinstance(value, Map) and "extends" in value for value in given.values()):
        return
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.extends import apply_extends

    directories = {document.path: document.directory}
    opened: dict[str, Map | None] = {}

    def services_of(file: str, named: str, place: Place) -> tuple[str, Map] | None:
        path = join(directories.get(file, directory_of(file)), named)
        if path not in opened:
            base = _open(run, Source(path), directory_of(path), document.variables, named_at=place)
            base.variables = run.variables_of([base], document.variables)
            _run_stages(run, base, BASE_STAGES)
            opened[path] = base.tree
        tree = opened[path]
        services = tree.get("services") if isinstance(tree, Map) else None
        if isinstance(services, Map):
            return path, services
        if tree is not None and "services" not in tree.lost:
            place.problem(f"{path} has no services", hint="check the path", code="extends")
        return None

    apply_extends(document.tree, document.path, document.place, services_of)


def _include(run: _Run, document: _Document) -> None:
    if "include" not in document.tree:
        return
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.include import (
        apply_include,
        is_refused,
        variables_of,
    )

    def included(inclusion: Inclusion) -> Map | None:
        chain = (*document.including, document.path)
        for path in inclusion.paths:
            if path in chain:
                circle = " includes ".join((*chain[chain.index(path) :], path))
                inclusion.place.problem(
                    f"files include each other in a cycle: {circle}", "remove one of these includes", "include_cycle"
                )
                return None
        if is_refused(inclusion, run.named):
            return None
        variables = variables_of(inclusion, document.variables, run.named)
        documents = [
            _open(run, Source(path), inclusion.directory, variables, inclusion.place, chain) for path in inclusion.paths
        ]
        return _model(run, documents, run.variables_of(documents, variables))

    apply_include(document.tree, document.directory, document.place, included)


Stage = Callable[[_Run, _Document], None]
# The stages of a file that is only extended.
BASE_STAGES: list[Stage] = [_interpolate, _drop_nulls, _drop_version, _cast, _check, _canonical, _resolve_paths]
# The stages of all other files. Then the files of a project are merged.
STAGES: list[Stage] = [*BASE_STAGES, _extends, _include]


def _run_stages(run: _Run, document: _Document, stages: list[Stage]) -> None:
    for stage in stages:
        if document.tree is None:
            return
        stage(run, document)


def _model(run: _Run, documents: list[_Document], variables: Mapping[str, str]) -> Map | None:
    """Runs all stages for the documents of one project, and merges them; None if none could be read."""
    merged: Map | None = None
    for document in documents:
        document.variables = variables
        _run_stages(run, document, STAGES)
        if document.tree is not None:
            if merged is None:
                merged = document.tree
                continue
            from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.merge import merge

            merged = merge(merged, document.tree, document.place)
    if merged is None:
        return None
    if any(document.tree is None for document in documents):
        merged.mark_lost(ANYTHING)
    run.variable_contents.update(contents_of_variables(merged, variables, Place(run.report, (), merged.start)))
    return resolve_bare(merged, variables)
