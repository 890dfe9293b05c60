# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages for schema errors, one function per keyword."""

from __future__ import annotations

import difflib
import functools
import itertools
from typing import Any, Callable, Dict, Iterable, Iterator, List, Mapping, NamedTuple, Sequence, Tuple, Union

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.keys.table import names_of
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.schema.keywords import Violation
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.schema.loader import owners
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.schema.places import (
    kind_of,
    shown_key,
    shown_value,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.report import UNSET
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Path

#: The code of a finding that only follows from another one, so it is not shown.
FOLLOWS = "follows"
#: The most unknown keys of a mapping that are compared with a missing one.
MOST_GUESSES = 20


class Finding(NamedTuple):
    """A problem without its location. A slow hint is a function: if there are many problems, most are never shown."""

    path: Path
    message: str
    code: str
    hint: Union[str, Callable[[], str]] = ""
    known: Mapping[str, object] = {}  # for an unknown key: the valid keys


def findings(violation: Violation) -> Iterator[Finding]:
    """Yields the findings of one violation; for unknown keys one per key."""
    path, keyword, value, limit, schema = violation
    yield from EXPLAIN[keyword](path, value, limit, schema)


def closest(word: object, words: Iterable[str]) -> str:
    """Returns the one of ``words`` that the user may have meant, or ""."""
    if not isinstance(word, str) or len(word) > 40:
        return ""
    found = difflib.get_close_matches(word.lower(), sorted(words), n=1, cutoff=0.7)
    return found[0] if found else ""


def _type(path: Path, value: object, allowed: Union[str, List[str]], schema: Mapping[str, object]) -> Iterator[Finding]:
    expected = str(schema.get("description") or f"a mapping ({schema.get('title', 'of keys')})")
    yield Finding(
        path, f"expected {expected}, found {kind_of(value)}", "type", _type_hint(path, value, allowed, expected)
    )


def _type_hint(path: Path, value: object, allowed: Union[str, List[str]], expected: str) -> str:
    kinds = [allowed] if isinstance(allowed, str) else allowed
    if value is None:
        return "set it to a value or remove the key"
    if isinstance(value, (int, float)) and not isinstance(value, bool) and "duration" in expected:
        return "add the unit, such as 30s"
    if isinstance(value, (bool, int, float)) and "string" in kinds:
        return "put it in quotes"
    if isinstance(value, dict) and "string" in kinds and path and isinstance(path[-1], int):
        return _item_hint(path)
    if isinstance(value, list) and "object" in kinds:
        return "write it without the dashes"
    if "array" in kinds and isinstance(value, (str, dict)):
        return "begin each entry with a dash"
    return ""


def _item_hint(path: Path) -> str:
    if len(path) > 1 and path[-2] in PAIRS:
        return "write NAME=value, or leave out the dashes"
    return "text that contains a colon and a space needs quotes"


PAIRS = names_of("list_or_map") | {"args"}


def _unknown_keys(
    path: Path, value: Mapping[str, object], _limit: object, schema: Mapping[str, object]
) -> Iterator[Finding]:
    known = schema.get("properties")
    for key in value:
        if not isinstance(known, dict):
            if not is_name(key):
                message = f"'{shown_key(key)}' is not a valid name"
                yield Finding((*path, key), message, "name", "use letters, digits, '.', '_' and '-'")
        elif key not in known and not key.startswith("x-"):
            where = schema.get("title", "this mapping")
            message = f"unknown key '{shown_key(key)}' in {where}"
            yield Finding((*path, key), message, "unknown_key", functools.partial(_key_hint, key, known), known)


def is_name(key: str) -> bool:
    return key != "" and key.replace(".", "").replace("_", "").replace("-", "").isalnum() and key.isascii()


def _key_hint(key: str, known: Mapping[str, object]) -> str:
    meant = closest(key, known)
    if meant:
        return f"did you mean '{meant}'?"
    titles = owners().get(key, ())
    if titles:
        return f"it belongs in {' or '.join(titles[:3])}; check the indentation"
    if 0 < len(known) <= 10:
        return f"valid keys are {', '.join(sorted(known))}"
    return "remove it; custom keys begin with x-"


#: Words of a container's restart policy, and the equivalent words of a service's.
ELSEWHERE = {"always": "any", "unless-stopped": "any", "no": "none", "never": "none", "False": "none"}


def wrong_word(value: object, allowed: Sequence[str]) -> Tuple[str, str, str]:
    """Returns message, code and hint for a word that is not in ``allowed``."""
    other = ELSEWHERE.get(str(value), "")
    meant = closest(value, allowed)
    hint = f"use {other}" if other in allowed else f"did you mean '{meant}'?" if meant else "use one of these values"
    return f"expected one of {', '.join(allowed)}, found {shown_value(value)}", "enum", hint


def _enum(path: Path, value: object, allowed: List[str], _schema: object) -> Iterator[Finding]:
    yield Finding(path, *wrong_word(value, allowed))


def _pattern(path: Path, value: object, _limit: object, schema: Mapping[str, object]) -> Iterator[Finding]:
    found = "empty text" if value == "" else "another text"
    expected = str(schema.get("description", "another text"))
    hint = UNSET if value == "" else "use only digits" if "number" in expected else f"write {expected}"
    yield Finding(path, f"expected {expected}, found {found}", "pattern", hint)


def _required(
    path: Path, value: Mapping[str, object], keys: List[str], schema: Mapping[str, object]
) -> Iterator[Finding]:
    properties = schema.get("properties")
    known = properties if isinstance(properties, dict) else {}
    meant = {closest(key, known) for key in itertools.islice(value, MOST_GUESSES) if key not in known}
    missing = ", ".join(f"'{key}'" for key in keys if key not in value and key not in meant)
    # If the user meant the missing key by an unknown one, that has been reported.
    code = "required" if missing else FOLLOWS
    yield Finding(path, f"{schema.get('title', 'this mapping')} needs {missing}", code)


def _least(path: Path, _value: object, limit: object, _schema: object) -> Iterator[Finding]:
    yield Finding(path, f"must be at least {limit}", "range")


def _most(path: Path, _value: object, limit: object, _schema: object) -> Iterator[Finding]:
    yield Finding(path, f"must be at most {limit}", "range")


Explain = Callable[[Path, Any, Any, Mapping[str, object]], Iterator[Finding]]
EXPLAIN: Dict[str, Explain] = {
    "additionalProperties": _unknown_keys,
    "enum": _enum,
    "maximum": _most,
    "minimum": _least,
    "pattern": _pattern,
    "required": _required,
    "type": _type,
}
