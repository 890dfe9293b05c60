# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the Engine's event stream line by line until it is closed."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
from typing import Any, Dict, Iterable, Iterator, Mapping, Optional
from urllib.parse import urlencode

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.core.plain import parse
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.answer import Torn
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.connection import Connection
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.failures import refusal, unreachable

LONGEST = 1024 * 1024  # bytes per line
WHAT = "GET /events"


class EventStream:
    """A subscription. One thread reads ``messages``; any thread may call ``close``, which ends the reading.

    :param since: also send earlier events from this time on: seconds since 1970 with a fraction, as text. The Engine
        remembers its last 256 events.
    :raises EngineError: as for every Engine call.
    """

    def __init__(self, client: EngineClient, filters: Mapping[str, object], since: str = "") -> None:
        query = {"filters": json.dumps(filters), **({"since": since} if since else {})}
        version = "/v{}.{}".format(*client.api_version) if client.api_version else ""
        target = f"{version}/events?{urlencode(query)}"
        self._where, self._closed = client.where, False
        self._socket: Any = None
        self._transport: Any = None
        self._lines: Iterator[bytes] = iter(())
        try:
            if client.connection.socket_path is not None:
                self._open_unix(client.connection, target)
            else:
                self._open_sdk(client.connection, target)
        except (OSError, Torn, http.client.HTTPException) as error:
            self.close()
            known = error if isinstance(error, OSError) else OSError(str(error) or type(error).__name__)
            raise unreachable(known, self._where, WHAT) from None
        except BaseException:
            self.close()
            raise

    def _open_unix(self, connection: Connection, target: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(connection.timeout)
        self._socket.connect(connection.socket_path)
        caller = http.client.HTTPConnection("docker")
        caller.sock = self._socket
        caller.request("GET", target)
        response = caller.getresponse()
        if response.status >= 400:
            raise refusal(response.status, response.read(LONGEST), WHAT, self._where)
        self._socket.settimeout(None)
        self._lines = iter(lambda: response.readline(LONGEST), b"")

    def _open_sdk(self, connection: Connection, target: str) -> None:
        from ansible_collections.stackwright.swarm.plugins.module_utils.engine.sdk import SdkTransport

        self._transport = SdkTransport(connection)
        response = self._transport.open(target)
        # Only the shutdown of the socket itself wakes a thread that reads from it.
        raw = getattr(getattr(getattr(response.raw, "_fp", None), "fp", None), "raw", None)
        self._socket = getattr(raw, "_sock", None)
        if response.status_code >= 400:
            raise refusal(response.status_code, response.raw.read(LONGEST), WHAT, self._where)
        self._lines = _lines(response.iter_content(chunk_size=None))

    def messages(self) -> Iterator[Dict[str, Any]]:
        """Yields messages until ``close`` is called. Raises EngineError if the stream breaks."""
        reason = "end of the answer"
        try:
            for line in self._lines:
                found = _message(line)
                if found is not None:
                    yield found
        # If another thread closes the stream, the reader may get any of these.
        except (OSError, ValueError, AttributeError, http.client.HTTPException) as error:
            reason = str(error) or type(error).__name__
        if not self._closed:
            raise EngineError(
                f"{WHAT} on {self._where}: the Engine ended its stream of events ({reason}).", "daemon_unreachable"
            )

    def close(self) -> None:
        """Ends the subscription, and wakes the thread that waits in ``messages``."""
        self._closed = True
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            with contextlib.suppress(OSError):
                self._socket.close()
        if self._transport is not None:
            self._transport.close()


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yields the lines of a chunked body. Raises ValueError for a line longer than ``LONGEST``."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from whole
        if len(rest) > LONGEST:
            raise ValueError("a line that does not end")


def _message(line: bytes) -> Optional[Dict[str, Any]]:
    """Returns the message of a line; None if the line is empty or not a message."""
    try:
        found = parse(line) if line.strip() else None
    except ValueError:
        return None
    return found if isinstance(found, dict) and isinstance(found.get("Actor"), dict) else None
