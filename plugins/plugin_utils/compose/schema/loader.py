# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Loads our JSON Schema of the Compose Specification, once and only when it is needed."""

from __future__ import annotations

import functools
import json
import pkgutil
from typing import Any, Dict, List, Mapping, Tuple

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.keys.table import KEYS

SCHEMA_FILE = "compose.schema.json"


@functools.lru_cache(maxsize=None)
def schema() -> Dict[str, Any]:
    """Returns our JSON Schema of the Compose Specification with all references resolved.

    Looking up references for each instance would more than double the time of a check. The schema isn't recursive, so
    this ends; the parts are shared, so it stays small.
    """
    return _inlined(with_references())


def read_schema(package: str, file: str) -> Dict[str, Any]:
    """Returns a JSON Schema from a package, with all references resolved."""
    return _inlined(_read(package, file))


def with_references() -> Dict[str, Any]:
    """Returns the complete schema with references: compose.schema.json, and the keys whose kind names their schema."""
    tree = _read(__package__, SCHEMA_FILE)
    places: Dict[str, Any] = {}
    for pattern, row in KEYS.items():
        if row.kind.schema:
            above, _dot, name = pattern.rpartition(".")
            if above not in places:
                places[above] = _place(tree, above)["properties"]
            places[above][name] = {"$ref": f"#/$defs/{row.kind.schema}"}
    return tree


def _read(package: str, file: str) -> Dict[str, Any]:
    tree: Dict[str, Any] = json.loads(pkgutil.get_data(package, file) or b"{}")
    return tree


def _inlined(tree: Dict[str, Any]) -> Dict[str, Any]:
    done: Dict[str, Any] = {}
    return {key: _inline(value, tree["$defs"], done) for key, value in tree.items() if key != "$defs"}


def _place(tree: Dict[str, Any], pattern: str) -> Dict[str, Any]:
    """Returns the part of the schema for the values of a pattern of the table of keys."""
    node: Dict[str, Any] = tree
    for part in pattern.replace("[]", ".[]").split(".") if pattern else ():
        if part == "[]":
            node = node["items"]
        elif part != "*":
            node = node["properties"][part]
        elif isinstance(node["additionalProperties"], dict):
            node = node["additionalProperties"]
        else:
            node = next(iter(node["patternProperties"].values()))
        if "$ref" in node:
            node = tree["$defs"][node["$ref"].rpartition("/")[2]]
    return node


def _inline(node: object, definitions: Mapping[str, object], done: Dict[str, object]) -> Any:
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
    """Returns for each key of Compose the titles of the mappings that may contain it: ``{"replicas": ("deploy",)}``."""
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
