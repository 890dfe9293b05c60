# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replaces variables in all text values of a tree, also in ``x-`` blocks, never in keys."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.report import Report
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.substitution import (
    TemplateError,
    substitute,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import NOWHERE, Map, Mark, Path, Seq

#: ``$A:-text``: a default or a message for docker's CLI, but plain text after the variable for Compose.
_UNBRACED = re.compile(r"(?<!\$)(?:\$\$)*\$([_a-zA-Z][_a-zA-Z0-9]*):?[-?][^}]")


def interpolate(
    tree: object,
    variables: Mapping[str, str],
    report: Report,
    failed: list[Path] | None = None,
    texts: Mapping[Mark, tuple[str, str]] = MappingProxyType({}),
    mark: Mark = NOWHERE,
) -> Any:
    """Returns a new tree with all variables replaced; aliases no longer share anything.

    A value that can't be interpolated is a problem, stays as it is, and its path is added to ``failed``. A variable
    without a value causes one notice. ``texts``: see ``ValueNames.texts``. ``mark``: the place of ``tree``.
    """
    return _Walk(variables, report, [] if failed is None else failed, texts).node(tree, [], mark)


class _Walk:
    def __init__(
        self, variables: Mapping[str, str], report: Report, failed: list[Path], texts: Mapping[Mark, tuple[str, str]]
    ) -> None:
        self.variables = variables
        self.report = report
        self.failed = failed
        self.texts = texts
        self.missing: set[str] = set()

    def node(self, node: object, path: list[str | int], mark: Mark) -> Any:
        if isinstance(node, str):
            return self.text(node, path, mark) if "$" in node else node
        if isinstance(node, Map):
            new = node.like()
            new.marks = dict(node.marks)
            new.update(node)
            for key, value in node.items():
                if "$" in value if isinstance(value, str) else isinstance(value, (Map, Seq)):
                    path.append(key)
                    new[key] = self.node(value, path, node.mark(key))
                    path.pop()
            return new
        if isinstance(node, Seq):
            items = Seq(node.start)
            items.marks = list(node.marks)
            items.extend(node)
            for index, value in enumerate(node):
                if "$" in value if isinstance(value, str) else isinstance(value, (Map, Seq)):
                    path.append(index)
                    items[index] = self.node(value, path, node.mark(index))
                    path.pop()
            return items
        return node

    def text(self, text: str, path: list[str | int], mark: Mark) -> str:
        def unset(name: str) -> None:
            self.report.unset.setdefault(mark, {})[name] = None
            if name not in self.missing:
                self.missing.add(name)
                self.report.notice(
                    f"the variable {name} is not set, so it is empty",
                    mark,
                    tuple(path),
                    hint=f"set {name}, or use a default: ${{{name}:-...}}",
                    code="unset_variable",
                )

        self.unbraced(text, path, mark)
        try:
            where = tuple(path)
            result = substitute(text, self.variables, unset, lambda size: self.report.spend(size, mark, where))
            written, known = self.texts.get(mark, ("", ""))
            if written and text.endswith(written):
                # In the short form (NAME=value), the name is in the same text.
                result = text[: -len(written)] + known
            return result if "\0" not in result else self.with_references(text, result, path, mark)
        except TemplateError as error:
            self.refuse(path, mark, str(error), error.hint, error.code)
            return text

    def unbraced(self, text: str, path: list[str | int], mark: Mark) -> None:
        for match in _UNBRACED.finditer(text):
            name = match.group(1)
            self.report.notice(
                f"the text after ${name} is plain text, as in Compose; the docker CLI reads it as part of the variable",
                mark,
                tuple(path),
                hint=f"write ${{{name}}} to make it clear",
                code="unbraced_variable",
            )

    def with_references(self, text: str, result: str, path: list[str | int], mark: Mark) -> str:
        from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.values.allowed_places import (
            fault_of,
            variables_in,
        )

        fault = fault_of(tuple(path), result)
        if not fault:
            return result
        message = f"{variables_in(result)} is a generated or sensitive value, which {fault}"
        hint = "it is only known on the manager; use it inside a longer text, or use a plain variable here"
        self.refuse(path, mark, message, hint, "value_place")
        return text

    def refuse(self, path: list[str | int], mark: Mark, message: str, hint: str, code: str) -> None:
        """Reports a text that stays as it is; it gets no further problems."""
        self.report.problem(message, mark, tuple(path), hint=hint, code=code)
        self.report.broken.add(mark)
        self.failed.append(tuple(path))
