# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables for terminals, in columns of spaces. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import List

GAP = "  "
#: The least width of a column that is cut, in characters.
NARROWEST = 12


def table(head: Sequence[str], rows: Sequence[Sequence[object]], width: int = 88) -> List[str]:
    """Returns the lines of a table. The first line is the head, in capitals.

    If it is wider than ``width``, its widest columns are cut; the first one, which has the names, last.
    """
    cells = [[title.upper() for title in head], *([one_line(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    while sum(widths) + len(GAP) * (len(widths) - 1) > width:
        others = [column for column in range(1, len(widths)) if widths[column] > NARROWEST]
        widest = max(others, key=widths.__getitem__, default=0)
        if widths[widest] <= NARROWEST:
            break
        widths[widest] -= 1
    return [GAP.join(cut(cell, size).ljust(size) for cell, size in zip(row, widths)).rstrip() for row in cells]


def wrapped(text: str, width: int = 88) -> List[str]:
    """Returns a text in lines of at most ``width`` characters; all except the first are indented."""
    return textwrap.wrap(one_line(text), width, subsequent_indent=GAP, break_on_hyphens=False) or [""]


def cut(text: str, size: int) -> str:
    return text if len(text) <= size else text[: size - 1] + "…"


def one_line(value: object) -> str:
    return " ".join(str("" if value is None else value).split())
