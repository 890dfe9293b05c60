# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP over TCP, TLS and SSH with the Docker SDK's transports; imported only where a unix socket won't do."""

from __future__ import annotations

from typing import Any, Dict, Optional

from ansible_collections.stackwright.swarm.plugins.module_utils.engine.answer import Answer, Torn
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.connection import Connection
from ansible_collections.stackwright.swarm.plugins.module_utils.errors import EngineError


class SdkTransport:
    """Sends requests through ``docker.APIClient`` (a requests session with the SDK's adapters).

    Raises EngineError (``engine_error``) where the Docker SDK is missing or the options make no sense.
    """

    def __init__(self, connection: Connection) -> None:
        self._timeout = connection.timeout
        try:
            import docker
            import requests
        except ImportError as error:
            raise EngineError(
                f"Reaching {connection.docker_host} needs the Docker SDK for Python: {error}",
                hint="Install it on this host (`pip install docker`), or use a unix socket.",
            ) from None
        self._errors = requests.exceptions
        try:
            # A fixed version keeps the SDK from asking the engine for one; our paths carry their own.
            self._session: Any = docker.APIClient(
                base_url=connection.docker_host,
                version="1.41",
                timeout=connection.timeout,
                tls=_tls(connection, docker) if connection.tls or connection.validate_certs else False,
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
            )
        except errors.ConnectTimeout as error:
            raise ConnectionRefusedError(str(error)) from error
        except errors.Timeout as error:
            raise TimeoutError(str(error)) from error
        except errors.ChunkedEncodingError as error:
            raise Torn(str(error)) from error
        except errors.ConnectionError as error:
            if "timed out" in str(error).lower():
                raise TimeoutError(str(error)) from error
            raise ConnectionRefusedError(str(error)) from error
        except errors.RequestException as error:
            raise OSError(str(error)) from error
        return Answer(response.status_code, response.content, response.headers.get("Api-Version"))

    def close(self) -> None:
        """Closes the session's connections."""
        self._session.close()


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
