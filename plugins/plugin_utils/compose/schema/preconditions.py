# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Preconditions of the schema check: the document is a finite mapping, and all keys are text."""

from __future__ import annotations

import math
from typing import Any, Dict, List, Set, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import Problem
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.schema.places import (
    kind_of,
    problem_at,
    shown_key,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Path

DEEPEST = 200
#: The most entries, with each use of an alias counted. A file of 10 MB without aliases has fewer.
MOST_ENTRIES = 3_000_000
#: The Engine's JSON can't hold this number or a larger one. Python refuses to print much longer ones.
LARGEST = 2**64
SECTIONS = frozenset(("configs", "include", "models", "name", "networks", "secrets", "services", "version", "volumes"))
#: An entry of the top level with one of these keys looks like a service of a version 1 file.
SERVICE_KEYS = frozenset(("build", "command", "environment", "image", "ports"))


class TooBig(Exception):
    """The tree is too deep, contains itself, or is too large with its aliases expanded."""


def check_shape(tree: object, file: str) -> Tuple[List[Problem], Any]:
    """Returns the problems, and the tree for the schema check (None: it can't be checked).

    A key that isn't text is a problem, and the returned tree lacks it.
    """
    problems, _paths, rest = judge_shape(tree, file)
    return problems, rest


def judge_shape(tree: object, file: str) -> Tuple[List[Problem], List[Path], Any]:
    """Returns the same as ``check_shape``, and the paths of the invalid entries in the middle."""
    if tree is None:
        return [_whole(file, "the file is empty", "empty", "a Compose file begins with 'services:'")], [], None
    if not isinstance(tree, dict):
        message = f"a Compose file must be a mapping, found {kind_of(tree)}"
        return [_whole(file, message, "not_a_mapping", "it begins with 'services:'")], [], None
    walk = _Walk(tree, file)
    try:
        walk.size(tree, ())
    except TooBig as error:
        return [*walk.problems, _whole(file, str(error), "too_big", "use fewer levels or aliases")], [], None
    old, rest = _version_1(tree, file)
    strays = [(key,) for key in tree if key not in rest]
    return [*walk.problems, *old], [*walk.paths, *strays], _named(rest) if walk.odd else rest


def _whole(file: str, message: str, code: str, hint: str) -> Problem:
    return Problem(message=message, file=file, line=1, column=1, code=code, hint=hint)


class _Walk:
    """Visits each container once, even if several aliases refer to it, and counts the expanded entries."""

    def __init__(self, tree: object, file: str) -> None:
        self.tree = tree
        self.file = file
        self.problems: List[Problem] = []
        self.paths: List[Path] = []
        self.odd = False
        self.sizes: Dict[int, int] = {}
        self.open: Set[int] = set()

    def size(self, node: object, path: Path) -> int:
        if not isinstance(node, (dict, list)):
            self._number(node, path)
            return 1
        known = self.sizes.get(id(node))
        if known is not None:
            return known
        if id(node) in self.open:
            raise TooBig("an anchor contains itself")
        if len(path) > DEEPEST:
            raise TooBig(f"the file is nested more than {DEEPEST} levels deep")
        self.open.add(id(node))
        total = 1
        is_map = isinstance(node, dict)
        entries: Any = node.items() if isinstance(node, dict) else enumerate(node)
        for key, value in entries:
            if is_map and not isinstance(key, str):
                self.odd = True
                message = f"a key must be text, found {kind_of(key)}"
                self._add((*path, key), message, "key_type", "put the key in quotes")
            elif not isinstance(value, str) and isinstance(value, (dict, list, float, int)):
                total += self.size(value, (*path, key))
            else:
                total += 1
        self.open.discard(id(node))
        if total > MOST_ENTRIES:
            raise TooBig(f"its aliases expand to more than {MOST_ENTRIES} entries")
        self.sizes[id(node)] = total
        return total

    def _number(self, value: object, path: Path) -> None:
        if isinstance(value, float) and not math.isfinite(value):
            self._add(path, "infinity and NaN can't be sent to the Engine", "number", "write a number")
        elif isinstance(value, int) and abs(value) >= LARGEST:
            self._add(path, "a number this large can't be sent to the Engine", "number", "put it in quotes")

    def _add(self, path: Path, message: str, code: str, hint: str) -> None:
        self.paths.append(path)
        self.problems.append(problem_at(self.tree, self.file, path, message, code=code, hint=hint))


def _named(node: object) -> Any:
    if isinstance(node, dict):
        return {key: _named(value) for key, value in node.items() if isinstance(key, str)}
    return [_named(item) for item in node] if isinstance(node, list) else node


def _version_1(tree: Dict[object, object], file: str) -> Tuple[List[Problem], Dict[Any, Any]]:
    """Returns one problem for all services at the top level, and the tree without them."""
    strays = [
        key
        for key, value in tree.items()
        if isinstance(key, str)
        and key not in SECTIONS
        and not key.startswith("x-")
        and isinstance(value, dict)
        and not SERVICE_KEYS.isdisjoint(value)
    ]
    if not strays:
        return [], tree
    names = ", ".join(f"'{shown_key(name)}'" for name in strays[:5]) + (", …" if len(strays) > 5 else "")
    verb = "looks like a service" if len(strays) == 1 else "look like services"
    problem = problem_at(
        tree,
        file,
        (strays[0],),
        f"{names} {verb} at the top level",
        code="version_1",
        hint="add 'services:' above and indent its content (the oldest Compose format had no such key)",
    )
    return [problem], {key: value for key, value in tree.items() if key not in strays}
