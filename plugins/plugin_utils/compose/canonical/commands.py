# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``command``, ``entrypoint`` and the test of a health check as lists of words."""

from __future__ import annotations

from typing import Any

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.canonical.texts import is_scalar, text_list
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.report import VALUE, Place
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.scalars import scalar_text
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import seq_of

_BLANK = " \t\r\n"


class UnbalancedQuote(ValueError):
    """A quote is not closed, or the text ends with a backslash."""


def split_words(command: str) -> list[str]:
    """Splits ``command`` like google/shlex, which Docker's CLI uses. Raises UnbalancedQuote.

    Quotes and backslashes work, ``#`` at the start of a word begins a comment, and nothing else is special
    (no variables, no ``|`` or ``&&``). In double quotes, a backslash escapes any character.
    """
    words: list[str] = []
    word: list[str] | None = None
    position = 0
    while position < len(command):
        char = command[position]
        position += 1
        if char in _BLANK:
            if word is not None:
                words.append("".join(word))
                word = None
        elif char == "#" and word is None:
            end = command.find("\n", position)
            position = len(command) if end < 0 else end + 1
        elif char == "\\":
            if position >= len(command):
                raise UnbalancedQuote("the text ends with a backslash")
            word = word or []
            word.append(command[position])
            position += 1
        elif char in "'\"":
            quoted, position = _quoted(command, position, char)
            word = word or []
            word.append(quoted)
        else:
            word = word or []
            word.append(char)
    if word is not None:
        words.append("".join(word))
    return words


def _quoted(command: str, position: int, quote: str) -> tuple[str, int]:
    chars: list[str] = []
    while position < len(command):
        char = command[position]
        position += 1
        if char == quote:
            return "".join(chars), position
        if char == "\\" and quote == '"':
            if position >= len(command):
                break
            char = command[position]
            position += 1
        chars.append(char)
    raise UnbalancedQuote("a quote is not closed")


def words(value: object, place: Place) -> Any:
    """Returns ``command`` or ``entrypoint`` as a list of words."""
    if not is_scalar(value):
        return text_list(value, place)
    text = scalar_text(value)
    place.spend(VALUE * sum(map(text.count, _BLANK)))
    try:
        return seq_of(split_words(text), place.mark)
    except UnbalancedQuote as error:
        place.problem(
            f"can't be split into words: {error}", hint="close the quote, or write a list", code="unbalanced_quote"
        )
        return value


def health_test(value: object, place: Place) -> object:
    """Converts a text to a test for the shell; a list stays as it is."""
    return seq_of(["CMD-SHELL", scalar_text(value)], place.mark) if is_scalar(value) else text_list(value, place)
