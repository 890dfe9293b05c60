# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter answer: converts a survey answer to the value of an option."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import yaml
from ansible.errors import AnsibleFilterError
from ansible.module_utils.parsing.convert_bool import BOOLEANS_FALSE, BOOLEANS_TRUE


def answer(value: object, kind: str = "text", otherwise: object = None) -> Any:
    """Converts text to ``kind`` (text, bool, int, list or dict); returns ``otherwise`` for an empty answer.

    Returns other types, and text that can't be read as ``kind``, unchanged: the option that receives it reports the
    error with its own name. Raises AnsibleFilterError for an unknown ``kind``.
    """
    if kind not in _READERS:
        raise AnsibleFilterError(f"answer: '{kind}' is not one of {', '.join(_READERS)}")
    if value is None:
        return otherwise
    if not isinstance(value, str):
        return value
    return _READERS[kind](str(value)) if value.strip() else otherwise


def _text(text: str) -> str:
    return text if "\n" in text.strip() else text.strip()


def _bool(text: str) -> Any:
    word = text.strip().lower()
    return True if word in BOOLEANS_TRUE else False if word in BOOLEANS_FALSE else text


def _int(text: str) -> Any:
    return int(text) if re.fullmatch(r"\s*[+-]?\d+\s*", text) else text


def _list(text: str) -> Any:
    if re.match(r"\s*(\[|- )", text):
        read = _yaml(text)
        return read if isinstance(read, list) else text
    return [part.strip() for part in re.split(r"[\n,]", text) if part.strip()]


def _dict(text: str) -> Any:
    """Reads a YAML or JSON mapping, or lines of NAME=VALUE."""
    lines = [line.strip() for line in text.splitlines()]
    pairs = [line.partition("=") for line in lines if line and not line.startswith("#")]
    if all(re.fullmatch(r"[\w.-]+\s*", name) and equals for name, equals, _rest in pairs):
        return {name.strip(): rest.strip() for name, _equals, rest in pairs}
    read = _yaml(text)
    return read if isinstance(read, dict) else text


def _yaml(text: str) -> Any:
    """Reads every scalar as the typed text: 1.10 is a version here, not a number. Tags have no effect."""
    try:
        return yaml.load(text, Loader=yaml.BaseLoader)
    except yaml.YAMLError:
        return None


_READERS: dict[str, Callable[[str], Any]] = {"text": _text, "bool": _bool, "int": _int, "list": _list, "dict": _dict}


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"answer": answer}
