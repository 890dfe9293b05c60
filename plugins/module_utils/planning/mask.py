# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hides in a plan what looks like a password, a token or a key: plans end up in logs, and in the view of CI systems.

What counts is the name that a value stands under (``DB_PASSWORD``, ``--token=``) and the password part of addresses.
That a value changes, comes or goes is still seen.
"""

from __future__ import annotations

import re
from typing import Any, List, Match

HIDDEN = "********"

#: Within a name, wherever they stand (``PGPASSWORD``, ``clientSecret``).
PARTS = re.compile(
    r"password|passwd|passphrase|requirepass|masterauth|secret|token|credential|apikey|private|dsn|database_?url"
    r"|basicauth|digestauth|connection_?string",
    re.IGNORECASE,
)
#: Only as whole words, since author, passenger and keyboard are none.
WORDS = frozenset(("pass", "pwd", "pw", "key", "keys", "auth", "salt", "pat", "jwt"))
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
#: Names of places are no secrets, as in POSTGRES_PASSWORD_FILE.
PLACE = re.compile(r"(file|path|dir|directory)\Z", re.IGNORECASE)
#: Values that give nothing away.
PLAIN = frozenset(("", "0", "1", "true", "false", "yes", "no", "on", "off", "none", "null"))

#: The password of scheme://user:password@host; of all @ before the next / the last one counts, as browsers have it.
ADDRESS = re.compile(r"(\b[a-zA-Z][a-zA-Z0-9+.-]{0,30}://[^\s/:@]*:)[^\s/]+(?=@)")
#: NAME=value within a text: to the next blank or quote, & of an address, or comma before another NAME=.
ASSIGNMENT = re.compile(r"(-{0,2}\b[A-Za-z][\w.-]{0,100})=(\"[^\"]*\"|'[^']*'|(?:(?!,[\w.-]{1,100}=)[^\s&'\";])+)")
#: --name value within a text, and -a or -p as clients of databases have it do not count: they mean too many things.
FLAG = re.compile(r"(--?[A-Za-z][\w.-]{0,100})([ \t]+)(?!-)(\"[^\"]*\"|'[^']*'|[^\s\"']+)")

HEADER = re.compile(r"(\bauthorization:[ \t]*(?:basic|bearer)?[ \t]*)[^\s'\"]+", re.IGNORECASE)

#: Where names are the user's own, so that a name tells what the value is.
NAMED = ("Env", "Labels", "Options", "DriverOpts", "Sysctls")
#: References to objects: the names in them are what the reader wants to see.
REFERENCES = re.compile(r"\.(Secrets|Configs)(\.|\Z)")


def mask(kind: str, key: str, path: str, value: Any) -> Any:
    """``value`` as a plan may show it: see the module; None (absent) stays None.

    ``path`` is that of the change, for instance ``TaskTemplate.ContainerSpec.Env.DB_PASSWORD``.
    """
    if value is None or REFERENCES.search(path):
        return value
    return _masked(value, _name(path))


def is_secret(name: str) -> bool:
    """Whether what stands under this name is to be hidden."""
    if PLACE.search(name):
        return False
    return bool(PARTS.search(name)) or any(word.lower() in WORDS for word in WORD.findall(name))


def _name(path: str) -> str:
    """The user's own name at the end of a path; empty where the path has only names of the Engine."""
    parts = path.split(".")
    for index, part in enumerate(parts):
        if part in NAMED:
            own = parts[index + 1 :]
            auth = [part for part in own if part.lower() in ("basicauth", "digestauth")]
            # Of a label such as traefik.http.routers.auth.rule, only the end says what the value is.
            return (auth or own or [""])[-1]
    return ""


def _masked(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return {key: _masked(item, name or _name_of_entry(str(key))) for key, item in value.items()}
    if isinstance(value, list):
        return _masked_list(value, name)
    if name and is_secret(name):
        return value if str(value).lower() in PLAIN else HIDDEN
    return masked_text(value) if isinstance(value, str) else value


def _name_of_entry(key: str) -> str:
    # Maps that are shown whole have the Engine's own keys, beside the user's own: none of the Engine's looks secret.
    return key if is_secret(key) else ""


def _masked_list(value: List[Any], name: str) -> List[Any]:
    """A list such as a command: of ``--password x`` the second item is hidden."""
    out: List[Any] = []
    follows = ""
    for item in value:
        hidden = _masked(item, name or follows)
        bare = isinstance(item, str) and item.startswith("-") and "=" not in item and " " not in item
        follows = item if bare and is_secret(item) else ""
        out.append(hidden)
    return out


def masked_text(text: str) -> str:
    """``text`` without the passwords of addresses and the values of secret ``NAME=value`` and ``--name value``.

    A reference to a value that is not bound shows as ``<generated>``.
    """
    if "\0" in text:
        from ansible_collections.stackwright.swarm.plugins.module_utils.values.references import show_references

        text = show_references(text)
    text = ADDRESS.sub(lambda m: m.group(1) + HIDDEN, text)
    text = HEADER.sub(lambda m: m.group(1) + HIDDEN, text)
    text = ASSIGNMENT.sub(_assignment, text)
    return FLAG.sub(_flag, text)


def _assignment(match: Match[str]) -> str:
    if not is_secret(match.group(1)) or match.group(2).lower() in PLAIN:
        return match.group()
    return f"{match.group(1)}={HIDDEN}"


def _flag(match: Match[str]) -> str:
    return f"{match.group(1)}{match.group(2)}{HIDDEN}" if is_secret(match.group(1)) else match.group()
