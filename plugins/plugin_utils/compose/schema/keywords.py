# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keywords of JSON Schema with the meaning that they always have, for a schema without references.

jsonschema makes a new validator for each value it goes down to, and writes the whole value into some messages: slow for
a big one, without end for one that is made of aliases, and it would show secrets. Messages are written by messages.py.
"""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, Iterator, List, Mapping

try:
    from jsonschema.exceptions import ValidationError
except ImportError:  # the loader says what is missing
    ValidationError = None

TYPES: Mapping[str, Any] = {
    "array": list,
    "boolean": bool,
    "null": type(None),
    "object": dict,
    "string": str,
}
#: One validator for each part of the schema, by its identity: the schema lives as long as the process.
_CHILDREN: Dict[int, Any] = {}


def has_type(value: Any, allowed: List[str]) -> bool:
    """Whether a value has one of the JSON Schema types. A boolean is no number, and 3.0 is no integer."""
    for name in allowed:
        if name in TYPES:
            if isinstance(value, TYPES[name]):
                return True
        elif not isinstance(value, bool) and isinstance(value, int if name == "integer" else (int, float)):
            return True
    return False


def check_type(_validator: Any, allowed: Any, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    if not has_type(instance, [allowed] if isinstance(allowed, str) else allowed):
        yield ValidationError("type")


def check_enum(_validator: Any, allowed: List[Any], instance: Any, _schema: Any) -> Iterator[ValidationError]:
    if not isinstance(instance, str) or instance not in allowed:
        yield ValidationError("enum")


def check_pattern(_validator: Any, pattern: str, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    if isinstance(instance, str) and not re.search(pattern, instance):
        yield ValidationError("pattern")


def check_required(_validator: Any, keys: List[str], instance: Any, _schema: Any) -> Iterator[ValidationError]:
    """One error for all keys that are missing."""
    if isinstance(instance, dict) and not all(key in instance for key in keys):
        yield ValidationError("required")


def check_properties(validator: Any, parts: Any, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    if isinstance(instance, dict):
        for key, value in instance.items():
            if key in parts:
                yield from _below(validator, parts[key], value, key)


def check_pattern_properties(validator: Any, parts: Any, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    if isinstance(instance, dict):
        for pattern, part in parts.items():
            if part is not True:
                matches = re.compile(pattern).search
                for key, value in instance.items():
                    if matches(key):
                        yield from _below(validator, part, value, key)


def check_additional(_validator: Any, part: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    """``false`` gives one error for all keys that are too many."""
    if not isinstance(instance, dict):
        return
    known = schema.get("properties", {})
    others = [re.compile(pattern).search for pattern in schema.get("patternProperties", {})]
    extra = [key for key in instance if key not in known and not any(search(key) for search in others)]
    if part is False and extra:
        yield ValidationError("additionalProperties")
    elif part is not False:
        for key in extra:
            yield from _below(_validator, part, instance[key], key)


def check_items(validator: Any, part: Any, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    if isinstance(instance, list):
        for index, value in enumerate(instance):
            yield from _below(validator, part, value, index)


def _below(validator: Any, part: Any, value: Any, key: Any) -> Iterator[ValidationError]:
    if part is True:
        return
    child = _CHILDREN.get(id(part))
    if child is None:
        child = _CHILDREN[id(part)] = validator.evolve(schema=part)
    for error in child.iter_errors(value):
        error.path.appendleft(key)
        yield error


KEYWORDS: Mapping[str, Callable[[Any, Any, Any, Any], Iterator[ValidationError]]] = {
    "additionalProperties": check_additional,
    "enum": check_enum,
    "items": check_items,
    "pattern": check_pattern,
    "patternProperties": check_pattern_properties,
    "properties": check_properties,
    "required": check_required,
    "type": check_type,
}
