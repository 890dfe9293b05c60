# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parsers for files of KEY=VALUE lines.

``parse_dotenv`` reads them like Compose: quotes, escapes, variables, comments after a value. ``parse_raw`` reads them
like Docker's CLI: everything after the first ``=`` is the value. No error message contains a value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.report import VALUE
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.substitution import (
    TemplateError,
    substitute,
)

_BLANK = " \t\v\f\r\x85\xa0"
_KEY = re.compile(r"[^\W]|[_.\-\[\]]")
_SIGN = re.compile(r"[=:\n]")
_REST = re.compile(r"[^\S\n]*(\S)")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_ESCAPES.update({'"': '"', "\\": "\\", "$": "$$"})
_ESCAPE = re.compile(r'\\([abfnrtv"\\$]|0\d{0,3})')
MAX_LINE = 64 * 1024
MAX_BYTES = 1_000_000
Entry = tuple[str, "str | None", int]  # key, value (None: a bare key), line
#: Receives the number of bytes before they are created, and their line; may raise.
Spend = Callable[[int, int], None]
#: Receives a variable's name or a message, and its line.
Notify = Callable[[str, int], None]


class EnvFileError(ValueError):
    """A line can't be parsed. ``line`` counts from 1."""

    def __init__(self, message: str, line: int, hint: str = "", code: str = "env_file") -> None:
        super().__init__(message)
        self.line = line
        self.hint = hint
        self.code = code


def decode(data: bytes) -> str:
    """Returns the text of an env file without its byte order mark.

    Raises EnvFileError if it has more than MAX_BYTES, contains a NUL, or is not UTF-8.
    """
    if len(data) > MAX_BYTES:
        raise EnvFileError(f"an env file has more than {MAX_BYTES} bytes", 1, "check that it is the right file")
    if b"\0" in data:
        raise EnvFileError("contains a NUL", data.count(b"\n", 0, data.index(0)) + 1, "check that it is a text file")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise EnvFileError("is not UTF-8 text", data.count(b"\n", 0, error.start) + 1, "save it as UTF-8") from None


def parse_raw(text: str, spend: Spend) -> list[Entry]:
    """Returns (key, value, line) for each line; the value is None for a bare key. Raises EnvFileError."""
    entries: list[Entry] = []
    for number, line in enumerate(text.split("\n"), 1):
        line = line.removesuffix("\r").lstrip()
        if not line or line.startswith("#"):
            continue
        if len(line) > MAX_LINE:
            raise EnvFileError(f"the line is longer than {MAX_LINE} characters", number)
        key, equals, value = line.partition("=")
        if not key:
            raise EnvFileError("a line begins with '='", number, "put a name before it")
        if any(blank in key for blank in " \t"):
            raise EnvFileError("the name before '=' contains a space", number, "write NAME=value, without 'export'")
        spend(VALUE, number)
        entries.append((key, value if equals else None, number))
    return entries


def parse_dotenv(text: str, variables: Mapping[str, str], unset: Notify, spend: Spend, warn: Notify) -> list[Entry]:
    """Returns the same as ``parse_raw``, but reads like Compose. Raises EnvFileError.

    Values may refer to ``variables``, which win, and to earlier lines. ``unset`` receives each variable without a
    value, ``warn`` a message about a suspicious line.
    """
    return _Dotenv(text, variables, unset, spend, warn).parse()


class _Dotenv:
    def __init__(self, text: str, variables: Mapping[str, str], unset: Notify, spend: Spend, warn: Notify) -> None:
        self.text = text
        self.variables = variables
        self.unset = unset
        self.spend = spend
        self.warn = warn
        self.known: dict[str, str] = dict(variables)
        self.position = 0

    def parse(self) -> list[Entry]:
        entries: list[Entry] = []
        line, counted = 1, 0
        while self._to_statement():
            line += self.text.count("\n", counted, self.position)
            counted = self.position
            self.spend(VALUE, line)
            key, bare = self._key(line)
            value = None if bare else self._value(line)
            entries.append((key, value, line))
            if key not in self.variables and value is not None:
                self.known[key] = value
        return entries

    def _to_statement(self) -> bool:
        """Moves to the next statement; False at the end."""
        while self.position < len(self.text):
            char = self.text[self.position]
            if char == "#":
                self.position = self._line_end()
            elif char == "\n" or char in _BLANK:
                self.position += 1
            else:
                return True
        return False

    def _line_end(self) -> int:
        end = self.text.find("\n", self.position)
        return len(self.text) if end < 0 else end

    def _key(self, line: int) -> tuple[str, bool]:
        # Searches only for the sign, not the line's end: a line may contain many statements.
        sign = _SIGN.search(self.text, self.position)
        end = sign.start() if sign else len(self.text)
        bare = not sign or sign.group() == "\n"
        key = self.text[self.position : end].rstrip()
        # Only "export NAME" is the keyword; "exporter=1" is a name.
        if key.startswith("export") and key[6:7] in tuple(" \t"):
            key = key[6:].lstrip(_BLANK)
        if not key or any(not _KEY.match(char) for char in key):
            raise EnvFileError(
                "the variable name contains a character that is not allowed",
                line,
                "names may contain letters, digits, '_', '.' and '-'; a multi-line value needs quotes",
            )
        self.position = end if bare else end + 1
        return key, bare

    def _value(self, line: int) -> str:
        while self.position < len(self.text) and self.text[self.position] in _BLANK:
            self.position += 1
        quote = self.text[self.position : self.position + 1]
        if quote in ("'", '"'):
            return self._quoted(quote, line)
        end = self._line_end()
        value = self.text[self.position : end]
        self.position = end
        return self._expand(value.partition(" #")[0].rstrip(), line)

    def _quoted(self, quote: str, line: int) -> str:
        start = self.position + 1
        end = start
        while True:
            end = self.text.find(quote, end)
            if end < 0:
                raise EnvFileError("a quoted value has no closing quote", line, f"close it with {quote}")
            if not _escaped(self.text, start, end):
                break
            end += 1
        value = self.text[start:end]
        self.position = end + 1
        rest = _REST.match(self.text, self.position)
        if rest and rest.group(1) != "#":
            self.warn("the text after the closing quote is read as a separate variable", line)
        if quote == "'":
            return value.replace("\\'", "'")
        value = _ESCAPE.sub(_unescape, value.replace('\\"', '"'))
        if "\0" in value:
            raise EnvFileError("contains a NUL", line, "variables can't contain it")
        return self._expand(value, line)

    def _expand(self, value: str, line: int) -> str:
        if "$" not in value:
            return value
        try:
            return substitute(
                value, self.known, lambda name: self.unset(name, line), lambda size: self.spend(size, line)
            )
        except TemplateError as error:
            raise EnvFileError(str(error), line, error.hint, error.code) from None


def _escaped(text: str, start: int, position: int) -> bool:
    backslashes = 0
    while position - backslashes > start and text[position - backslashes - 1] == "\\":
        backslashes += 1
    return backslashes % 2 == 1


def _unescape(match: re.Match[str]) -> str:
    char = match.group(1)
    if char[0] != "0":
        return _ESCAPES[char]
    code = char[1:]
    known = len(code) == 3 and all(digit in "01234567" for digit in code) and int(code, 8) < 256
    return chr(int(code, 8)) if known else f"\\{code}"
