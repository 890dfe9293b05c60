# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our JSON Schema of the Compose Specification, read once and only when it is needed."""

from __future__ import annotations

import functools
import json
import pkgutil
from typing import Any, Dict, List, Mapping, Tuple

SCHEMA_FILE = "compose.schema.json"


@functools.lru_cache(maxsize=None)
def schema() -> Dict[str, Any]:
    """Our JSON Schema of the Compose Specification with every reference put in place.

    A reference that is looked up again for each instance more than doubles the time of a check.
    The schema isn't recursive, so this ends; the parts are shared, so it stays small.
    """
    return read_schema(__package__, SCHEMA_FILE)


def read_schema(package: str, file: str) -> Dict[str, Any]:
    """A JSON Schema that lies in a package, with every reference put in place."""
    tree = json.loads(pkgutil.get_data(package, file) or b"{}")
    return _inline(tree, tree.pop("$defs"), {})


def _inline(node: Any, definitions: Mapping[str, Any], done: Dict[str, Any]) -> Any:
    if isinstance(node, list):
        return [_inline(item, definitions, done) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        name = node["$ref"].rpartition("/")[2]
        if name not in done:
            done[name] = _inline(definitions[name], definitions, done)
        return done[name]
    return {key: _inline(value, definitions, done) for key, value in node.items()}


@functools.lru_cache(maxsize=None)
def owners() -> Mapping[str, Tuple[str, ...]]:
    """For each key of Compose the titles of the mappings that may hold it: ``{"replicas": ("deploy",)}``."""
    found: Dict[str, List[str]] = {}
    seen = set()
    waiting: List[Any] = [schema()]
    while waiting:
        node = waiting.pop()
        if not isinstance(node, dict) or id(node) in seen:
            continue
        seen.add(id(node))
        properties = node.get("properties", {})
        for key in properties:
            found.setdefault(key, []).append(node.get("title", ""))
        waiting += properties.values()
        waiting += node.get("patternProperties", {}).values()
        waiting += [node.get("items"), node.get("additionalProperties")]
    return {key: tuple(sorted(set(titles))) for key, titles in found.items()}
