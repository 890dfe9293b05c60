# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Collects the messages of a compiler run: notices, and problems, which stop it at the end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ComposeError, Problem
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import (
    NOWHERE,
    Map,
    Mark,
    Path,
    Seq,
    dotted,
)

#: The budget of a run in bytes, about the memory that it needs. Large real stacks need 3 MB.
BUDGET = 100_000_000
#: Cost in bytes of a value without its text, in addition of a mapping or list, and of another reference to a value.
VALUE, CONTAINER, SHARED = 300, 600, 100
MOST_KEPT = 5000
MOST_SHOWN = 500
LONGEST_MESSAGE = 1000
#: The hint for an empty value. If an unset variable caused it, a hint with the variable's name replaces this one.
UNSET = "check for an unset variable"


class Report:
    """The problems and notices of one run, each once.

    ``broken``: places of values that already have a problem; further ones there are dropped. ``suppressed``: codes of
    problems that only follow from earlier ones, and are dropped. ``left``: the rest of the budget.
    """

    def __init__(self) -> None:
        self.broken: set[Mark] = set()
        self.suppressed: set[str] = set()
        self.left = [BUDGET]
        self.uncounted = 0
        self.unset: dict[Mark, dict[str, None]] = {}  # variables without a value, by the place of the text
        self.problems: dict[Problem, None] = {}
        self.notices: dict[Problem, None] = {}

    def problem(self, message: str, mark: Mark, path: Path = (), hint: str = "", code: str = "invalid") -> None:
        if len(self.problems) >= MOST_KEPT:
            self.uncounted += 1
        elif mark not in self.broken and code not in self.suppressed:
            self.problems[_problem(message, mark, path, hint, code)] = None

    def notice(self, message: str, mark: Mark, path: Path = (), hint: str = "", code: str = "notice") -> None:
        if len(self.notices) < MOST_KEPT:
            self.notices[_problem(message, mark, path, hint, code)] = None
        elif len(self.notices) == MOST_KEPT:
            self.notices[_problem(f"there are more than {MOST_KEPT} notices", mark, (), "", "more")] = None

    def trial(self) -> Report:
        """Returns a separate report for a trial, with the same budget."""
        other = Report()
        other.left = self.left
        return other

    def add(self, problems: list[Problem]) -> None:
        """Adds the problems of a later stage, except for keys that already have one."""
        known = {_place(problem) for problem in self.problems}
        self.problems.update((problem, None) for problem in problems if _place(problem) not in known)

    def replace(self, problems: list[Problem], code: str) -> None:
        """Adds ``problems``. Each replaces a problem with ``code`` at its key; if another is there, it is dropped."""
        known = {}
        for problem in sorted(self.problems, key=lambda p: p.code != code):
            known[problem.file, problem.key] = problem
        for problem in problems:
            before = known.get((problem.file, problem.key))
            if before is not None and before.code == code:
                self.problems.pop(before, None)
            if before is None and Mark(problem.file, problem.line, problem.column) in self.broken:
                continue  # an alias of a value that already has a problem
            if before is None or before.code == code:
                self.problems[problem] = None

    def spend(self, size: int, mark: Mark, path: Path = ()) -> None:
        """Subtracts ``size`` bytes from the budget, before they are created. Raises ComposeError if it is used up."""
        self.left[0] -= size
        if self.left[0] < 0:
            self.too_large(mark, path)

    def too_large(self, mark: Mark, path: Path = ()) -> None:
        """Raises ComposeError: the budget is used up at this place."""
        message = f"here the files reach more than {BUDGET // 1_000_000} MB when expanded and merged"
        hint = "use fewer or smaller aliases, variables, extends, includes and ranges of ports"
        self.problems[_problem(message, mark, path, hint, "too_large")] = None
        self.finish()

    def explained(self, problems: Iterable[Problem]) -> list[Problem]:
        """Returns ``problems``; if an unset variable emptied a text, the hint names the variable."""
        found = []
        for problem in problems:
            names = self.unset.get(Mark(problem.file, problem.line, problem.column), ())
            # The hints of these codes already name the variable.
            if names and problem.code not in ("required_variable", "unset_variable"):
                cause = f"{', '.join(names)} {'is' if len(names) == 1 else 'are'} not set"
                is_general = not problem.hint or problem.hint.endswith(UNSET)
                problem = replace(problem, hint=cause if is_general else f"{cause}; {problem.hint}")
            found.append(problem)
        return found

    def finish(self) -> None:
        """Raises ComposeError if there is any problem."""
        if not self.problems:
            return
        problems = self.explained(_each_place_once(self.problems))
        shown = problems[:MOST_SHOWN]
        # The problem that ended the run is always shown.
        shown += [problem for problem in problems[MOST_SHOWN:] if problem.code == "too_large"][:1]
        hidden = len(problems) - len(shown) + self.uncounted
        if hidden:
            last = shown[-1]
            shown.append(Problem(f"there are {hidden} more problems", file=last.file, line=last.line, code="more"))
        raise ComposeError(shown)


def clipped(text: str) -> str:
    """Shortens a message to LONGEST_MESSAGE characters: it may quote a very long text."""
    return text if len(text) <= LONGEST_MESSAGE else text[: LONGEST_MESSAGE - 1] + "…"


def _problem(message: str, mark: Mark, path: Path, hint: str, code: str) -> Problem:
    return Problem(clipped(message), dotted(path), mark.file, mark.line, mark.column, clipped(hint), code)


def _each_place_once(problems: Iterable[Problem]) -> list[Problem]:
    """Drops repeated problems of one place, which come from aliases and extended services."""
    found: dict[Any, Problem] = {}
    for problem in problems:
        key = problem.key if not problem.line else ""
        found.setdefault((problem.file, problem.line, problem.column, key, problem.message), problem)
    return list(found.values())


def _place(problem: Problem) -> tuple[str, int, int, str]:
    return problem.file, problem.line, problem.column, problem.key


class Place:
    """A position in the tree: path and mark, with the report for problems there."""

    __slots__ = ("mark", "path", "report")

    def __init__(self, report: Report, path: Path = (), mark: Mark = NOWHERE) -> None:
        self.report = report
        self.path = path
        self.mark = mark

    def at(self, container: object, key: str | int) -> Place:
        """Returns the place of an entry of ``container``, the value at this place."""
        if isinstance(container, Map):
            mark = (container.marks.get(key) if isinstance(key, str) else None) or container.start
        else:
            mark = container.mark(key) if isinstance(container, Seq) and isinstance(key, int) else self.mark
        return Place(self.report, (*self.path, key), mark)

    def spend(self, size: int) -> None:
        self.report.spend(size, self.mark, self.path)

    def problem(self, message: str, hint: str = "", code: str = "invalid") -> None:
        self.report.problem(message, self.mark, self.path, hint, code)

    def notice(self, message: str, hint: str = "", code: str = "notice") -> None:
        self.report.notice(message, self.mark, self.path, hint, code)
