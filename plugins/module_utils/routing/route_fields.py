# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Converts the values of a route's fields from text or YAML to those of the model. Each raises Wrong."""

from __future__ import annotations

import re
from typing import Dict, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.routing.wrong import Wrong

TRUE = ("true", "yes", "on", "1")
FALSE = ("false", "no", "off", "0")
#: Limits of the proxy's own numbers.
MOST_SECONDS = 10**9
MOST_BYTES = 2**62
TLS = ("auto", "internal", "off", "on_demand")
#: Names that other tools have for ``auto``.
AUTOMATIC = (
    *TRUE,
    "letsencrypt",
    "lets-encrypt",
    "let's encrypt",
    "le",
    "acme",
    "zerossl",
    "automatic",
    "https",
    "default",
)

MAINTENANCE = (
    "<!doctype html><title>Maintenance</title>"
    "<h1>Maintenance</h1><p>This site is being worked on, and will be back shortly.</p>"
)

_SIZE = re.compile(r"(\d{1,12})\s*(?:([kmgt])(?:i?b)?|b)?\Z", re.IGNORECASE)
_UNITS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}
_DURATION = re.compile(r"(?:\d{1,9}(?:\.\d{1,6})?(?:ms|s|m|h))+\Z")
_PART = re.compile(r"([\d.]+)(ms|s|m|h)")
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}
_BCRYPT = re.compile(r"\$2[abxy]\$(\d\d)\$[./A-Za-z0-9]{53}\Z")
_USER = re.compile(r"[^:\s,{}]+\Z")
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_URL = re.compile(r"(?:https?:)?//[^\s/?#{}\"\\@]+(?P<rest>/[^\s{}\"\\]*)?\Z", re.IGNORECASE)
_URI = re.compile(r"/[^\s{}#\"\\]*\Z")


def boolean(value: object) -> bool:
    """Returns true or false, from YAML or text."""
    word = str(value).strip().lower()
    if word in TRUE or word in FALSE:
        return word in TRUE
    raise Wrong("must be true or false")


def port(value: object) -> int:
    word = str(value).strip()
    if isinstance(value, bool) or not re.match(r"\d{1,9}\Z", word) or not 1 <= int(word) <= 65535:
        raise Wrong("a port must be a number from 1 to 65535", "Set it to the port on which the container listens.")
    return int(word)


def tls(value: object) -> str:
    # YAML reads an unquoted off as false.
    word = "off" if value is False else str(value).strip().lower()
    if word in ("false", "no"):
        word = "off"
    if word not in TLS:
        hint = "Use auto: the proxy obtains certificates automatically." if word in AUTOMATIC else ""
        raise Wrong("tls must be one of " + ", ".join(TLS), hint)
    return word


def size(value: object) -> int:
    """Returns a number of bytes, from 10485760, 10MB or 10m; units are powers of 1024 as in Compose."""
    match = _SIZE.match(str(value).strip())
    if isinstance(value, bool) or not match or int(match.group(1)) == 0:
        raise Wrong("must be a size above 0", "Use for example 10MB or 512k.")
    found: int = int(match.group(1)) * 1024 ** _UNITS[(match.group(2) or "").lower()]
    if found > MOST_BYTES:
        raise Wrong("is too large")
    return found


def duration(value: object) -> str:
    """Returns a duration such as 500ms, 5s or 1m30s; a number without a unit is seconds."""
    word = str(value).strip()
    word = word + "s" if re.match(r"\d{1,9}\Z", word) else word
    if not _DURATION.match(word) or not 0 < seconds(word) <= MOST_SECONDS:
        raise Wrong("must be a time above 0", "Use for example 30s, 500ms or 1m30s.")
    return word


def seconds(text: str) -> float:
    """Returns the seconds of a duration."""
    return sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(text))


def url(value: object) -> str:
    word = str(value).strip()
    if not _URL.match(word):
        raise Wrong("must be an address with http:// or https://", "Use for example https://www.example.com.")
    return word


def url_has_path(text: str) -> bool:
    """Whether a redirect leads to one page; without a path, it keeps the path of the request."""
    match = _URL.match(text)
    return bool(match and match.group("rest"))


def page(value: object) -> str:
    """Returns the page that visitors get during maintenance: the default page for true, none for false, or the text."""
    word = str(value).strip()
    if word.lower() in FALSE or not word:
        return ""
    if word.lower() in TRUE:
        return MAINTENANCE
    if "<" not in word:
        raise Wrong("maintenance must be true, false, or the text of an HTML page")
    return word


def uri(value: object) -> str:
    word = str(value).strip()
    if not _URI.match(word):
        raise Wrong("must be a path that begins with '/'", "Use for example /health.")
    return word


def accounts(value: object) -> Tuple[Tuple[str, str], ...]:
    """Returns users and their bcrypt hashes, from a map or from ``user:hash`` separated by commas or spaces."""
    if isinstance(value, dict):
        given = [(str(user), str(hashed)) for user, hashed in value.items()]
    else:
        given = []
        for entry in re.split(r"[\s,]+", str(value).strip()):
            user, colon, hashed = entry.partition(":")
            if not colon:
                raise Wrong("auth must be a list of USER:HASH", HASH_HINT)
            given.append((user, hashed))
    found: Dict[str, str] = {}
    for user, hashed in given:
        if not _USER.match(user):
            raise Wrong("a user name can't contain spaces, commas or colons", HASH_HINT)
        if user in found:
            raise Wrong(f"the user {user!r} is listed twice")
        match = _BCRYPT.match(hashed)
        if not match or not 4 <= int(match.group(1)) <= 31:
            raise Wrong(f"the password of user {user!r} is not a bcrypt hash", HASH_HINT)
        found[user] = hashed
    if not found:
        raise Wrong("auth contains no users", HASH_HINT)
    return tuple(sorted(found.items()))


HASH_HINT = "Create a hash with 'caddy hash-password' or 'htpasswd -nB USER'; in a Compose file, write each '$' twice."


def headers(value: object) -> Tuple[Tuple[str, str], ...]:
    """Returns names and values of headers; an empty value removes the header."""
    if not isinstance(value, dict):
        raise Wrong("must be a map of header names and values")
    found: Dict[str, Tuple[str, str]] = {}
    for name, text in value.items():
        if not _HEADER.match(str(name)):
            raise Wrong(f"{str(name)!r} is not a valid header name")
        if str(name).lower() in found:
            raise Wrong(f"the header {str(name)!r} is listed twice")
        given = "" if text is None else str(text)
        if any(ord(letter) < 32 or ord(letter) == 127 for letter in given):
            raise Wrong(f"the value of the header {str(name)!r} contains a control character")
        if "{" in given:
            raise Wrong(
                f"the value of the header {str(name)!r} contains '{{'", "Placeholders of the proxy are not supported."
            )
        found[str(name).lower()] = (str(name), given)
    return tuple(found[name] for name in sorted(found))
