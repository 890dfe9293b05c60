# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP over TCP, TLS and SSH with the Docker SDK's transports; imported only if a unix socket won't do."""

from __future__ import annotations

import http.client
import os
import sys
import threading
from typing import Any, Callable, Dict, Optional, TypeVar

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.core.http import BLOCK, Bounds, TooLarge
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.answer import Answer, Torn
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.connection import Connection
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.tls_errors import check_files, tls_failure

Result = TypeVar("Result")


class SdkTransport:
    """Sends requests through ``docker.APIClient`` (a requests session with the SDK's adapters).

    A look-up of a name, a handshake, a proxy command of ssh, headers that come byte by byte: the libraries have a limit
    for each wait at most. So each call is made in a thread, which is left alone where its time is over.

    Raises EngineError: ``missing_requirement`` without the Docker SDK, ``tls_error`` for certificates that are not
    there, ``daemon_unreachable`` for addresses that make no sense; and TimeoutError.
    """

    def __init__(self, connection: Connection) -> None:
        try:
            import docker
            import requests
            import urllib3
        except ImportError as error:
            raise EngineError(
                f"Reaching {connection.docker_host} needs the Docker SDK for Python ({error}).",
                "missing_requirement",
                f"Install it for {sys.executable} on this host (pip install docker), or use a unix socket.",
            ) from None
        self._docker, self._requests = docker, requests
        self._errors, self._late = requests.exceptions, urllib3.exceptions.TimeoutError
        self._torn, self._tls = urllib3.exceptions.HTTPError, urllib3.exceptions.SSLError
        self._connection, self._where = connection, connection.docker_host
        if connection.tls or connection.validate_certs:
            check_files(connection, os.path.isfile)
        self._session: Any = _within(connection.timeout, lambda given_up: self._open())

    def _open(self) -> Any:
        connection, docker, requests = self._connection, self._docker, self._requests
        try:
            # With a version the SDK asks for none. It refuses those it has given up; our paths carry their own.
            session: Any = docker.APIClient(
                base_url=connection.docker_host,
                version=docker.constants.DEFAULT_DOCKER_API_VERSION,
                timeout=connection.timeout,
                tls=_tls(connection, docker) if connection.tls or connection.validate_certs else False,
                use_ssh_client=connection.use_ssh_client,
            )
        except (docker.errors.DockerException, requests.exceptions.RequestException, ValueError, OSError) as error:
            raise EngineError(
                f"Can't reach the Engine at {connection.docker_host}: {error}",
                "daemon_unreachable",
                "Check docker_host and the TLS or SSH options.",
            ) from None
        except Exception as error:  # paramiko's own errors have no common base with the SDK's
            raise EngineError(
                f"Can't reach the Engine at {connection.docker_host}: {error}", "daemon_unreachable"
            ) from None
        # To look where a redirection leads, requests would read the whole body, whatever its size.
        session.get_redirect_target = lambda response: None
        if connection.tls_hostname:
            session.mount("https://", _hostname_adapter(connection.tls_hostname, requests))
        return session

    def send(self, method: str, path: str, body: Optional[bytes], headers: Dict[str, str], bounds: Bounds) -> Answer:
        """One request and its whole answer within ``bounds``. Raises OSError (also time-outs), Torn and TooLarge."""

        def call(given_up: threading.Event) -> Answer:
            if self._session is None:
                self._session = self._open()
            return self._call(method, path, body, headers, bounds, given_up)

        try:
            return _within(bounds.whole, call)
        except TimeoutError:
            self._session = None  # the thread that hangs has it
            raise

    def open(
        self, path: str, method: str = "GET", body: object = None, headers: Optional[Dict[str, str]] = None
    ) -> Any:
        """The answer to a call whose body comes without end, as requests has it. Raises OSError and EngineError."""
        session = self._session
        try:
            return session.request(
                method,
                session.base_url + path,
                data=body,
                headers={"Accept-Encoding": "identity", **(headers or {})},
                timeout=(self._connection.timeout, None),
                stream=True,
                allow_redirects=False,
                verify=session.verify,
            )
        except self._errors.ConnectionError as error:
            raise self._broken(error) from error
        except self._errors.RequestException as error:
            raise OSError(str(cause(error))) from error

    def _call(
        self,
        method: str,
        path: str,
        body: Optional[bytes],
        headers: Dict[str, str],
        bounds: Bounds,
        given_up: threading.Event,
    ) -> Answer:
        errors, session = self._errors, self._session
        try:
            response = session.request(
                method,
                session.base_url + path,
                data=body,
                # What is packed may be a thousand times as large.
                headers={"Accept-Encoding": "identity", **headers},
                timeout=bounds.silence,
                stream=True,
                allow_redirects=False,
                # Said here again, or REQUESTS_CA_BUNDLE of the target would win over ca_path.
                verify=session.verify,
            )
            with response:
                data = _body(response, bounds, given_up)
        except errors.ConnectTimeout as error:
            raise ConnectionRefusedError(str(cause(error))) from error
        except (errors.Timeout, self._late) as error:
            raise TimeoutError(str(cause(error))) from error
        except errors.ChunkedEncodingError as error:
            raise Torn(str(cause(error))) from error
        except errors.ConnectionError as error:
            raise self._broken(error) from error
        except self._tls as error:
            raise tls_failure(str(cause(error)), self._where) from error
        except errors.RequestException as error:
            raise OSError(str(cause(error))) from error
        except (self._torn, http.client.HTTPException, ValueError) as error:
            raise Torn(str(cause(error)) or type(error).__name__) from error
        return Answer(response.status_code, data, response.headers.get("Api-Version"))

    def _broken(self, error: Exception) -> Exception:
        """What a connection error of requests means: EngineError, Torn or OSError."""
        reason = cause(error)
        if "ssl" in type(reason).__module__ or type(reason).__name__.startswith("SSL"):
            return tls_failure(str(reason), self._where)
        if isinstance(reason, TimeoutError) or "timed out" in str(reason).lower():
            return TimeoutError(str(reason))
        # Sent, but not answered: whether a change was made is open.
        if isinstance(reason, (http.client.HTTPException, ConnectionResetError, BrokenPipeError)):
            return Torn(str(reason))
        return ConnectionRefusedError(getattr(reason, "strerror", None) or str(reason))

    def close(self) -> None:
        """Closes the session's connections."""
        if self._session is not None:
            self._session.close()


