# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The address of a proxy's admin API."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Optional
from urllib.parse import urlsplit

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import RouteError

DEFAULT_PORT = 2019
HINT = "Use unix:///run/caddy/admin.sock, http://HOST:2019 or https://HOST:2021."
LOCAL = re.compile(r"(localhost|127\.\d+\.\d+\.\d+|::1)\Z", re.IGNORECASE)


@dataclass(frozen=True)
class Endpoint:
    """One admin API. ``socket`` is the path of a Unix socket, or empty; ``address`` is one of the host's addresses.

    ``ca``, ``cert`` and ``key`` are paths of files; ``name`` is the name in the certificate if that is not ``host``.
    """

    text: str
    socket: str = ""
    scheme: str = ""
    host: str = ""
    port: int = 0
    address: str = ""
    ca: Optional[str] = None
    cert: Optional[str] = None
    key: Optional[str] = None
    name: Optional[str] = None

    @property
    def shown(self) -> str:
        """The endpoint in results and messages."""
        if self.address and self.address != self.host:
            return f"{self.scheme}://{_bracketed(self.address)}:{self.port} ({self.host})"
        return self.text

    @property
    def host_header(self) -> str:
        """The Host header for the proxy's check; over a Unix socket it must be empty."""
        return "" if self.socket else f"{_bracketed(self.host)}:{self.port}"

    @property
    def is_local(self) -> bool:
        """Whether the proxy is on this host, so not behind a virtual address."""
        return bool(self.socket or LOCAL.match(self.host))

    def at(self, address: str) -> Endpoint:
        """Returns the same endpoint at one of its host's addresses."""
        return replace(self, address=address)


def endpoint(text: str, **tls: Optional[str]) -> Endpoint:
    """Reads the address of an admin API.

    :param tls: ``ca``, ``cert``, ``key``, ``name``; for https only.
    :raises RouteError: ``invalid_admin``.
    """
    given = text.strip()
    if given.startswith(("unix:", "/")):
        path = given[len("unix:") :] if given.startswith("unix:") else given
        path = "/" + path.lstrip("/")
        if path == "/":
            raise RouteError(f"{text!r} does not name a socket.", "invalid_admin", HINT)
        return Endpoint(given, socket=path)
    try:
        parts = urlsplit(given)
        port = parts.port
    except ValueError:
        raise RouteError(f"{_safe(given)!r} is not a valid address of an admin API.", "invalid_admin", HINT) from None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/") or parts.query:
        raise RouteError(f"{_safe(given)!r} is not a valid address of an admin API.", "invalid_admin", HINT)
    if parts.username is not None or parts.password is not None:
        raise RouteError(
            "The address of an admin API can't contain a user or password.",
            "invalid_admin",
            "Use a client certificate.",
        )
    if bool(tls.get("cert")) != bool(tls.get("key")):
        raise RouteError(
            "A client certificate and its key must be given together.", "invalid_admin", "Give both or neither."
        )
    found = Endpoint(given.rstrip("/"), scheme=parts.scheme, host=parts.hostname, port=port or DEFAULT_PORT)
    if parts.scheme != "https":
        return found
    return replace(found, ca=tls.get("ca"), cert=tls.get("cert"), key=tls.get("key"), name=tls.get("name"))


def _safe(text: str) -> str:
    """Returns an address without user and password."""
    return re.sub(r"//.*@", "//", text)[:200]


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
