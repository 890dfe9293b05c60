# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Collects the findings of a run in a registry: problems, which fail it at the end, and warnings."""

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

#: The most problems that are shown, and the most warnings that are kept.
MOST = 500


class Findings:
    """The problems and warnings of one run, each place and message once.

    ``accept``: codes of problems that are only warnings in this run. ``strict``: turns warnings into problems.
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
        """The warnings, in the order of the file."""
        return sorted(self._warnings.values(), key=lambda found: (found.file, found.line, found.column, found.message))

    def problem(self, path: Path, message: str, hint: str = "", code: str = "invalid") -> None:
        """Adds a problem at ``path`` of the tree."""
        self._keep(self._at(path, message, hint, code), code not in self.accept)

    def warning(self, path: Path, message: str, hint: str = "", code: str = "notice") -> None:
        """Adds a warning at ``path`` of the tree; with ``strict``, a problem."""
        self._keep(self._at(path, message, hint, code), self.strict and code not in self.accept)

    def add_new(self, problems: Iterable[Problem]) -> None:
        """Adds problems from elsewhere, except at places that have a problem already."""
        known = {place[:3] for place in self._problems}
        self.add(problem for problem in problems if (problem.file, problem.line, problem.column) not in known)

    def add(self, problems: Iterable[Problem], notices: Iterable[Problem] = ()) -> None:
        """Adds problems and notices from elsewhere, which have their places."""
        for found, severe in [*((p, True) for p in problems), *((n, self.strict) for n in notices)]:
            self._keep(Finding(**found.as_dict()), severe)

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
        return self.finding(mark, path, message, hint, code)

    def finding(self, mark: Mark, path: Path, message: str, hint: str, code: str) -> Finding:
        service = str(path[1]) if len(path) > 1 and path[0] not in TOP and isinstance(path[1], str) else ""
        where = mark.file or self.file
        return Finding(clipped(message), dotted(path), where, mark.line, mark.column, clipped(hint), code, service)

    def _keep(self, found: Finding, severe: bool) -> None:
        place = (found.file, found.line, found.column, found.message)
        to = self._problems if severe else self._warnings
        if place not in to and (severe or len(to) < MOST):
            to[place] = found
