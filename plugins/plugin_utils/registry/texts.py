# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts with variables: their values with defaults, the variables that they use, and suggestions for typos."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.substitution import (
    TemplateError,
    substitute,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.written import text_of

_VARIABLE = re.compile(
    r"\$(?:\$|\{([A-Za-z_][A-Za-z0-9_]*)(?:(:?[-?+])((?:[^{}]|\{[^{}]*\})*))?\}|([A-Za-z_][A-Za-z0-9_]*))"
)


def settled(value: object) -> str | None:
    """Returns a scalar as text with the defaults of its variables; None if one has no default or is not valid."""
    text = text_of(value)
    if "$" not in text:
        return text
    unset: list[str] = []
    try:
        found = substitute(text, {}, unset.append, lambda size: None)
    except TemplateError:
        return None
    return None if unset else found


def variables_in(text: str) -> list[tuple[str, str, str]]:
    """Returns the variables of a text, outer ones first: name, operator ("", ``:-``, ``:?``, ...) and its argument."""
    found: list[tuple[str, str, str]] = []
    for match in _VARIABLE.finditer(text):
        if match.group(1) or match.group(4):
            found.append((match.group(1) or match.group(4), match.group(2) or "", match.group(3) or ""))
            if match.group(3):
                found += variables_in(match.group(3))
    return found


def nearest(word: str, words: Iterable[str]) -> str:
    """Returns ``did you mean 'x'?`` for the most likely word, or ""."""
    from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.schema.messages import closest

    by_case = {other.lower(): other for other in words}
    found = by_case.get(closest(word, by_case), "")
    return f"did you mean '{found}'?" if found else ""
