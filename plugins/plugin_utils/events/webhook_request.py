# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decides on a request of deploy_webhook: its HTTP head, its variables, its rate. Pure."""

from __future__ import annotations

from collections import OrderedDict
from typing import Dict, List, Mapping, NamedTuple, Pattern, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.core.plain import parse

LARGEST_BODY = 16_384  # bytes
#: No value may contain these, whatever its pattern allows: Ansible would run the template on the controller.
TEMPLATES = ("{{", "{%", "{#")
MINUTE = 60.0
ADDRESSES = 1000  # how many keys a Rate remembers


class Refused(Exception):
    """A request was rejected: the HTTP status and a sentence for the answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


class Head(NamedTuple):
    """The head of a request: the path without its slashes, the bearer token, and the bytes of the body."""

    path: str
    token: str
    length: int


def head_of(text: bytes) -> Head:
    """Parses the head of an HTTP request. Raises Refused if it isn't a POST with a valid length."""
    lines = text.decode("latin-1").split("\r\n")
    words = lines[0].split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise Refused(400, "This is not an HTTP/1.1 request.")
    if words[0] != "POST":
        raise Refused(405, "Send a POST request.")
    headers: Dict[str, List[str]] = {}
    for line in lines[1:]:
        name, _colon, value = line.partition(":")
        headers.setdefault(name.strip().lower(), []).append(value.strip())
    if "transfer-encoding" in headers or any(len(headers.get(name, ())) > 1 for name in ("content-length", "host")):
        raise Refused(411, "Send the body with one Content-Length.")
    length = headers.get("content-length", ["0"])[0]
    if not (length.isascii() and length.isdecimal() and len(length) < 10):
        raise Refused(400, "Content-Length is not a number.")
    if int(length) > LARGEST_BODY:
        raise Refused(413, f"The body may have at most {LARGEST_BODY} bytes.")
    scheme, _space, token = headers.get("authorization", [""])[0].partition(" ")
    token = token.strip().encode("latin-1").decode("utf-8", "surrogateescape") if scheme.lower() == "bearer" else ""
    return Head(words[1].partition("?")[0].strip("/"), token, int(length))


def variables_of(body: bytes, allowed: Mapping[str, Pattern[str]]) -> Dict[str, str]:
    """Returns the variables that a body sets. Raises Refused (400) for an invalid body, variable or value."""
    if not body.strip():
        return {}
    try:
        data = parse(body)
    except (UnicodeDecodeError, ValueError):
        data = None
    if not isinstance(data, dict) or set(data) - {"variables"} or not isinstance(data.get("variables", {}), dict):
        raise Refused(400, 'The body is not a JSON object such as {"variables": {"TAG": "1.5"}}.')
    found = {}
    for name, value in data.get("variables", {}).items():
        if name not in allowed:
            raise Refused(400, f"A variable is not allowed; allowed: {', '.join(sorted(allowed)) or 'none'}.")
        text = str(value) if isinstance(value, (str, int, float)) and not isinstance(value, bool) else ""
        # The length is checked first, so that a user's pattern can't run for hours on a long text.
        if len(text) > 255 or not allowed[name].fullmatch(text) or any(mark in text for mark in TEMPLATES):
            raise Refused(400, f"The value of {name} is not allowed.")
        found[name] = text
    return found


class Rate:
    """Limits how often something is done per minute, by key. Remembers the newest ADDRESSES keys."""

    def __init__(self, most: float) -> None:
        self.most = most
        self._left: OrderedDict[str, Tuple[float, float]] = OrderedDict()

    def is_used_up(self, key: str, now: float) -> bool:
        """Whether ``key`` must wait; ``now`` is in seconds, from a monotonic clock."""
        return self._now(key, now) < 1.0

    def count(self, key: str, now: float) -> None:
        """Counts one use of ``key``."""
        self._left[key] = (self._now(key, now) - 1.0, now)
        self._left.move_to_end(key)
        while len(self._left) > ADDRESSES:
            self._left.popitem(last=False)

    def _now(self, key: str, now: float) -> float:
        left, since = self._left.get(key, (self.most, now))
        return min(self.most, left + (now - since) * self.most / MINUTE)
