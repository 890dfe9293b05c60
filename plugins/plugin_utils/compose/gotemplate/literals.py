# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parses the literals of Go: quoted texts, characters and numbers."""

from __future__ import annotations

import re
from typing import Union

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.gotemplate.scan import TemplateFault

Number = Union[int, float, complex]
_ESCAPE = re.compile(
    r"\\(?:(?P<plain>[abfnrtv\\'\"])|(?P<octal>[0-7]{3})|x(?P<x>[0-9a-fA-F]{2})"
    r"|u(?P<u>[0-9a-fA-F]{4})|U(?P<long>[0-9a-fA-F]{8}))"
)
_PLAIN = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_INTEGER = re.compile(
    r"[+-]?(?:0[xX](?:_?[0-9a-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+|0(?:_?[0-7])*|[1-9](?:_?[0-9])*)\Z"
)
#: Never splits digits in two ways: long numbers would take quadratic time.
_FLOAT = re.compile(
    r"[+-]?(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
    r"|(?P<hex>0[xX](?:[0-9a-fA-F]+(?:\.[0-9a-fA-F]*)?|\.[0-9a-fA-F]+)[pP][+-]?[0-9]+))\Z"
)


def unquoted(word: str) -> str:
    """Returns the text of a literal in double quotes or backquotes."""
    if word.startswith("`"):
        return word[1:-1].replace("\r", "")
    return _unescaped(word[1:-1], "'", "invalid syntax")


def number(word: str) -> Number:
    """Returns an int, a float or a complex; any imaginary number is complex. Raises TemplateFault."""
    if _INTEGER.match(word):
        return _integer(word)
    if word.endswith("i"):
        real, imaginary = _parts(word[:-1])
        return complex(_float(real), _float(imaginary))
    value = _float(word)
    if not set(word) & set(".eEpP"):
        raise TemplateFault(f"integer overflow: {word!r}")
    return value


def character(word: str) -> int:
    """Returns the code point of a literal in single quotes. Raises TemplateFault."""
    fault = f"malformed character constant: {word}"
    text = _unescaped(word[1:-1], '"', fault)
    if len(text) != 1:
        raise TemplateFault(fault)
    return ord(text)


def _unescaped(text: str, foreign: str, fault: str) -> str:
    done, position = [], 0
    while (start := text.find("\\", position)) >= 0:
        match = _ESCAPE.match(text, start)
        if not match or match["plain"] == foreign:
            raise TemplateFault(fault)
        done.append(text[position:start])
        digits = match["octal"] or match["x"] or match["u"] or match["long"]
        code = int(digits, 8 if match["octal"] else 16) if digits else 0
        if code > 0x10FFFF or 0xD800 <= code < 0xE000 or (match["octal"] and code > 255):
            raise TemplateFault(fault)
        done.append(chr(code) if digits else _PLAIN.get(match["plain"], match["plain"]))
        position = match.end()
    return "".join(done) + text[position:]


def _integer(word: str) -> int:
    digits = word.replace("_", "").lower()
    sign, digits = (-1, digits[1:]) if digits[0] == "-" else (1, digits.lstrip("+"))
    octal = digits.startswith("0") and digits[:2] not in ("0x", "0o", "0b")
    value = sign * int(digits, 8 if octal else 0)
    if not -(2**63) <= value < 2**63:
        raise TemplateFault(f"integer overflow: {word!r}" if value >= 2**64 else f"{word} overflows int")
    return value


def _float(word: str) -> float:
    match = _FLOAT.match(word) or (_INTEGER.match(word) and _FLOAT.match(word.replace("_", "")))
    if not match:
        raise TemplateFault(f"illegal number syntax: {word!r}")
    try:
        value = float.fromhex(word) if match["hex"] else float(match.group())
    except (OverflowError, ValueError):
        value = float("inf")
    if value in (float("inf"), float("-inf")):
        raise TemplateFault(f"illegal number syntax: {word!r}")
    return value


def _parts(word: str) -> tuple[str, str]:
    """Returns the real and the imaginary part of a complex number without its ``i``, such as ``1+2``."""
    at = max(word.rfind("+"), word.rfind("-"))
    if at <= 0 or word[at - 1] in "eEpP":
        return "0", word
    return word[:at], word[at:]
