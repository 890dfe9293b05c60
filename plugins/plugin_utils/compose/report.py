# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Collects what a run of the compiler has to say: problems, which stop it at the end, and notices."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ansible_collections.stackwright.swarm.plugins.module_utils.errors import ComposeError, Problem
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.tree import (
    NOWHERE,
    Map,
    Mark,
    Path,
    Seq,
    dotted,
)

# How many values a run may make beyond what its files hold (merged lists, expanded ranges, replaced variables).
BUDGET = 2_000_000
MOST_SHOWN = 500


class Report:
    """The problems and notices of one run, each once.

    ``broken`` are the places of values with which something is wrong that has been said: nothing else is said about
    them. ``hushed`` are codes that would only follow from what has been said.
    """

    def __init__(self) -> None:
        self.broken: set[Mark] = set()
        self.hushed: set[str] = set()
        self.budget = BUDGET
        self.problems: dict[Problem, None] = {}
        self.notices: dict[Problem, None] = {}

    def problem(self, message: str, mark: Mark, path: Path = (), hint: str = "", code: str = "invalid") -> None:
        if mark not in self.broken and code not in self.hushed:
            self.problems[Problem(message, dotted(path), mark.file, mark.line, mark.column, hint, code)] = None

    def notice(self, message: str, mark: Mark, path: Path = (), hint: str = "", code: str = "notice") -> None:
        self.notices[Problem(message, dotted(path), mark.file, mark.line, mark.column, hint, code)] = None

    def add(self, problems: list[Problem]) -> None:
        """Adds what a later look found, but nothing more about a key of which something has been said."""
        known = {_place(problem) for problem in self.problems}
        self.problems.update((problem, None) for problem in problems if _place(problem) not in known)

    def replace(self, problems: list[Problem], code: str) -> None:
        """Adds ``problems``, each in place of one with ``code`` that stands at its key; any other there stays alone."""
        known = {}
        for problem in sorted(self.problems, key=lambda p: p.code != code):
            known[problem.file, problem.key] = problem
        for problem in problems:
            before = known.get((problem.file, problem.key))
            if before is not None and before.code == code:
                self.problems.pop(before, None)
            if before is None and Mark(problem.file, problem.line, problem.column) in self.broken:
                continue  # an alias of what has been spoken of
            if before is None or before.code == code:
                self.problems[problem] = None

    def spend(self, values: int, mark: Mark) -> None:
        """Counts values that are about to be made. Raises a ComposeError where they are too many altogether."""
        self.budget -= values
        if self.budget < 0:
            hint = "extend or include less, or use smaller ranges of ports"
            self.problem("the files grow too large when they are put together", mark, hint=hint, code="too_large")
            self.finish()

    def finish(self) -> None:
        """Raises a ComposeError if there is any problem."""
        if not self.problems:
            return
        problems = _each_place_once(self.problems)
        shown = problems[:MOST_SHOWN]
        hidden = len(problems) - len(shown)
        if hidden:
            last = shown[-1]
            shown.append(Problem(f"there are {hidden} more problems", file=last.file, line=last.line, code="more"))
        raise ComposeError(shown)


def _each_place_once(problems: Iterable[Problem]) -> list[Problem]:
    """Without what an alias or an extended service says again of the same place."""
    found: dict[Any, Problem] = {}
    for problem in problems:
        alone = problem.key if not problem.line else ""
        found.setdefault((problem.file, problem.line, problem.column, alone, problem.message), problem)
    return list(found.values())


def _place(problem: Problem) -> tuple[str, int, int, str]:
    return problem.file, problem.line, problem.column, problem.key


class Place:
    """Where a stage stands in the tree: the path, the mark, and the report to speak to."""

    __slots__ = ("mark", "path", "report")

    def __init__(self, report: Report, path: Path = (), mark: Mark = NOWHERE) -> None:
        self.report = report
        self.path = path
        self.mark = mark

    def at(self, container: Any, key: Any) -> Place:
        """The place of an entry of ``container``, which stands here."""
        mark = container.mark(key) if isinstance(container, (Map, Seq)) else self.mark
        return Place(self.report, (*self.path, key), mark)

    def problem(self, message: str, hint: str = "", code: str = "invalid") -> None:
        self.report.problem(message, self.mark, self.path, hint, code)

    def notice(self, message: str, hint: str = "", code: str = "notice") -> None:
        self.report.notice(message, self.mark, self.path, hint, code)
