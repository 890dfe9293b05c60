# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Protects ``A: {{ generate_user }}`` from YAML, which would read two braces as a mapping in a mapping.

Before parsing, each character of an expression that is special in YAML is replaced with another one, so all positions
stay the same. After parsing, each scalar gets the original characters back. Quotes and block texts work as usual.
"""

from __future__ import annotations

import re

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.expressions import may_hold

_EXPRESSION = re.compile(r"\{\{-?[ \t]*(?:generate_\w|(?:network|global)_alias\b)[^{}\n]*\}\}")
_SPECIAL = "{},:#[]"
#: Private characters of plane 16, which texts hardly ever contain. If a text contains them, the next ones are used.
_FIRST, _LAST = 0x10F000, 0x10FFF0


def shield(text: str) -> tuple[str, dict[int, str]]:
    """Returns the text to parse, and the table for ``str.translate`` that restores scalars (empty: not needed)."""
    if not may_hold(text) or not _EXPRESSION.search(text):
        return text, {}
    for base in range(_FIRST, _LAST, len(_SPECIAL)):
        stand_ins = "".join(chr(base + number) for number in range(len(_SPECIAL)))
        if not any(char in text for char in stand_ins):
            return _replaced(text, str.maketrans(_SPECIAL, stand_ins)), dict(zip(map(ord, stand_ins), _SPECIAL))
    return text, {}


def _replaced(text: str, table: dict[int, int]) -> str:
    return _EXPRESSION.sub(lambda match: match.group().translate(table), text)
