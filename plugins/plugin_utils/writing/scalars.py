# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes a scalar as YAML that every reader reads as the same value: Go's yaml.v2 and v3, PyYAML and our own."""

from __future__ import annotations

import math
import re

#: Words that some YAML 1.1 or 1.2 reader reads as a boolean, null or a number.
_WORDS = frozenset(("", "~", "null", "true", "false", "yes", "no", "on", "off", "y", "n", "nan", "inf"))
#: Texts that need no quotes. One that begins with a digit or a sign must also not match _NUMBER.
_PLAIN = re.compile(r"[\w/.$+(-](?:[\w/.$+~@%^&*()={}\[\]<>;!?,|'\"\\-]|:(?=[^\s])| (?=[^\s#]))*\Z")
#: Numbers of any base, times (22:22), dates, and similar texts.
_NUMBER = re.compile(r"[-+.]?[0-9._][0-9a-fA-FxXoObB_.,:+eETtZz -]*\Z|[-+]?\.?(?:inf|nan)\Z", re.IGNORECASE)
#: Characters that are escaped: control characters, other line breaks, direction marks, surrogates, noncharacters.
_ESCAPED = re.compile("[\x00-\x1f\x7f-\xa0\u00ad\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]")
_NAMES = {"\n": "\\n", "\t": "\\t", "\r": "\\r", '"': '\\"', "\\": "\\\\"}


class Octal(int):
    """A number that is written in octal, such as a file mode."""


def double_quoted(text: str) -> str:
    """Returns ``text`` in double quotes. Raises ValueError for NUL and lone surrogates, which YAML can't contain."""
    if "\0" in text:
        raise ValueError("a text with a NUL can't be written as YAML")
    return '"' + re.sub(f'["\\\\]|{_ESCAPED.pattern}', _escape, text) + '"'


def _escape(match: re.Match[str]) -> str:
    char = match.group()
    code = ord(char)
    if 0xD800 <= code <= 0xDFFF:
        raise ValueError(f"the character U+{code:04X} can't be written as YAML")
    return _NAMES.get(char) or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")


def text_of(text: str) -> str:
    """Returns a text on one line, with quotes only if it needs them."""
    if text.lower() not in _WORDS and not _NUMBER.match(text) and _PLAIN.match(text) and not _special(text):
        return text
    # In single quotes, only these are escaped.
    if ('"' in text or "\\" in text) and not _ESCAPED.search(text):
        return "'" + text.replace("'", "''") + "'"
    return double_quoted(text)


def _special(text: str) -> bool:
    """Whether a text without quotes would be a marker (``---``, ``- ``), or has characters to escape."""
    return text[:3] in ("---", "...") or text[:1] == "-" and (text[1:2] in ("", " ")) or bool(_ESCAPED.search(text))


def scalar_of(value: object) -> str:
    """Returns a scalar on one line; ``null`` for None."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Octal):
        return f"0{int(value):o}" if value else "0"
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, float):
        return _float(value)
    return text_of(str(value))


def _float(value: float) -> str:
    if math.isnan(value):
        return ".nan"
    if math.isinf(value):
        return ".inf" if value > 0 else "-.inf"
    text = repr(value)
    mantissa, e, power = text.partition("e")
    # YAML 1.1 needs a point in every float.
    return f"{mantissa if '.' in mantissa else mantissa + '.0'}{e}{power}"


def block_of(text: str) -> list[str] | None:
    """Returns the header (``|`` or ``|-``) and the lines of ``text`` as a literal block; None if it needs quotes."""
    lines = text.split("\n")
    end = lines.pop() if lines[-1] == "" else None
    if len(lines) < 2 or lines[0][:1] in ("", " ") or lines[-1] == "":
        return None
    for line in lines:
        if line[:1] == "\t" or line[-1:] in (" ", "\t") or _ESCAPED.search(line.replace("\t", "")):
            return None
    return ["|" if end is not None else "|-", *lines]