def _within(seconds: float, call: Callable[[threading.Event], Result]) -> Result:
    """What ``call`` gives or raises. TimeoutError after ``seconds``; then the event that it was given is set."""
    given_up = threading.Event()
    ended: Any = []

    def run() -> None:
        try:
            ended.append((call(given_up), None))
        except BaseException as error:
            ended.append((None, error))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if not ended:
        given_up.set()
        raise TimeoutError("timed out")
    result, error = ended[0]
    if error is not None:
        raise error
    found: Result = result
    return found


def _body(response: Any, bounds: Bounds, given_up: threading.Event) -> bytes:
    claimed = response.headers.get("Content-Length") or ""
    length = int(claimed) if claimed.isdigit() and len(claimed) < 20 else None
    if length is not None and length > bounds.most or len(claimed) >= 20:
        raise TooLarge(bounds.most)
    parts, count = [], 0
    while not given_up.is_set():
        part = response.raw.read(BLOCK, decode_content=False)
        if not part:
            break
        parts.append(part)
        count += len(part)
        if count > bounds.most:
            raise TooLarge(bounds.most)
    if length is not None and count < length:
        raise Torn(f"{count} of {length} bytes received")
    return b"".join(parts)


def cause(error: BaseException) -> BaseException:
    """The innermost reason of an error of requests: what it wraps, and urllib3 around that, says little to a user."""
    for _depth in range(10):
        inner = [getattr(error, "reason", None), *error.args, error.__cause__]
        found = next((item for item in inner if isinstance(item, BaseException)), None)
        if found is None:
            break
        error = found
    return error


def _tls(connection: Connection, docker: Any) -> Any:
    pair = (connection.client_cert, connection.client_key) if connection.client_cert and connection.client_key else None
    return docker.tls.TLSConfig(client_cert=pair, ca_cert=connection.ca_path, verify=connection.validate_certs)


def _hostname_adapter(hostname: str, requests: Any) -> Any:
    class HostnameAdapter(requests.adapters.HTTPAdapter):
        """Checks the certificate against a given name instead of the address."""

        def init_poolmanager(self, *args: object, **kwargs: object) -> Any:
            kwargs.update(assert_hostname=hostname, server_hostname=hostname)
            return super().init_poolmanager(*args, **kwargs)

    adapter: Any = HostnameAdapter()
    return adapter
