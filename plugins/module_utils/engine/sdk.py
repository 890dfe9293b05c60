# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP over TCP, TLS and SSH with the Docker SDK's transports; imported only where a unix socket won't do."""

from __future__ import annotations

import http.client
import os
import sys
from typing import Any, Dict, Optional

from ansible_collections.stackwright.swarm.plugins.module_utils.engine.answer import Answer, Torn
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.connection import Connection
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.tls import check_files, tls_failure
from ansible_collections.stackwright.swarm.plugins.module_utils.errors import EngineError


class SdkTransport:
    """Sends requests through ``docker.APIClient`` (a requests session with the SDK's adapters).

    Raises EngineError: ``missing_requirement`` without the Docker SDK, ``tls_error`` for certificates that are not
    there, ``daemon_unreachable`` for addresses that make no sense.
    """

    def __init__(self, connection: Connection) -> None:
        self._timeout = connection.timeout
        try:
            import docker
            import requests
        except ImportError as error:
            raise EngineError(
                f"Reaching {connection.docker_host} needs the Docker SDK for Python ({error}).",
                "missing_requirement",
                f"Install it for {sys.executable} on this host (pip install docker), or use a unix socket.",
            ) from None
        self._errors = requests.exceptions
        self._where = connection.docker_host
        wants_tls = connection.tls or connection.validate_certs
        if wants_tls:
            check_files(connection, os.path.isfile)
        try:
            # A fixed version keeps the SDK from asking the engine for one; our paths carry their own.
            self._session: Any = docker.APIClient(
                base_url=connection.docker_host,
                version="1.41",
                timeout=connection.timeout,
                tls=_tls(connection, docker) if wants_tls else False,
                use_ssh_client=connection.use_ssh_client,
            )
        except (docker.errors.DockerException, requests.exceptions.RequestException, ValueError, OSError) as error:
            raise EngineError(
                f"Can't reach the engine at {connection.docker_host}: {error}",
                "daemon_unreachable",
                "Check docker_host and the TLS or SSH options.",
            ) from None
        except Exception as error:  # paramiko's own errors have no common base with the SDK's
            raise EngineError(
                f"Can't reach the engine at {connection.docker_host}: {error}", "daemon_unreachable"
            ) from None
        if connection.tls_hostname:
            self._session.mount("https://", _hostname_adapter(connection.tls_hostname, requests))

    def send(
        self, method: str, path: str, body: Optional[bytes], headers: Dict[str, str], timeout: Optional[float] = None
    ) -> Answer:
        """One request and its whole answer. Raises OSError (also time-outs) and Torn."""
        errors = self._errors
        try:
            response = self._session.request(
                method,
                self._session.base_url + path,
                data=body,
                headers=headers,
                timeout=self._timeout if timeout is None else timeout,
                # Said here again, or REQUESTS_CA_BUNDLE of the target would win over ca_path.
                verify=self._session.verify,
            )
        except errors.ConnectTimeout as error:
            raise ConnectionRefusedError(str(cause(error))) from error
        except errors.Timeout as error:
            raise TimeoutError(str(cause(error))) from error
        except errors.ChunkedEncodingError as error:
            raise Torn(str(cause(error))) from error
        except errors.ConnectionError as error:
            raise self._broken(error) from error
        except errors.RequestException as error:
            raise OSError(str(cause(error))) from error
        return Answer(response.status_code, response.content, response.headers.get("Api-Version"))

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
        self._session.close()


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

        def init_poolmanager(self, *args: Any, **kwargs: Any) -> Any:
            kwargs.update(assert_hostname=hostname, server_hostname=hostname)
            return super().init_poolmanager(*args, **kwargs)

    adapter: Any = HostnameAdapter()
    return adapter
