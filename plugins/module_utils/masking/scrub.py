# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Removes values from external texts: errors of the Engine, logs of tasks, results."""

from __future__ import annotations

import base64
import json
import re
from typing import Any, Callable, Iterable, Set

from ansible_collections.stackwright.swarm.plugins.module_utils.values.value_references import HIDDEN, escaped

#: Shorter values would hide parts of unrelated words, and reveal little.
SHORTEST = 4
#: Logs come line by line, so each line of a longer value is hidden, if it has at least this length.
SHORTEST_LINE = 8
#: The characters that a URL has unquoted; others are like %2F.
UNQUOTED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~")

Scrub = Callable[[Any], Any]


def scrubber(values: Iterable[str]) -> Scrub:
    """Returns a function that copies plain data and replaces each of ``values`` in its texts with ``********``.

    It also recognizes a value quoted by an Engine, a log or JSON, in base64, in a URL, and escaped for Swarm's
    templates. Keys of maps stay.
    """
    forms: Set[str] = set()
    for value in values:
        lines = [line for line in value.splitlines() if len(line) >= SHORTEST_LINE]
        for part in (value, value.strip(), *lines):
            forms |= _forms(part) if len(part) >= SHORTEST else set()
    if not forms:
        return lambda data: data
    # The longest first: one value may be the beginning of another.
    pattern = re.compile("|".join(re.escape(form) for form in sorted(forms, key=lambda form: (-len(form), form))))

    def scrub(data: object) -> Any:
        if isinstance(data, str):
            return pattern.sub(HIDDEN, data)
        if isinstance(data, dict):
            return {key: scrub(item) for key, item in data.items()}
        if isinstance(data, list):
            return [scrub(item) for item in data]
        return tuple(scrub(item) for item in data) if isinstance(data, tuple) else data

    return scrub


def _forms(text: str) -> Set[str]:
    raw = text.encode("utf-8", "surrogateescape")
    coded = base64.b64encode(raw).decode("ascii")
    quoted = "".join(chr(byte) if chr(byte) in UNQUOTED else f"%{byte:02X}" for byte in raw)
    found = {text, escaped(text), json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1], coded, quoted}
    if len(raw) >= SHORTEST_LINE:
        # Inside another text in base64, such as user:password: three bytes become four characters.
        for before in range(3):
            inner = base64.b64encode(b"\0" * before + raw).decode("ascii")
            found.add(inner[(0, 2, 3)[before] : (len(raw) + before) * 8 // 6])
    return found
