# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The places for values that only the manager knows: texts that are copied into a spec unchanged.

Everywhere else (numbers, ports, images, paths, names of objects) the compiler itself must know the value.
"""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.stackwright.swarm.plugins.module_utils.values.value_references import REFERENCE
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.keys.table import KEYS, names_of
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.expressions import (
    has_expression,
    may_hold,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.report import Place
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Map, Path, Seq

#: By kind of key, the places below it: its pairs, which may also be a list, or the items of its list.
_BELOW = {"list_or_map": (".*", ".#"), "options": (".*",), "command": ("", ".#"), "text_or_texts": ("", ".#")}
_ALLOWED = frozenset(
    pattern.replace("[]", ".#") + below
    for pattern, row in KEYS.items()
    if row.values
    for below in _BELOW.get(row.kind.schema, ("",))
)
#: The places for expressions: values that are generated there have a name.
_EXPRESSIONS = frozenset(
    ("services.*.environment.*", "services.*.environment.#", "configs.*.content", "secrets.*.content")
)
#: Nothing below these keys of a service goes into the Swarm.
_UNUSED = ("build", "develop")
#: Lists of KEY=VALUE.
_PAIRS = names_of("list_or_map")


def fault_of(path: Path, text: str) -> str:
    """Returns why the references in ``text`` are not allowed at ``path``; "" if they are."""
    if _is_unused(path):
        return ""
    if _pattern(path) not in _ALLOWED:
        return "is not allowed here"
    is_pair = isinstance(path[-1], int) and path[-2] in _PAIRS
    return "can't be part of a name" if is_pair and "\0" in text.partition("=")[0] else ""


def variables_in(text: str) -> str:
    """Returns the references of a text as the user wrote them: ``${NAME}``."""
    return ", ".join(f"${{{name.rpartition('/')[2]}}}" for name in dict.fromkeys(REFERENCE.findall(text)))


def find_misplaced(tree: Map, place: Place) -> None:
    """Reports each expression of a document that is in a wrong place."""
    for path, here, text, is_key in _texts(tree, place, ()):
        if not has_expression(text) or _is_unused(path):
            continue
        if is_key or isinstance(path[-1], int) and has_expression(text.partition("=")[0]):
            here.problem("an expression can't be part of a name", hint="write the name", code="value_place")
        elif _pattern(path) not in _EXPRESSIONS:
            here.problem(
                "an expression is not allowed here",
                hint="define it by name in x-env at the top of the file, and write ${NAME} here",
                code="value_place",
            )


def _texts(node: object, place: Place, path: Path) -> Iterator[tuple[Path, Place, str, bool]]:
    if isinstance(node, Map):
        for key, value in node.items():
            here = place.at(node, key)
            if may_hold(key):
                yield (*path, key), here, key, True
            yield from _texts(value, here, (*path, key))
    elif isinstance(node, Seq):
        for index, value in enumerate(node):
            yield from _texts(value, place.at(node, index), (*path, index))
    elif isinstance(node, str) and may_hold(node):
        yield path, place, node, False


def _is_unused(path: Path) -> bool:
    """Returns whether ``path`` is in an ``x-`` block, or in a key that does not go into the Swarm."""
    return len(path) > 2 and path[2] in _UNUSED or any(str(key).startswith("x-") for key in path)


def _pattern(path: Path) -> str:
    """Returns the path with ``*`` for names that users choose, and ``#`` for items of a list."""
    parts = [("#" if isinstance(key, int) else str(key)) for key in path]
    if len(parts) > 1:
        parts[1] = "*"
    if len(parts) > 3 and parts[-1] != "#" and parts[-2] in _NAMED:
        parts[-1] = "*"
    return ".".join(parts)


_NAMED = names_of(pairs=True)
