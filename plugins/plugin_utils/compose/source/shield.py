# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets ``A: {{ generate_user }}`` be text: YAML alone reads two braces as a mapping inside a mapping.

Before parsing, the characters of an expression that YAML would act on become others, one for one, so that every place
in the file stays the same; in each scalar they are put back. So quotes and block texts work as ever.
"""

from __future__ import annotations

import re

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.expressions import may_hold

_EXPRESSION = re.compile(r"\{\{-?[ \t]*(?:generate_\w|(?:network|global)_alias\b)[^{}\n]*\}\}")
_SPECIAL = "{},:#[]"
#: Private characters of plane 16, which texts hardly ever have; if they do, the next ones are taken.
_FIRST, _LAST = 0x10F000, 0x10FFF0


def shield(text: str) -> tuple[str, dict[int, str]]:
    """``text`` for the parser, and the table for ``str.translate`` that undoes it in scalars (empty: nothing to do)."""
    if not may_hold(text) or not _EXPRESSION.search(text):
        return text, {}
    for base in range(_FIRST, _LAST, len(_SPECIAL)):
        stand_ins = "".join(chr(base + number) for number in range(len(_SPECIAL)))
        if not any(char in text for char in stand_ins):
            there = str.maketrans(_SPECIAL, stand_ins)
            back = {ord(stand_in): char for char, stand_in in zip(_SPECIAL, stand_ins)}
            return _shielded(text, there), back
    return text, {}


def _shielded(text: str, there: dict[int, int]) -> str:
    return _EXPRESSION.sub(lambda match: match.group().translate(there), text)
