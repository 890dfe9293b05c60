# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hides passwords, tokens and keys in a plan, because plans end up in logs and CI systems.

A plan still shows that such a value is added, changed or removed. secret_text.py recognizes them.
"""

from __future__ import annotations

import re
from typing import Any, List

from ansible_collections.stackwright.swarm.plugins.module_utils.masking.secret_text import (
    HIDDEN,
    PROGRAM,
    is_plain,
    is_secret,
    masked_message,
    masked_text,
    of_flag,
)

__all__ = ["HIDDEN", "is_secret", "mask", "masked_message", "masked_named", "masked_text"]

#: Maps with the user's own names, which tell what a value is.
NAMED = ("Env", "Labels", "Options", "DriverOpts", "Sysctls")
#: References to objects: the reader needs the names in them.
REFERENCES = re.compile(r"\.(Secrets|Configs)(\.|\Z)")


def mask(kind: str, key: str, path: str, value: object) -> Any:
    """Returns ``value`` as a plan may show it; None (absent) stays None.

    ``path`` is that of the change, for example ``TaskTemplate.ContainerSpec.Env.DB_PASSWORD``.
    """
    if value is None or REFERENCES.search(path):
        return value
    return _masked(value, _name(path))


def masked_named(data: object) -> Any:
    """Masks plain data whose keys are the user's names: it also hides values whose name is that of a secret."""
    return _masked(data, "")


def _name(path: str) -> str:
    """Returns the user's own name at the end of a path; empty if the path has only names of the Engine."""
    parts = path.split(".")
    for index, part in enumerate(parts):
        if part in NAMED:
            own = parts[index + 1 :]
            auth = [part for part in own if part.lower() in ("basicauth", "digestauth")]
            # In a label such as traefik.http.routers.auth.rule, only the end tells what the value is.
            return (auth or own or [""])[-1]
    return ""


def _masked(value: object, name: str) -> Any:
    if isinstance(value, dict):
        return {key: _masked(item, name or _name_of_entry(str(key))) for key, item in value.items()}
    if isinstance(value, list):
        return _masked_list(value, name)
    if name and is_secret(name):
        return value if is_plain(name, str(value)) else HIDDEN
    return masked_text(value) if isinstance(value, str) else value


def _name_of_entry(key: str) -> str:
    # The map may have keys of the Engine as well: none of them looks like a secret.
    return key if is_secret(key) else ""


def _masked_list(value: List[object], name: str) -> List[Any]:
    """Masks a list such as a command: in ``--password x`` it hides the second item."""
    known = any(isinstance(item, str) and PROGRAM.match(item.rpartition("/")[2] + " ") for item in value[:3])
    out: List[Any] = []
    follows = ""
    for item in value:
        hidden = _masked(item, name)
        if isinstance(item, str) and not name:
            if follows and not item.startswith("-"):
                hidden = of_flag(follows, item, known) if hidden == item else hidden
            elif item[:2] in ("-p", "-a", "-w") and len(item) > 2 and " " not in item:
                hidden = item[:2] + of_flag(item[:2], item[2:], known) if hidden == item else hidden
        out.append(hidden)
        follows = item if isinstance(item, str) and item.startswith("-") and not set("= ") & set(item) else ""
    return out
