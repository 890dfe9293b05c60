# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The value of a plain YAML scalar, and numbers as text, as in Go's yaml.v3 and fmt (Compose and Docker).

PyYAML's resolver follows YAML 1.1 and differs: here ``yes`` and ``12:30`` are text, ``0o17`` and ``1e3`` are numbers.
"""

from __future__ import annotations

import math
import re
from typing import Any

_WORDS = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
_FIRST = frozenset("+-.0123456789")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_INT = re.compile(r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))\Z")
_INT_MIN, _INT_MAX = -(2**63), 2**64 - 1
# Numbers in Compose files are shorter; parsing a longer text would only cost time.
_LONGEST = 400


def resolve_plain(text: str) -> Any:
    """Returns the value of a plain scalar: bool, None, int, float, or the text itself. Dates stay text."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _FIRST or len(text) > _LONGEST:
        return text
    digits = text.replace("_", "")
    match = _INT.match(digits)
    if match:
        number = _int(match)
        if _INT_MIN <= number <= _INT_MAX:
            return number
    if _FLOAT.match(digits):
        fraction = float(digits)
        if fraction not in (float("inf"), float("-inf")):
            return fraction
    return text


def _int(match: re.Match[str]) -> int:
    sign, hexadecimal, binary, octal, decimal = match.groups()
    if hexadecimal is not None:
        value = int(hexadecimal, 16)
    elif binary is not None:
        value = int(binary, 2)
    elif octal is not None:
        value = int(octal, 8)
    else:
        value = int(decimal)
    return -value if sign == "-" else value


def go_number_text(value: float) -> str:
    """Returns a number as Go's ``%v`` prints it: integers in full, floats in their shortest form.

    A float with an exponent below -4 or of at least 6 gets the exponent form: ``1000000.0`` is ``1e+06``.
    """
    if isinstance(value, int):
        return str(value)
    if math.isnan(value):
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "+Inf" if value > 0 else "-Inf"
    sign, digits, exponent = _shortest(value)
    if exponent < -4 or exponent >= 6:
        mantissa = digits[0] + ("." + digits[1:] if len(digits) > 1 else "")
        return f"{sign}{mantissa}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"
    if exponent < 0:
        return f"{sign}0.{'0' * (-exponent - 1)}{digits}"
    whole = digits[: exponent + 1].ljust(exponent + 1, "0")
    fraction = digits[exponent + 1 :]
    return f"{sign}{whole}.{fraction}" if fraction else f"{sign}{whole}"


def _shortest(value: float) -> tuple[str, str, int]:
    """Returns sign, significant digits and decimal exponent of the shortest text with the value ``value``."""
    sign, text = ("-", repr(value)[1:]) if repr(value).startswith("-") else ("", repr(value))
    mantissa, _e, power = text.partition("e")
    whole, _point, fraction = mantissa.partition(".")
    digits = whole + fraction
    exponent = int(power or 0) + len(whole) - 1
    stripped = digits.lstrip("0")
    exponent -= len(digits) - len(stripped)
    significant = stripped.rstrip("0")
    return (sign, significant, exponent) if significant else (sign, "0", 0)


def scalar_text(value: object) -> str:
    """Returns a scalar as text: booleans as in YAML, numbers as Go prints them, null as an empty text."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return go_number_text(value)
    return str(value)
