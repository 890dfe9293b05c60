# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The validator of our JSON Schema, built once and only when it is needed."""

from __future__ import annotations

import functools
import json
import pkgutil
from typing import Any, Dict, Iterator, List, Mapping, Tuple

SCHEMA_FILE = "compose.schema.json"
TYPES: Mapping[str, Any] = {
    "array": list,
    "boolean": bool,
    "null": type(None),
    "object": dict,
    "string": str,
}


@functools.lru_cache(maxsize=None)
def schema() -> Dict[str, Any]:
    """Our JSON Schema of the Compose Specification with every reference put in place.

    A reference that is looked up again for each instance more than doubles the time of a check.
    The schema isn't recursive, so this ends; the parts are shared, so it stays small.
    """
    text = pkgutil.get_data(__package__, SCHEMA_FILE)
    tree = json.loads(text or b"{}")
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
def validator() -> Any:
    """The validator. jsonschema is imported here: it takes 0.1 to 0.2 s, and a run without Compose files needs none."""
    from jsonschema.exceptions import ValidationError
    from jsonschema.validators import Draft202012Validator, extend

    # jsonschema writes the whole instance into these two messages: slow for a big one, without end for one that
    # is made of aliases, and it would show secrets. Ours are written by messages.py.
    def check_type(_validator: Any, allowed: Any, instance: Any, _schema: Any) -> Iterator[ValidationError]:
        if not has_type(instance, [allowed] if isinstance(allowed, str) else allowed):
            yield ValidationError("type")

    def check_enum(_validator: Any, allowed: List[Any], instance: Any, _schema: Any) -> Iterator[ValidationError]:
        if not isinstance(instance, str) or instance not in allowed:
            yield ValidationError("enum")

    return extend(Draft202012Validator, {"type": check_type, "enum": check_enum})(schema())


def has_type(value: Any, allowed: List[str]) -> bool:
    """Whether a value has one of the JSON Schema types. A boolean is no number, and 3.0 is no integer."""
    for name in allowed:
        if name in TYPES:
            if isinstance(value, TYPES[name]):
                return True
        elif not isinstance(value, bool) and isinstance(value, int if name == "integer" else (int, float)):
            return True
    return False


@functools.lru_cache(maxsize=None)
def owners() -> Mapping[str, Tuple[str, ...]]:
    """For each key of Compose the titles of the mappings that may hold it: ``{"replicas": ("deploy",)}``."""
    found: Dict[str, List[str]] = {}
    seen = set()
    waiting = [schema()]
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
