# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP over TCP, TLS and SSH with the Docker SDK. Imported only if the Engine is not at a Unix socket."""

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

    The libraries limit single waits at most, not the whole of a name lookup, a handshake, SSH's proxy command and slow
    headers. So each call runs in a thread, which is abandoned at its timeout.

    Raises EngineError (``missing_requirement`` without the Docker SDK, ``tls_error`` for missing certificates,
    ``daemon_unreachable`` for invalid addresses), TimeoutError.
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
        self._errors, self._timeout_error = requests.exceptions, urllib3.exceptions.TimeoutError
        self._http_error, self._ssl_error = urllib3.exceptions.HTTPError, urllib3.exceptions.SSLError
        self._connection, self._where = connection, connection.docker_host
        if connection.tls or connection.validate_certs:
            check_files(connection, os.path.isfile)
        self._session: Any = _call_within(connection.timeout, lambda abandoned: self._open())

    def _open(self) -> Any:
        connection, docker, requests = self._connection, self._docker, self._requests
        try:
            # With a version, the SDK doesn't ask the Engine for it, nor reject old ones. Our paths have their own.
            session: Any = docker.APIClient(
                base_url=connection.docker_host,
                version=docker.constants.DEFAULT_DOCKER_API_VERSION,
                timeout=connection.timeout,
                tls=_tls_config(connection, docker) if connection.tls or connection.validate_certs else False,
                use_ssh_client=connection.use_ssh_client,
            )
        except (docker.errors.DockerException, requests.exceptions.RequestException, ValueError, OSError) as error:
            raise EngineError(
                f"Can't reach the Engine at {connection.docker_host}: {error}",
                "daemon_unreachable",
                "Check docker_host and the TLS or SSH options.",
            ) from None
        except Exception as error:  # paramiko's and the SDK's errors have no common base
            raise EngineError(
                f"Can't reach the Engine at {connection.docker_host}: {error}", "daemon_unreachable"
            ) from None
        # To follow a redirect, requests would read the whole body, whatever its size.
        session.get_redirect_target = lambda response: None
        if connection.tls_hostname:
            session.mount("https://", _hostname_adapter(connection.tls_hostname, requests))
        return session

    def send(self, method: str, path: str, body: Optional[bytes], headers: Dict[str, str], bounds: Bounds) -> Answer:
        """Sends a request and reads the whole response within ``bounds``.

        Raises OSError (also for timeouts), Torn, TooLarge.
        """

        def call(abandoned: threading.Event) -> Answer:
            if self._session is None:
                self._session = self._open()
            return self._call(method, path, body, headers, bounds, abandoned)

        try:
            return _call_within(bounds.whole, call)
        except TimeoutError:
            self._session = None  # the abandoned thread still uses it
            raise

    def open(
        self,
        path: str,
        method: str = "GET",
        body: object = None,
        headers: Optional[Dict[str, str]] = None,
        silence: Optional[float] = None,
    ) -> Any:
        """Returns requests' response, whose body is still to be read. Raises OSError, EngineError, Torn.

        ``silence`` limits each wait for data, in seconds; None is no limit.
        """
        session = self._session
        try:
            return session.request(
                method,
                session.base_url + path,
                data=body,
                headers={"Accept-Encoding": "identity", **(headers or {})},
                timeout=(self._connection.timeout, silence),
                stream=True,
                allow_redirects=False,
                verify=session.verify,
            )
        except self._errors.ConnectionError as error:
            raise self._broken(error) from error
        except self._errors.Timeout as error:
            raise TimeoutError(str(cause(error))) from error
        except self._errors.RequestException as error:
            raise OSError(str(cause(error))) from error

    def _call(
        self,
        method: str,
        path: str,
        body: Optional[bytes],
        headers: Dict[str, str],
        bounds: Bounds,
        abandoned: threading.Event,
    ) -> Answer:
        errors, session = self._errors, self._session
        try:
            response = session.request(
                method,
                session.base_url + path,
                data=body,
                # A compressed body may be a thousand times larger when decompressed.
                headers={"Accept-Encoding": "identity", **headers},
                timeout=bounds.silence,
                stream=True,
                allow_redirects=False,
                # Without it, the target's REQUESTS_CA_BUNDLE would override ca_path.
                verify=session.verify,
            )
            with response:
                data = _body(response, bounds, abandoned)
        except errors.ConnectTimeout as error:
            raise ConnectionRefusedError(str(cause(error))) from error
        except (errors.Timeout, self._timeout_error) as error:
            raise TimeoutError(str(cause(error))) from error
        except errors.ChunkedEncodingError as error:
            raise Torn(str(cause(error))) from error
        except errors.ConnectionError as error:
            raise self._broken(error) from error
        except self._ssl_error as error:
            raise tls_failure(str(cause(error)), self._where) from error
        except errors.RequestException as error:
            raise OSError(str(cause(error))) from error
        except (self._http_error, http.client.HTTPException, ValueError) as error:
            raise Torn(str(cause(error)) or type(error).__name__) from error
        return Answer(response.status_code, data, response.headers.get("Api-Version"))

    def _broken(self, error: Exception) -> Exception:
        """Converts a connection error of requests to EngineError, Torn or OSError."""
        reason = cause(error)
        if "ssl" in type(reason).__module__ or type(reason).__name__.startswith("SSL"):
            return tls_failure(str(reason), self._where)
        if isinstance(reason, TimeoutError) or "timed out" in str(reason).lower():
            return TimeoutError(str(reason))
        # The Engine got the request and may have carried it out.
        if isinstance(reason, (http.client.HTTPException, ConnectionResetError, BrokenPipeError)):
            return Torn(str(reason))
        return ConnectionRefusedError(getattr(reason, "strerror", None) or str(reason))

    def close(self) -> None:
        """Closes the session's connections."""
        if self._session is not None:
            self._session.close()


