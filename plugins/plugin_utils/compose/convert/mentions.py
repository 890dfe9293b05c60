# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts a service talks to, as far as its environment and its command show."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]*"
#: As in ``postgres://user@NAME/``, ``NAME:5432`` and ``--host=NAME``.
_HOST = re.compile(rf"(?:://|@)({_NAME})|(?<![A-Za-z0-9_./-])({_NAME})(?=:[0-9])|host(?:name)?[= ]({_NAME})", re.I)
_HOST_VARIABLE = re.compile(r"HOST|SERVER|ADDR|ENDPOINT|BROKER|UPSTREAM", re.I)
_WHOLE = re.compile(_NAME + r"\Z")


def hosts_named(service: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names that stand where a host would; not every word, since users and databases are named alike."""
    environment = service.get("environment")
    for name, value in environment.items() if isinstance(environment, dict) else ():
        if isinstance(value, str):
            if _HOST_VARIABLE.search(str(name)) and _WHOLE.match(value):
                yield value
            yield from _in(value)
    for key in ("entrypoint", "command"):
        words = service.get(key)
        if isinstance(words, list):
            yield from _in(" ".join(str(word) for word in words))


def _in(text: str) -> Iterator[str]:
    for match in _HOST.finditer(text):
        yield next((name for name in match.groups() if name), "")
