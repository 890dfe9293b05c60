# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Converts existing Compose files to a registry: its text, and the parts that it can't express.

Pure apart from the reader.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ComposeError, Problem
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.file_source import FileReader
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.posix_paths import directory_of
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.report import Place, Report
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Map, Mark, Path
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.importing.carried import (
    resource_of,
    service_of,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.importing.comments import paths_by_line
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.importing.documents import (
    Document,
    Documents,
    merged,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.model import TOP
from ansible_collections.stackwright.swarm.plugins.plugin_utils.writing.yaml_text import Comment, Style, yaml_text

SECTIONS = ("networks", "volumes", "secrets", "configs")
_GENERAL = re.compile(r"(?:docker-)?(?:compose|stack)(?:[.-]?(?:yml|yaml|swarm|prod|production|stack))*\Z")
_KNOWN = ("services", "name", "version", *SECTIONS)


@dataclass
class Imported:
    """``text`` is the registry; ``problems`` are missing services, ``notices`` other parts that were not carried."""

    text: str
    services: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    notices: list[Problem] = field(default_factory=list)


def import_files(paths: Sequence[str], *, reader: FileReader, to: str) -> Imported:
    """Converts the project in ``paths`` to a registry; later files are merged over earlier ones.

    :param paths: Compose files; included and extended files are read as well.
    :param to: the folder of the registry, to which its paths are relative.
    :raises ComposeError: if a file can't be read or is not a Compose file, or if there is no service in them.
    """
    report = Report()
    documents = Documents(reader, to, report)
    documents.read(paths, directory_of(paths[0]))
    if report.problems:
        raise ComposeError(list(report.problems))
    work = _Import(documents, reader, report)
    for project in documents.projects:
        work.project(project)
    if not work.carried:
        found = list(report.problems) or [Problem("there is no service in the files", file=paths[0], code="no_service")]
        raise ComposeError(found)
    files = [document.path for project in documents.projects for document in project]
    return Imported(work.text(files), list(work.carried), files, list(report.problems), list(report.notices))


class _Import:
    def __init__(self, documents: Documents, reader: FileReader, report: Report) -> None:
        self.reader = reader
        self.report = report
        self.documents = [document for project in documents.projects for document in project]
        self.tree: dict[str, Any] = {}
        self.carried: dict[str, str] = {}  # services, each with its category
        self.sections: dict[str, dict[str, Any]] = {section: {} for section in SECTIONS}
        self.extra: dict[str, Any] = {}
        self.went: dict[tuple[str, Path], Path] = {}  # from file and path to the path in the registry

    def project(self, project: Sequence[Document]) -> None:
        aside = self.report.trial()
        whole = merged(project, self.reader, aside) if _needs_merging(project) else None
        for document in project:
            category = self._category(document.path)
            services = document.tree.get("services")
            for name in services if isinstance(services, Map) else ():
                self._service(project, document, category, name, whole, aside)
            for section in SECTIONS:
                entries = document.tree.get(section)
                for name in entries if isinstance(entries, Map) else ():
                    self._resource(section, name, document, whole)
            self._top(document)

    def _service(
        self,
        project: Sequence[Document],
        document: Document,
        category: str,
        name: str,
        whole: Map | None,
        aside: Report,
    ) -> None:
        services = document.tree["services"]
        place = Place(self.report, ("services", name), services.mark(name))
        service = services[name]
        defining = [other for other in project if name in (other.tree.get("services") or ())]
        if isinstance(service, Map) and whole is not None and (len(defining) > 1 or "extends" in service):
            if document is not defining[-1]:
                return
            category = self._category(defining[0].path)
            wrong = [problem for problem in aside.problems if problem.key.startswith(f"services.{name}.")]
            service = whole.get("services", {}).get(name)
            if wrong or not isinstance(service, Map) or service.lost:
                why = f": {wrong[0].message}" if wrong else ""
                hint = "write it as one service in one file first"
                place.problem(f"its parts can't be merged, because they contain variables{why}", hint, "not_carried")
                return
            place.notice("was merged from several places, so its short forms are written in long form", code="merged")
        if not isinstance(service, Map):
            place.problem("is not a service, so it is not carried", code="not_carried")
            return
        if name in self.carried:
            if name not in self.tree.get(category, {}) or document not in defining:
                place.problem("another file has a service with this name", hint="rename one", code="not_carried")
            return
        found = service_of(service, place)
        if found is None:
            return
        written, went = found
        self.tree.setdefault(category, {})[name] = written
        self.carried[name] = category
        self.went[document.path, ("services", name)] = (category, name)
        for key, where in went.items():
            self.went[document.path, ("services", name, key)] = (category, name, *where)

    def _resource(self, section: str, name: str, document: Document, whole: Map | None) -> None:
        entries = document.tree[section]
        place = Place(self.report, (section, name), entries.mark(name))
        entry = entries[name]
        if whole is not None and isinstance(whole.get(section), Map):
            entry = whole[section].get(name, entry)
        if isinstance(entry, Map) and not entry:
            entry = None
        found = resource_of(section, entry, place)
        known = self.sections[section]
        if name in known and known[name] != found:
            place.problem("another file defines it differently", hint="rename one", code="not_carried")
            return
        known[name] = found
        self.went[document.path, (section, name)] = (section, name)
        for key in found or ():
            self.went[document.path, (section, name, key)] = (section, name, key)

    def _top(self, document: Document) -> None:
        for key, value in document.tree.items():
            place = Place(self.report, (key,), document.tree.mark(key))
            if key.startswith("x-") and key not in self.extra:
                self.extra[key] = value
                self.went[document.path, (key,)] = (key,)
            elif key == "name":
                hint = "give it to compose_stack as the name of the stack"
                place.notice(f"the name of the project ({value}) is not carried", hint=hint, code="not_carried")
            elif key not in _KNOWN and not key.startswith("x-"):
                place.notice(f"'{key}' is not carried", hint="registries do not support this key", code="not_carried")

    def _category(self, path: str) -> str:
        """Returns the category of a file: its name, or ``services`` for a general one such as compose.yml."""
        stem = posixpath.basename(path).rpartition(".")[0].lower()
        name = re.sub(r"^(?:x-+)+", "", re.sub(r"[^a-z0-9_-]+", "-", stem).strip("-_"))[:63]
        if not name or _GENERAL.match(name):
            return "services"
        return f"{name}-services"[:63] if name in TOP else name

    def text(self, files: Sequence[str]) -> str:
        """Returns the registry, with the comments of the files."""
        tree: dict[str, Any] = {}
        for section in SECTIONS:
            if self.sections[section]:
                tree[section] = self.sections[section]
        tree.update(self.tree)
        tree.update(self.extra)
        comments, head, end = self._comments(tree)
        comments[()] = Comment(end)
        body = yaml_text(tree, Style(comments, _spaced(frozenset(self.tree)), _flow))
        lines = [
            f"Imported from {', '.join(posixpath.basename(file) for file in files)}.",
            *([""] if head else []),
            *head,
        ]
        return "".join(f"# {line}".rstrip() + "\n" for line in lines) + "\n" + body

    def _comments(self, tree: Mapping[str, object]) -> tuple[dict[Path, Comment], list[str], list[str]]:
        found: dict[Path, Comment] = {}
        head: list[str] = []
        end: list[str] = []
        for document in self.documents:
            comments = document.comments
            head += [*([""] if head and comments.head else []), *comments.head]
            end += comments.end
            by_line = paths_by_line(document.tree)
            lost = 0
            for line in sorted({*comments.above, *comments.beside}):
                above, beside = comments.above.get(line, []), comments.beside.get(line, "")
                # A comment behind the last line of a long text belongs to its first line.
                first = next((number for number in range(line, 0, -1) if (document.path, number) in by_line), 0)
                entry = by_line.get((document.path, first))
                path = self._place(document.path, entry, tree)
                if path is None and entry is not None and len(entry) == 1:
                    # It belongs to a top-level key that the registry does not have, such as name.
                    head += [*([""] if head else []), *above, *([beside] if beside else [])]
                elif path is None:
                    lost += len(above) + bool(beside)
                elif path in found:
                    found[path] = Comment(
                        [*found[path].above, *above, *([beside] if beside else [])], found[path].beside
                    )
                else:
                    found[path] = Comment(above, beside)
            if lost:
                mark = Mark(document.path)
                message = f"{lost} comment{' has' if lost == 1 else 's have'} no place in the registry"
                self.report.notice(message, mark, hint="see the file", code="comment_lost")
        return found, head, end

    def _place(self, file: str, path: Path | None, tree: Mapping[str, object]) -> Path | None:
        """Returns the path in the registry for the comment of ``path``: its entry, or the nearest one around it."""
        if path is None:
            return None
        if path == ("services",):
            mine = [
                place for (document, _path), place in self.went.items() if document == file and _path[0] == "services"
            ]
            return mine[0][:1] if mine else None
        if len(path) == 1 and path[0] in tree:
            return path
        for length in range(len(path), 0, -1):
            where = self.went.get((file, path[:length]))
            if where is not None:
                place = (*where, *path[length:])
                while not _exists(tree, place):
                    place = place[:-1]
                return place
        return None


def _needs_merging(project: Sequence[Document]) -> bool:
    if len(project) > 1:
        return True
    services = project[0].tree.get("services") if project else None
    return any(isinstance(s, Map) and "extends" in s for s in (services.values() if isinstance(services, Map) else ()))


def _exists(tree: Any, path: Path) -> bool:
    for key in path:
        if not (key in tree if isinstance(tree, Mapping) else isinstance(tree, list) and int(key) < len(tree)):
            return False
        tree = tree[key]
    return True


def _spaced(categories: frozenset[str]) -> Any:
    return lambda path: len(path) == 1 or (len(path) == 2 and path[0] in categories)


def _flow(path: Path) -> bool:
    return path[-1] in ("command", "entrypoint", "test")
