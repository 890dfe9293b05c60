# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Collects what a run finds in a registry: problems, which stop it at the end, and warnings."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Any

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import Problem
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.report import clipped
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import (
    Map,
    Mark,
    Path,
    dotted,
    locate,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.model import TOP, Finding, RegistryError

#: So many problems are shown, and so many warnings kept.
MOST = 500


class Findings:
    """The problems and warnings of one run, each place and message once.

    ``accept``: codes of problems that are only warnings in this run. ``strict``: warnings are problems.
    """

    def __init__(self, strict: bool = False, accept: Collection[str] = ()) -> None:
        self.strict = strict
        self.accept = frozenset(accept)
        self.tree: Any = Map()
        self.file = ""
        self._problems: dict[tuple[str, int, int, str], Finding] = {}
        self._warnings: dict[tuple[str, int, int, str], Finding] = {}

    @property
    def problems(self) -> list[Finding]:
        return list(self._problems.values())

    @property
    def warnings(self) -> list[Finding]:
        """In the order of the file."""
        return sorted(self._warnings.values(), key=lambda found: (found.file, found.line, found.column, found.message))

    def problem(self, path: Path, message: str, hint: str = "", code: str = "invalid") -> None:
        """Something that makes the registry unusable, at ``path`` of the tree."""
        self._add(self._at(path, message, hint, code), code not in self.accept)

    def warning(self, path: Path, message: str, hint: str = "", code: str = "notice") -> None:
        """Something that is most likely not meant; a problem if ``strict``."""
        self._add(self._at(path, message, hint, code), self.strict and code not in self.accept)

    def take_new(self, problems: Iterable[Problem]) -> None:
        """Adds what others have found, except at places that have a problem already."""
        known = {place[:3] for place in self._problems}
        self.take(problem for problem in problems if (problem.file, problem.line, problem.column) not in known)

    def take(self, problems: Iterable[Problem], notices: Iterable[Problem] = ()) -> None:
        """Adds what others have found at places of the files."""
        for found, severe in [*((p, True) for p in problems), *((n, self.strict) for n in notices)]:
            self._add(Finding(**found.as_dict()), severe)

    def finish(self) -> None:
        """Raises RegistryError if there is a problem."""
        if self._problems:
            shown = sorted(self._problems.values(), key=lambda found: (found.file, found.line, found.column))
            hidden = len(shown) - MOST
            more = []
            if hidden > 0:
                last = replace(
                    shown[MOST - 1], message=f"there are {hidden} more problems", key="", hint="", code="more"
                )
                more = [replace(last, service="")]
            raise RegistryError([*shown[:MOST], *more])

    def _at(self, path: Path, message: str, hint: str, code: str) -> Finding:
        mark = locate(self.tree, path)
        return self.made(mark, path, message, hint, code)

    def made(self, mark: Mark, path: Path, message: str, hint: str, code: str) -> Finding:
        service = str(path[1]) if len(path) > 1 and path[0] not in TOP and isinstance(path[1], str) else ""
        where = mark.file or self.file
        return Finding(clipped(message), dotted(path), where, mark.line, mark.column, clipped(hint), code, service)

    def _add(self, found: Finding, severe: bool) -> None:
        place = (found.file, found.line, found.column, found.message)
        to = self._problems if severe else self._warnings
        if place not in to and (severe or len(to) < MOST):
            to[place] = found
