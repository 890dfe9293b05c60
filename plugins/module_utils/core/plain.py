# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Converts external JSON to plain data that other code can walk safely: limited depth and size, only valid numbers."""

from __future__ import annotations

import json
import re
from typing import Any, List, Union

DEEPEST = 64  # levels; the Engine's own answers have less than 20
MOST_PARTS = 2_000_000  # entries; each takes about 70 bytes of memory, however short its text
LONGEST_NUMBER = 40  # digits

_LONE = re.compile(r"[\ud800-\udfff]")


def parse(text: Union[str, bytes]) -> Any:
    """Parses a JSON text to plain data. A lone surrogate becomes a question mark, because it could not be written.

    Raises ValueError with a text that follows a subject such as "the answer": it ``is not valid JSON``, ``is nested too
    deep``, or has too many entries, an invalid number or one with too many digits.
    """
    comma: Any = b"," if isinstance(text, bytes) else ","
    if text.count(comma) > MOST_PARTS:
        raise ValueError(f"has more than {MOST_PARTS} entries")
    try:
        found = json.loads(text, parse_constant=_none, parse_float=_float, parse_int=_integer)
    except RecursionError:
        raise ValueError("is nested too deep") from None
    except _Number as error:
        raise ValueError(str(error)) from None
    except ValueError:
        raise ValueError("is not valid JSON") from None
    if is_deep(found):
        raise ValueError("is nested too deep")
    escape: Any = b"\\ud" if isinstance(text, bytes) else "\\ud"
    if escape in text.lower() or (isinstance(text, str) and _LONE.search(text)):
        found = json.loads(json.dumps(found, ensure_ascii=False).encode("utf-8", "replace"))
    return found


def is_deep(value: object, deepest: int = DEEPEST) -> bool:
    """Whether plain data has more than ``deepest`` levels. Does not recurse."""
    level: List[Any] = [value]
    for _level in range(deepest + 1):
        level = [
            child
            for item in level
            if isinstance(item, (dict, list))
            for child in (item.values() if isinstance(item, dict) else item)
        ]
        if not level:
            return False
    return True


class _Number(ValueError):
    pass


def _none(text: str) -> Any:
    raise _Number(f"has an invalid number ({text})")


def _float(text: str) -> float:
    value = float(text)
    if value - value != 0:  # 1e400
        raise _Number("has a number that is too large")
    return value


def _integer(text: str) -> int:
    if len(text) > LONGEST_NUMBER:
        raise _Number("has a number that is too large")
    return int(text)
