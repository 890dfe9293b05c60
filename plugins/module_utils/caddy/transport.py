# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP to an admin API: a connection for each request, since every reload of the proxy replaces its listener."""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import time
from typing import Any, Callable, Dict, NamedTuple, Optional

from ansible_collections.stackwright.swarm.plugins.module_utils.caddy.endpoint import Endpoint
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import RouteError
from ansible_collections.stackwright.swarm.plugins.module_utils.core.http import (
    Bounds,
    Watch,
    Watched,
    body_of,
)


class Answer(NamedTuple):
    """The status, the headers (names in lower case) and the body of an answer, and the headers that came behind it."""

    status: int
    headers: Dict[str, str]
    body: bytes
    trailers: Dict[str, str] = {}


class Unreachable(Exception):
    """No connection: the request was not sent."""


class Broken(Exception):
    """The connection broke after the request was sent: what became of it is not known."""


class Late(Exception):
    """There was no whole answer in time; what became of the request is not known."""


class NotHttp(Exception):
    """What answers does not speak HTTP."""


class _Response(http.client.HTTPResponse):
    """Keeps what comes behind a body: http.client reads it and forgets it."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.trailers: Dict[str, str] = {}

    # No public way leads there. If a Python does not call it, the trailers are empty, and nothing else is lost.
    def _read_and_discard_trailer(self) -> None:
        for name, value in http.client.parse_headers(self.fp).items():
            self.trailers[name.lower()] = value


class _Connection(Watched, http.client.HTTPConnection):
    pass


class _UnixConnection(_Connection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost")
        self.path = path

    def connect(self) -> None:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.settimeout(self.watch.left())
            sock.connect(self.path)
        except BaseException:
            sock.close()
            raise
        self.sock = sock


class _TlsConnection(Watched, http.client.HTTPSConnection):
    """TLS to one of a host's addresses, with the name that the certificate must carry."""

    def __init__(self, at: Endpoint, context: ssl.SSLContext) -> None:
        super().__init__(at.address or at.host, at.port, context=context)
        self._name = at.name or at.host
        self._tls = context

    def connect(self) -> None:
        http.client.HTTPConnection.connect(self)
        self.sock.settimeout(self.watch.left())  # of the handshake as a whole
        self.sock = self._tls.wrap_socket(self.sock, server_hostname=self._name)


#: Of the time that is left, what a write may take: the rest is for the look whether it has arrived.
WRITE = 0.8
#: Of ``timeout``, what an answer must have left to be waited for.
LEAST = 0.05


class Transport:
    """Sends requests to one admin API; ``timeout`` (seconds) is for one answer, from the connection to its end.

    It is also for all answers together that do not come: a proxy that hangs is waited for once. ``now`` is a clock.
    """

    def __init__(self, at: Endpoint, timeout: float, now: Callable[[], float] = time.monotonic) -> None:
        self.at = at
        self.timeout = timeout
        self._left = timeout
        self._now = now
        self._context: Optional[ssl.SSLContext] = _context(at) if at.scheme == "https" else None

    def send(self, method: str, path: str, body: Optional[bytes], headers: Dict[str, str]) -> Answer:
        """One request and its whole answer.

        Raises Unreachable, Broken, Late, NotHttp, TooLarge and RouteError (``admin_tls``).
        """
        if self._left < LEAST * self.timeout:
            raise Late
        limit = self._left if method == "GET" else self._left * WRITE
        begun = self._now()
        try:
            return self._sent(method, path, body, headers, limit)
        except Late:
            self._left -= self._now() - begun
            raise

    def _sent(self, method: str, path: str, body: Optional[bytes], headers: Dict[str, str], limit: float) -> Answer:
        connection = self._connection()
        try:
            connection.begin(Watch(Bounds(limit, limit), self._now), _Response)
            try:
                connection.connect()
            except (TimeoutError, socket.timeout) as error:
                raise Late from error
            except ssl.SSLError as error:
                raise _tls_error(self.at, error) from error
            except OSError as error:
                raise Unreachable(error.strerror or str(error) or type(error).__name__) from error
            try:
                return self._exchange(connection, method, path, body, headers)
            except (TimeoutError, socket.timeout) as error:
                raise Late from error
            except ssl.SSLError as error:
                # TLS 1.3: that the proxy refuses the client's certificate is seen with the first answer only.
                raise _tls_error(self.at, error) from error
            except (http.client.RemoteDisconnected, http.client.IncompleteRead, OSError) as error:
                raise Broken(str(error) or type(error).__name__) from error
            except (http.client.HTTPException, ValueError) as error:
                raise NotHttp(type(error).__name__) from error
        finally:
            connection.close()

    def _exchange(
        self,
        connection: Any,
        method: str,
        path: str,
        body: Optional[bytes],
        headers: Dict[str, str],
    ) -> Answer:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        connection.putheader("Host", self.at.host_header)
        for name, value in headers.items():
            connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        # An API that refuses a request early closes while the body is sent; its answer may be there all the same.
        with contextlib.suppress(ConnectionError):
            connection.endheaders(body)
        response: Any = connection.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        data = body_of(response, connection.watch)
        return Answer(response.status, found, data, response.trailers)

    def _connection(self) -> Any:
        if self.at.socket:
            return _UnixConnection(self.at.socket)
        if self._context is not None:
            return _TlsConnection(self.at, self._context)
        return _Connection(self.at.address or self.at.host, self.at.port)


def _context(at: Endpoint) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=at.ca)
        if at.cert:
            context.load_cert_chain(at.cert, at.key)
    except (OSError, ssl.SSLError) as error:
        raise RouteError(
            f"The certificates for the admin API at {at.shown} can't be used: {error}.",
            "admin_tls",
            "Check admin_ca, admin_cert and admin_key: PEM files on the target, a certificate with its own key.",
        ) from error
    return context


def _tls_error(at: Endpoint, error: ssl.SSLError) -> RouteError:
    reason = getattr(error, "verify_message", "") or error.reason or str(error)
    return RouteError(
        f"No TLS connection to the admin API at {at.shown}: {reason}.",
        "admin_tls",
        "Check admin_ca (the authority that signed the proxy's certificate), admin_hostname (the name in it), and "
        "admin_cert and admin_key (the client certificate that the proxy requires).",
    )
