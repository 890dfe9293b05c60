# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Domains and paths of routes: validation and comparison."""

from __future__ import annotations

import re
import unicodedata
from typing import List, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.routing.wrong import Wrong

ALONE = "Write only the host name, for example shop.example.com."
MAX_DOMAIN = 253
MAX_LABEL = 63

_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\Z")
_PLAIN = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*\Z")
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?\Z")
_PATH = re.compile(r"(/[A-Za-z0-9._~!$&'()+,;=:@-]+)*\Z")
#: Python's own codec (IDNA 2003) would turn these into other letters; browsers keep them (IDNA 2008).
_JOINERS = "\u200c\u200d"
_KEPT = frozenset("\u00df\u03c2" + _JOINERS)


def domain(text: str) -> str:
    """Returns a route's domain as the proxy compares it: lower case, punycode, no dot at the end.

    The leftmost label may be ``*``. Raises Wrong.
    """
    name = text.strip()
    if not name:
        raise Wrong("the domain is empty", ALONE)
    if re.search(r"[,;\s|]", name):
        raise Wrong(
            "domain takes one domain: use a separate number for each domain",
            "Or list several domains in the field domains.",
        )
    if "://" in name:
        raise Wrong("a domain can't contain a scheme", ALONE)
    if "/" in name or "?" in name or "#" in name:
        raise Wrong("a domain can't contain a path", ALONE + " Put the path in base_path.")
    if ":" in name:
        raise Wrong("a domain can't contain a port", ALONE + " The proxy's configuration sets its ports.")
    labels = re.split("[.\u3002\uff0e\uff61]", name[:-1] if name.endswith(".") else name)
    wild = labels[0] == "*"
    if any("*" in label for label in labels[1 if wild else 0 :]):
        raise Wrong("'*' can only be the whole leftmost label of a domain", "Write *.example.com.")
    if wild and len(labels) < 3:
        raise Wrong(
            "a wildcard must be followed by a domain of at least two labels", "Write *.example.com, or list the hosts."
        )
    found = [_label(label) for label in labels[1 if wild else 0 :]]
    result = ".".join(["*", *found] if wild else found)
    if len(result) > MAX_DOMAIN:
        raise Wrong(f"the domain has {len(result)} characters; DNS allows {MAX_DOMAIN}")
    return result


def _label(label: str) -> str:
    if not label:
        raise Wrong("a domain can't have an empty label between dots", ALONE)
    text = unicodedata.normalize("NFC", label.lower())
    if not text.isascii():
        if text.strip(_JOINERS) != text or not all(_is_letter(letter) for letter in text):
            raise Wrong("the domain contains an invalid character", ALONE)
        try:
            if _KEPT & set(text):
                text = "xn--" + text.encode("punycode").decode("ascii")
            else:
                text = text.encode("idna").decode("ascii")
        except UnicodeError:
            raise Wrong("the domain can't be turned into punycode", "Use its punycode form (xn--...).") from None
    if not _LABEL.match(text):
        raise Wrong(
            "a domain may contain only letters, digits, '-' and '.', and no label begins or ends with '-'", ALONE
        )
    if len(text) > MAX_LABEL:
        raise Wrong(f"a label of the domain has {len(text)} characters; DNS allows {MAX_LABEL}")
    return text


def _is_letter(letter: str) -> bool:
    return letter.isalnum() or letter == "-" or letter in _JOINERS or unicodedata.category(letter).startswith("M")


def base_path(text: str) -> str:
    """Returns a route's path without a slash at its end; ``/`` matches everything. Raises Wrong."""
    path = text.strip()
    if not path.startswith("/"):
        raise Wrong("base_path must begin with '/'", "Write /api, or / for the whole domain.")
    parts = path.split("/")
    if ".." in parts or "." in parts:
        raise Wrong("base_path can't contain '.' or '..'", "Write the path as the browser sends it.")
    path = path[:-1] if path.endswith("/") else path
    if not _PATH.match(path):
        raise Wrong(
            "base_path may contain only letters, digits and ._~!$&'()+,;=:@- between single slashes",
            "Remove '*': the route matches everything below the path.",
        )
    return path or "/"


def host(text: str) -> str:
    """Checks the name of an upstream: the proxy does not check it when it loads a route. Raises Wrong."""
    if not _HOST.match(text) or len(text) > MAX_DOMAIN:
        raise Wrong(
            "the upstream is not a valid host name",
            "Write the name of a service, or of a host, without a scheme and port.",
        )
    return text


def comparable(path: str) -> str:
    """Returns a path, or that of a matcher (``/api/*``), for comparison: lower case, no star and slash at its end."""
    return path.lower().rstrip("*").rstrip("/") or "/"


def comparable_host(name: str) -> str:
    """Returns a host of a matcher for comparison; in lower case if it is not a valid domain of a route."""
    if _PLAIN.match(name):
        return name  # most hosts, and there may be thousands
    try:
        return domain(name)
    except Wrong:
        return name.lower().rstrip(".")


def overlap(path: str, other: str) -> bool:
    """Whether some request matches both paths (both comparable)."""
    one, two = _parts(path), _parts(other)
    shorter = min(len(one), len(two))
    return one[:shorter] == two[:shorter]


def _parts(path: str) -> List[str]:
    return [part for part in path.split("/") if part]


def sort_key(name: str, path: str) -> Tuple[str, int, str]:
    """Returns the key that sorts routes of one host: the longest path first."""
    return name, -len(path), path