def _call_within(seconds: float, call: Callable[[threading.Event], Result]) -> Result:
    """Runs ``call`` in a thread. After ``seconds``, sets the event that it was given, and raises TimeoutError."""
    abandoned = threading.Event()
    ended: Any = []

    def run() -> None:
        try:
            ended.append((call(abandoned), None))
        except BaseException as error:
            ended.append((None, error))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if not ended:
        abandoned.set()
        raise TimeoutError("timed out")
    result, error = ended[0]
    if error is not None:
        raise error
    found: Result = result
    return found


def _body(response: Any, bounds: Bounds, abandoned: threading.Event) -> bytes:
    claimed = response.headers.get("Content-Length") or ""
    length = int(claimed) if claimed.isdigit() and len(claimed) < 20 else None
    if length is not None and length > bounds.most or len(claimed) >= 20:
        raise TooLarge(bounds.most)
    parts, count = [], 0
    while not abandoned.is_set():
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
    """Returns the innermost reason of an error of requests; the texts of the errors around it help no user."""
    for _depth in range(10):
        inner = [getattr(error, "reason", None), *error.args, error.__cause__]
        found = next((item for item in inner if isinstance(item, BaseException)), None)
        if found is None:
            break
        error = found
    return error


def _tls_config(connection: Connection, docker: Any) -> Any:
    pair = (connection.client_cert, connection.client_key) if connection.client_cert and connection.client_key else None
    return docker.tls.TLSConfig(client_cert=pair, ca_cert=connection.ca_path, verify=connection.validate_certs)


def _hostname_adapter(hostname: str, requests: Any) -> Any:
    class HostnameAdapter(requests.adapters.HTTPAdapter):
        """Checks the certificate against ``hostname`` instead of the address."""

        def init_poolmanager(self, *args: object, **kwargs: object) -> Any:
            kwargs.update(assert_hostname=hostname, server_hostname=hostname)
            return super().init_poolmanager(*args, **kwargs)

    adapter: Any = HostnameAdapter()
    return adapter
