# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the places where a document does not match the schema. Implements the keywords of JSON Schema that ours uses.

A test compares the results with the library jsonschema. It is not used at run time: importing it takes longer than a
check of 100 services (docs/decisions/0039-no-jsonschema-at-run-time.md).
"""

from __future__ import annotations

import functools
import re
from typing import Any, Callable, Dict, Iterator, List, Mapping, NamedTuple, Tuple, Union

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Path

#: The schema of a value; true allows every value.
Schema = Union[bool, Mapping[str, object]]

TYPES: Mapping[str, Any] = {"array": list, "boolean": bool, "null": type(None), "object": dict, "string": str}
#: Each pattern of the schema is compiled once, not looked up for each value.
_search = functools.lru_cache(maxsize=None)(lambda pattern: re.compile(pattern).search)


class Violation(NamedTuple):
    """A value that does not match: the ``keyword`` of ``schema`` that it violates, and the keyword's ``limit``."""

    path: Path
    keyword: str
    value: object
    limit: object
    schema: Mapping[str, object]


def violations(value: object, schema: Schema, path: Path = ()) -> Iterator[Violation]:
    """Yields each place of ``value`` that violates a keyword, in the schema's order. The schema has no references."""
    if isinstance(schema, bool):
        return
    for keyword, limit in schema.items():
        below = DESCEND.get(keyword)
        if below is None or limit is False:
            check = CHECKS.get(keyword)
            # With false there is one violation for all additional keys.
            if below(value, limit, schema) if below else check and not check(value, limit):
                yield Violation(path, keyword, value, limit, schema)
        else:
            for key, item, part in below(value, limit, schema):
                yield from violations(item, part, (*path, key))


def fits(value: object, schema: Schema) -> bool:
    """Returns whether there are no ``violations``, in a quarter of the time, since it tracks no places."""
    return isinstance(schema, bool) or _test_of(schema)(value)


def has_type(value: object, allowed: List[str]) -> bool:
    """Returns whether a value has one of the JSON Schema types. A boolean is no number, and 3.0 no integer."""
    for name in allowed:
        if name in TYPES:
            if isinstance(value, TYPES[name]):
                return True
        elif not isinstance(value, bool) and isinstance(value, int if name == "integer" else (int, float)):
            return True
    return False


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


CHECKS: Dict[str, Callable[[Any, Any], bool]] = {
    "enum": lambda value, allowed: isinstance(value, str) and value in allowed,
    "maximum": lambda value, most: not _is_number(value) or value <= most,
    "minimum": lambda value, least: not _is_number(value) or value >= least,
    "pattern": lambda value, pattern: not isinstance(value, str) or bool(_search(pattern)(value)),
    # One violation for all keys that are missing.
    "required": lambda value, keys: not isinstance(value, dict) or all(key in value for key in keys),
    "type": lambda value, allowed: has_type(value, [allowed] if isinstance(allowed, str) else allowed),
}


#: A key or an index, its value, and the schema of the value.
Entry = Tuple[Union[str, int], object, Schema]


def _properties(value: object, parts: Mapping[str, Schema], _schema: object) -> List[Entry]:
    return [(key, item, parts[key]) for key, item in value.items() if key in parts] if isinstance(value, dict) else []


def _pattern_properties(value: object, parts: Mapping[str, Schema], _schema: object) -> List[Entry]:
    found: List[Entry] = []
    if isinstance(value, dict):
        for pattern, part in parts.items():
            if part is not True:
                matches = _search(pattern)
                found += [(key, item, part) for key, item in value.items() if matches(key)]
    return found


def _additional(value: object, part: Schema, schema: Mapping[str, Mapping[str, object]]) -> List[Entry]:
    if not isinstance(value, dict):
        return []
    known = schema.get("properties", {})
    others = [_search(pattern) for pattern in schema.get("patternProperties", {})]
    return [
        (key, item, part)
        for key, item in value.items()
        if key not in known and not any(search(key) for search in others)
    ]


def _items(value: object, part: Schema, _schema: object) -> List[Entry]:
    return [(index, item, part) for index, item in enumerate(value)] if isinstance(value, list) else []


#: The entries below a value that a keyword checks.
DESCEND: Dict[str, Callable[[Any, Any, Any], List[Entry]]] = {
    "additionalProperties": _additional,
    "items": _items,
    "patternProperties": _pattern_properties,
    "properties": _properties,
}


class _Test:
    """Tests whether values match one schema. A part of a schema gets its test when it is first needed."""

    def __init__(self, schema: Mapping[str, object]) -> None:
        self.schema = schema  # the reference also keeps its id() unique
        get: Any = schema.get
        self.kinds: Dict[type, bool] = {}
        self.checks = [(CHECKS[name], limit) for name, limit in schema.items() if name in CHECKS and name != "type"]
        self.properties: Mapping[str, Schema] = get("properties", {})
        self.patterns = [(_search(name), part) for name, part in get("patternProperties", {}).items()]
        self.additional: Schema = get("additionalProperties", True)
        self.items: Schema = get("items", True)
        self.parts: Dict[str, List[_Test]] = {}

    def __call__(self, value: object) -> bool:
        kind = type(value)
        if kind not in self.kinds:
            self.kinds[kind] = "type" not in self.schema or CHECKS["type"](value, self.schema["type"])
        if not self.kinds[kind] or not all(check(value, limit) for check, limit in self.checks):
            return False
        if isinstance(value, dict):
            return self._has_entries(value)
        if isinstance(value, list) and not isinstance(self.items, bool):
            return all(map(_test_of(self.items), value))
        return True

    def _has_entries(self, value: Mapping[str, object]) -> bool:
        for key, item in value.items():
            tests = self.parts.get(key)
            if tests is None:
                found = [part for search, part in self.patterns if search(key)]
                if key in self.properties:
                    found.append(self.properties[key])
                elif not found:
                    if self.additional is False:
                        return False
                    found = [self.additional]
                tests = [_test_of(part) for part in found if not isinstance(part, bool)]
                if key in self.properties:  # a limited number
                    self.parts[key] = tests
            for test in tests:
                if not test(item):
                    return False
        return True


_tests: Dict[int, _Test] = {}


def _test_of(schema: Mapping[str, object]) -> _Test:
    test = _tests.get(id(schema))
    if test is None:
        test = _tests[id(schema)] = _Test(schema)
    return test
