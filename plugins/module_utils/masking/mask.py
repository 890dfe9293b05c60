# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hides in a plan what looks like a password, a token or a key: plans end up in logs, and in the view of CI systems.

That a value changes, comes or goes is still seen. What looks like one: see secret_text.py.
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

#: Where names are the user's own, so that a name tells what the value is.
NAMED = ("Env", "Labels", "Options", "DriverOpts", "Sysctls")
#: References to objects: the names in them are what the reader wants to see.
REFERENCES = re.compile(r"\.(Secrets|Configs)(\.|\Z)")


def mask(kind: str, key: str, path: str, value: object) -> Any:
    """``value`` as a plan may show it: see the module; None (absent) stays None.

    ``path`` is that of the change, for example ``TaskTemplate.ContainerSpec.Env.DB_PASSWORD``.
    """
    if value is None or REFERENCES.search(path):
        return value
    return _masked(value, _name(path))


def masked_named(data: object) -> Any:
    """Plain data whose keys are names of users: what stands under the name of a secret is hidden as well."""
    return _masked(data, "")


def _name(path: str) -> str:
    """The user's own name at the end of a path; empty if the path has only names of the Engine."""
    parts = path.split(".")
    for index, part in enumerate(parts):
        if part in NAMED:
            own = parts[index + 1 :]
            auth = [part for part in own if part.lower() in ("basicauth", "digestauth")]
            # Of a label such as traefik.http.routers.auth.rule, only the end says what the value is.
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
    # Maps that are shown whole have the Engine's own keys, beside the user's own: none of the Engine's looks secret.
    return key if is_secret(key) else ""


def _masked_list(value: List[object], name: str) -> List[Any]:
    """A list such as a command: of ``--password x`` the second item is hidden."""
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
