# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths into a Compose file: their notation, their places, and which keys and values messages may show."""

from __future__ import annotations

import re
from typing import Any, Sequence, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import Problem
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Path, locate
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import dotted as joined

#: Words such as a mode or a condition. Anything else might be a secret and is never shown.
WORD = re.compile(r"[A-Za-z][A-Za-z0-9_.+-]{0,31}")
LONGEST_KEY = 64


def shown_key(key: object) -> str:
    """Returns a key for messages: on one line, at most LONGEST_KEY long, without the value after an equals sign."""
    text = re.sub(r"[^\x20-\x7e\u00a1-\uffff]", "?", str(key))
    head, sign, _value = text.partition("=")
    text = f"{head}=…" if sign else text
    return text if len(text) <= LONGEST_KEY else text[: LONGEST_KEY - 1] + "…"


def dotted(path: Sequence[object]) -> str:
    """Returns ``("services", "web", "ports", 0)`` as ``services.web.ports[0]``."""
    return joined(path, shown_key)


def kind_of(value: object) -> str:
    """Returns the type of a value in words, without showing the value."""
    for kind, words in KINDS:
        if isinstance(value, kind):
            return words
    return "nothing (null)" if value is None else "a date" if hasattr(value, "isoformat") else "something else"


#: bool comes before int, since it is a subclass.
KINDS: Tuple[Tuple[Any, str], ...] = (
    (bool, "a boolean"),
    (int, "a whole number"),
    (float, "a number"),
    (str, "text"),
    (dict, "a mapping"),
    (list, "a list"),
)


def shown_value(value: object) -> str:
    """Returns the value itself if it is a short word, else its type."""
    return f"'{value}'" if isinstance(value, str) and WORD.fullmatch(value) else kind_of(value)


def problem_at(tree: object, file: str, path: Path, message: str, *, code: str, hint: str = "") -> Problem:
    """Returns a problem at ``path`` of the document ``tree`` from ``file``."""
    mark = locate(tree, path)
    return Problem(
        message=message,
        key=dotted(path),
        file=mark.file or file,
        line=mark.line,
        column=mark.column,
        hint=hint,
        code=code,
    )
