# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP over the Engine's Unix socket with one persistent connection.

Why not the Docker SDK: docs/decisions/0003-unix-socket-transport.md.
"""

from __future__ import annotations

import http.client
import socket
from typing import Any, Dict, Optional

from ansible_collections.stackwright.swarm.plugins.module_utils.core.http import Bounds, Watch, Watched, body_of
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.answer import Answer, Torn


class _Connection(Watched, http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("docker")
        self.path = path

    def connect(self) -> None:
        sock: Any = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.settimeout(self.watch.left())
            sock.connect(self.path)
        except BaseException:
            sock.close()
            raise
        self.sock = sock


class UnixTransport:
    """Sends requests over the socket at ``path``."""

    def __init__(self, path: str) -> None:
        self._connection = _Connection(path)

    def send(self, method: str, path: str, body: Optional[bytes], headers: Dict[str, str], bounds: Bounds) -> Answer:
        """Sends a request and reads the whole response within ``bounds``.

        Raises OSError (also for timeouts), Torn, TooLarge.
        """
        kept = self._connection.sock is not None
        watch = Watch(bounds)
        try:
            return self._send(method, path, body, headers, watch)
        except (http.client.HTTPException, ConnectionError) as error:
            self.close()
            # The Engine may close an idle connection at any time. Only a read is safe to send twice.
            if kept and method == "GET":
                return self._resend(method, path, body, headers, watch)
            if not kept and not isinstance(error, http.client.HTTPException):
                raise
            raise Torn(str(error) or type(error).__name__) from error
        except BaseException:
            self.close()
            raise

    def _resend(self, method: str, path: str, body: Optional[bytes], headers: Dict[str, str], watch: Watch) -> Answer:
        try:
            return self._send(method, path, body, headers, watch)
        except http.client.HTTPException as error:
            self.close()
            raise Torn(str(error) or type(error).__name__) from error
        except BaseException:
            self.close()
            raise

    def _send(self, method: str, path: str, body: Optional[bytes], headers: Dict[str, str], watch: Watch) -> Answer:
        connection = self._connection
        connection.begin(watch)
        if connection.sock is None:
            connection.connect()
        connection.request(method, path, body=body, headers=headers)
        response = connection.getresponse()
        data = body_of(response, watch)
        return Answer(response.status, data, response.getheader("Api-Version"))

    def close(self) -> None:
        """Closes the connection; the next request opens a new one."""
        self._connection.close()
