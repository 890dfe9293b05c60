# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the Compose files of an import as they are written: variables stay variables, short forms stay short.

Only a service that several files (or ``extends``) define together is converted to canonical form and merged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.document import canonical
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.extends import apply_extends
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.merge import merge
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.nulls import drop_nulls
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.disk import read_file
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.file_source import FileReader
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.posix_paths import (
    directory_of,
    is_remote,
    join,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.reader import read_yaml
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.report import Place, Report
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Map, Mark, Seq
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.importing.comments import Comments, comments_of
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.importing.paths import moved_paths

MOST_FILES = 200
_NO_FILE = "the file does not contain a mapping, so it is not a Compose file"


@dataclass
class Document:
    """One file. ``tree`` is as it was written, but with paths relative to the registry's folder."""

    path: str
    data: bytes = field(repr=False)
    directory: str
    to: str
    tree: Map = field(repr=False)
    comments: Comments = field(repr=False)

    def again(self, report: Report) -> Map:
        """Reads the file again; returns a tree that may be changed."""
        return _tree(self.data, self.path, self.directory, self.to, report) or Map()


def _tree(data: bytes, path: str, directory: str, to: str, report: Report) -> Map | None:
    tree = read_yaml(data, path, report)
    if not isinstance(tree, Map):
        return None
    drop_nulls(tree)
    tree.drop("version")
    moved_paths(tree, directory, to, Place(report, (), tree.start))
    return tree


class Documents:
    """All files of an import, in order; included files come before those that include them.

    :param to: the folder of the registry, to which all paths become relative.
    """

    def __init__(self, reader: FileReader, to: str, report: Report) -> None:
        self.reader = reader
        self.to = to
        self.report = report
        #: The projects: files that are merged. The first is the import's own, the others are included.
        self.projects: list[list[Document]] = []

    def read(self, paths: Sequence[str], directory: str, place: Place | None = None, chain: Sequence[str] = ()) -> None:
        """Reads the files of one project, and the files that they include."""
        project: list[Document] = []
        for path in paths:
            here = place or Place(self.report, (), Mark(path))
            if path in chain:
                here.problem(f"{path} includes itself", hint="remove one of these includes", code="include_cycle")
                continue
            if sum(map(len, self.projects)) + len(project) >= MOST_FILES:
                here.problem(f"more than {MOST_FILES} files", code="too_many_files")
                return
            data = read_file(self.reader, path, here, "the Compose file")
            before = len(self.report.problems)
            tree = _tree(data, path, directory, self.to, self.report) if data is not None else None
            if tree is None:
                if data is not None and len(self.report.problems) == before:
                    hint = "it needs at least 'services:'"
                    self.report.problem(_NO_FILE, Mark(path, 1), hint=hint, code="no_mapping")
                continue
            self._include(tree, directory, (*chain, path))
            text = (data or b"").decode("utf-8", "replace")
            project.append(Document(path, data or b"", directory, self.to, tree, comments_of(text)))
        self.projects.append(project)

    def _include(self, tree: Map, directory: str, chain: Sequence[str]) -> None:
        place = Place(self.report, (), tree.start).at(tree, "include")
        entries = tree.get("include")
        tree.drop("include")
        for index, entry in enumerate(entries if isinstance(entries, Seq) else ()):
            here = place.at(entries, index)
            given = entry if isinstance(entry, Map) else {"path": entry}
            paths = given.get("path")
            names = [str(path) for path in (paths if isinstance(paths, list) else [paths])]
            if any("$" in name or is_remote(name) for name in names):
                here.problem(
                    f"can't be read here: {', '.join(names)}",
                    hint="import the file that it stands for, and give the others in src",
                    code="include",
                )
                continue
            if given.get("env_file") is not None:
                here.notice(
                    "its env_file is not carried: in a registry all files see the same variables",
                    hint="give its variables to the deployment",
                    code="not_carried",
                )
            full = [join(directory, name) for name in names]
            own = given.get("project_directory")
            self.read(full, join(directory, str(own)) if own else directory_of(full[0]), here, chain)


def merged(project: Sequence[Document], reader: FileReader, report: Report) -> Map:
    """Returns a project in canonical form, with ``extends`` resolved, later files merged over earlier ones."""
    whole: Map | None = None
    for document in project:
        tree = document.again(report)
        tree.drop("include")
        place = Place(report, (), tree.start)
        canonical(tree, place)
        _extend(tree, document, reader, report)
        whole = tree if whole is None else merge(whole, tree, place)
    return Map() if whole is None else whole


def _extend(tree: Map, document: Document, reader: FileReader, report: Report) -> None:
    directories = {document.path: document.directory}
    opened: dict[str, Map | None] = {}

    def services_of(file: str, named: str, place: Place) -> tuple[str, Map] | None:
        path = join(directories.get(file, directory_of(file)), named)
        if path not in opened:
            data = read_file(reader, path, place, "the Compose file")
            other = _tree(data, path, directory_of(path), document.to, report) if data is not None else None
            opened[path] = canonical(other, Place(report, (), other.start)) if other is not None else None
        found = opened[path]
        services: Any = found.get("services") if found is not None else None
        return (path, services) if isinstance(services, Map) else None

    apply_extends(tree, document.path, Place(report, (), tree.start), services_of)
