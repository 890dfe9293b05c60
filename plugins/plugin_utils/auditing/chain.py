# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines of an audit as a chain: each has a digest of itself and of the line before. Pure.

A line that is altered, removed, inserted or moved breaks the chain there. With a key, only its owners can create a new
valid chain.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any, Dict, List, Mapping, NamedTuple, Tuple

BEGUN = "chain_begun"
#: Fields that the chain adds to each line.
CHAIN, NUMBER, BEFORE, DIGEST = "chain", "number", "before", "digest"


class Head(NamedTuple):
    """The end of a chain: its name, and the number and digest of its last line."""

    chain: str
    number: int
    digest: str


def written(fields: Mapping[str, Any], before: Head, key: bytes = b"") -> Tuple[str, Head]:
    """Returns the next line of the chain that ends with ``before``, and the new end of the chain."""
    line = {**fields, CHAIN: before.chain, NUMBER: before.number + 1, BEFORE: before.digest}
    line[DIGEST] = _digest(line, key)
    return _text(line), Head(before.chain, before.number + 1, line[DIGEST])


def begun(chain: str, fields: Mapping[str, object], former: str = "", key: bytes = b"") -> Tuple[str, Head]:
    """Returns the first line of a new chain, and its end. ``former``: the digest of the line before it in its file."""
    return written({"event": BEGUN, "former": former, **fields}, Head(chain, 0, ""), key)


def head_of(line: str) -> Head:
    """Returns the end of the chain whose last line this is. Raises ValueError if it is not a line of a chain."""
    data = json.loads(line)
    if not isinstance(data, dict):
        raise ValueError("no object")
    found = Head(data.get(CHAIN), data.get(NUMBER), data.get(DIGEST))  # type: ignore[arg-type]
    if not (isinstance(found.chain, str) and isinstance(found.number, int) and isinstance(found.digest, str)):
        raise ValueError("not a line of a chain")
    return found


def problems(text: str, key: bytes = b"", last: str = "") -> List[Dict[str, Any]]:
    """Returns the problems of an audit: ``line`` (from 1) and ``problem`` of each; none if nothing was altered.

    :param last: the digest that the last line must have, if it is known from elsewhere. Only this detects lines that
        were cut off the end.
    """
    found: List[Dict[str, Any]] = []
    head = Head("", 0, "")
    lines = text.split("\n")
    if lines and not lines[-1]:
        lines.pop()
    elif lines:
        found.append({"line": len(lines), "problem": "the last line is not complete"})
    for number, line in enumerate(lines, 1):
        data = _read(line)
        problem = "this is not a line of an audit" if data is None else _problem(data, line, head, key)
        if problem:
            found.append({"line": number, "problem": problem})
        if data is not None:
            head = Head(str(data.get(CHAIN)), _number(data.get(NUMBER)), str(data.get(DIGEST)))
    if last and head.digest != last:
        found.append({"line": len(lines), "problem": "the last lines are missing"})
    return found


def _problem(data: Mapping[str, object], line: str, head: Head, key: bytes) -> str:
    given = {name: value for name, value in data.items() if name != DIGEST}
    claimed = str(data.get(DIGEST)).encode("utf-8", "replace")
    if not hmac.compare_digest(claimed, _digest(given, key).encode()) or _text(data) != line:
        return "it was altered, or the key is different"
    if data.get("event") == BEGUN and data.get(NUMBER) == 1:
        if data.get("former", "") != head.digest:
            return "a new chain begins here, and does not follow the line before"
        return ""
    if data[CHAIN] != head.chain or data[BEFORE] != head.digest or data[NUMBER] != head.number + 1:
        missing = _number(data[NUMBER]) - head.number - 1 if data[CHAIN] == head.chain else 0
        return f"{missing} lines before it are missing" if missing > 0 else "it does not follow the line before"
    return ""


def _read(line: str) -> Any:
    try:
        data = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) and {CHAIN, NUMBER, BEFORE, DIGEST} <= data.keys() else None


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


def _text(data: Mapping[str, object]) -> str:
    return json.dumps(data, sort_keys=True, ensure_ascii=True, separators=(", ", ": "))


def _digest(data: Mapping[str, object], key: bytes) -> str:
    text = _text(data).encode()
    return hmac.new(key, text, hashlib.sha256).hexdigest() if key else hashlib.sha256(text).hexdigest()
