# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Splits a Go template (text/template) into words, like Swarm."""

from __future__ import annotations

import re
from typing import Generator, Iterator, NamedTuple

LEFT, RIGHT = "{{", "}}"
SPACES = " \t\r\n"
KEYWORDS = frozenset(("block", "break", "continue", "define", "else", "end", "if", "range", "nil", "template", "with"))
_TRIMMED_LEFT = re.compile(r"\{\{(?:-(?=[ \t\r\n]))?")
_RIGHT = re.compile(r"([ \t\r\n]-)?\}\}")
_SPACE = re.compile(r"(?:(?![ \t\r\n]-\}\})[ \t\r\n])+")
_QUOTED = re.compile(r'"(?:\\[^\n]|[^"\\\n])*"')
_CHARACTER = re.compile(r"'(?:\\[^\n]|[^'\\\n])*'")
_RAW = re.compile(r"`[^`]*`")
_DIGITS = (
    r"(?:0[xX][0-9a-fA-F_]*\.?[0-9a-fA-F_]*(?:[pP][+-]?[0-9_]*)?|0[oO][0-7_]*\.?[0-7_]*|0[bB][01_]*\.?[01_]*"
    r"|[0-9_]*\.?[0-9_]*(?:[eE][+-]?[0-9_]*)?)"
)
_NUMBER = re.compile(rf"[+-]?{_DIGITS}i?(?:[+-]{_DIGITS}i)?")


class TemplateFault(ValueError):
    """Swarm would refuse the template. The message is similar to Go's."""


class Word(NamedTuple):
    """A word. ``kind``: text, {{, }}, space, :=, =, |, (, ), string, character, number, bool, keyword, name, variable,
    field, dot, sign or end."""

    kind: str
    text: str


END = Word("end", "")


def words(text: str) -> Iterator[Word]:
    """Yields the words of ``text``; the last one is END. Raises TemplateFault."""
    position = 0
    while True:
        start = text.find(LEFT, position)
        if start < 0:
            if position < len(text):
                yield Word("text", text[position:])
            yield END
            return
        opening = _TRIMMED_LEFT.match(text, start)
        inside = opening.end() if opening else start
        trims = inside > start + len(LEFT)
        before = text[position:start]
        before = before.rstrip(SPACES) if trims else before
        if before:
            yield Word("text", before)
        comment = inside + 1 if trims else inside
        if text.startswith("/*", comment):
            position = _after_comment(text, comment + 2)
            continue
        yield Word("{{", LEFT)
        position = yield from _action(text, inside)
        yield Word("}}", RIGHT)


def _after_comment(text: str, position: int) -> int:
    end = text.find("*/", position)
    if end < 0:
        raise TemplateFault("unclosed comment")
    closing = _RIGHT.match(text, end + 2)
    if not closing:
        raise TemplateFault("comment ends before closing delimiter")
    return _behind(text, closing)


def _behind(text: str, closing: re.Match[str]) -> int:
    """Returns the start of the text after ``}}``; after ``-}}`` it skips spaces."""
    position = closing.end()
    while closing[1] and position < len(text) and text[position] in SPACES:
        position += 1
    return position


def _action(text: str, position: int) -> Generator[Word, None, int]:
    """Yields the words up to ``}}``; returns the start of the text after it."""
    depth = 0
    while True:
        closing = _RIGHT.match(text, position)
        if closing:
            if depth:
                raise TemplateFault("unclosed left paren")
            return _behind(text, closing)
        if position >= len(text):
            raise TemplateFault("unclosed action")
        word = _word(text, position)
        depth += (word.kind == "(") - (word.kind == ")")
        if depth < 0:
            raise TemplateFault("unexpected right paren")
        yield word
        position += len(word.text)


def _word(text: str, position: int) -> Word:
    first = text[position]
    if first in SPACES:
        return Word("space", _found(_SPACE, text, position, "unclosed action"))
    if first == ":":
        if not text.startswith(":=", position):
            raise TemplateFault("expected :=")
        return Word(":=", ":=")
    if first in "=|()":
        return Word(first, first)
    if first == '"':
        return Word("string", _found(_QUOTED, text, position, "unterminated quoted string"))
    if first == "`":
        return Word("string", _found(_RAW, text, position, "unterminated raw quoted string"))
    if first == "'":
        return Word("character", _found(_CHARACTER, text, position, "unterminated character constant"))
    digit_follows = text[position + 1 : position + 2] in tuple("0123456789")
    if first == "$" or first == "." and not digit_follows:
        return _named(text, position, "variable" if first == "$" else "field")
    if first in "+-.0123456789":
        number = _found(_NUMBER, text, position, "bad number syntax")
        if _is_letter(text, position + len(number)) or number in ("+", "-"):
            raise TemplateFault(f"bad number syntax: {number + text[position + len(number) :][:1]!r}")
        return Word("number", number)
    if _is_letter(text, position):
        word = _named(text, position, "name")
        if word.text in ("true", "false"):
            return Word("bool", word.text)
        return Word("keyword", word.text) if word.text in KEYWORDS else word
    if first.isascii() and first.isprintable():
        return Word("sign", first)
    raise TemplateFault(f"unrecognized character in action: U+{ord(first):04X}")


def _named(text: str, position: int, kind: str) -> Word:
    end = position + 1
    while _is_letter(text, end):
        end += 1
    following = text[end : end + 1]
    if following and following not in SPACES + ".,|:()" and not text.startswith(RIGHT, end):
        raise TemplateFault(f"bad character U+{ord(following):04X} {following!r}")
    word = text[position:end]
    return Word("dot", word) if word == "." else Word(kind, word)


def _found(pattern: re.Pattern[str], text: str, position: int, fault: str) -> str:
    match = pattern.match(text, position)
    if not match:
        raise TemplateFault(fault)
    return match.group()


def _is_letter(text: str, position: int) -> bool:
    letter = text[position : position + 1]
    return letter == "_" or letter.isalpha() or letter.isdecimal()
