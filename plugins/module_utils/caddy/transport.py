# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP to an admin API: a connection for each request, because each reload of the proxy replaces its listener."""

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
    """The status, headers (names in lower case), body and trailers of an answer."""

    status: int
    headers: Dict[str, str]
    body: bytes
    trailers: Dict[str, str] = {}


class Unreachable(Exception):
    """No connection: the request was not sent."""


class Broken(Exception):
    """The connection broke after the request was sent: its outcome is unknown."""


class Late(Exception):
    """There was no complete answer in time: the outcome of the request is unknown."""


class NotHttp(Exception):
    """The answer is not HTTP."""


class _Response(http.client.HTTPResponse):
    """Keeps the trailers of an answer, which http.client discards."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.trailers: Dict[str, str] = {}

    # There is no public interface. If a version of Python does not call this, only the trailers are missing.
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
        self.sock.settimeout(self.watch.left())  # for the handshake
        self.sock = self._tls.wrap_socket(self.sock, server_hostname=self._name)


#: The share of the remaining time for a write: the rest is for the check whether it succeeded.
WRITE = 0.8
#: The share of ``timeout`` below which a request is not sent any more.
LEAST = 0.05


class Transport:
    """Sends requests to one admin API; ``timeout`` (seconds) is for one answer, from the connection to its end.

    It is also the total for all answers that never come, so a proxy that hangs costs this time once.
    """

    def __init__(self, at: Endpoint, timeout: float, now: Callable[[], float] = time.monotonic) -> None:
        self.at = at
        self.timeout = timeout
        self._left = timeout
        self._now = now
        self._context: Optional[ssl.SSLContext] = _context(at) if at.scheme == "https" else None

    def send(self, method: str, path: str, body: Optional[bytes], headers: Dict[str, str]) -> Answer:
        """Sends a request and returns its complete answer.

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
                # With TLS 1.3, a refusal of the client's certificate comes only with the first answer.
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
        # An API that refuses a request early may close the connection during the body, and still answer.
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
