# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads and writes files of a container as a tar stream. The container need not run, so this works for volumes too."""

from __future__ import annotations

import contextlib
import http.client
import socket
from typing import IO, Any, Dict, Iterator, Optional, Tuple
from urllib.parse import urlencode

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.answer import Torn
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.failures import refusal, unreachable

BLOCK = 1 << 20  # bytes
MAX_ERROR = 64 << 10  # bytes of an error response that are read


def read_archive(client: EngineClient, container: str, path: str) -> Iterator[bytes]:
    """Yields the tar stream of ``path`` in blocks. Raises EngineError, also if the stream is incomplete."""
    what = f"GET /containers/{container[:12]}/archive"
    with _call(client, "GET", container, path, None, 0) as response:
        while True:
            try:
                block: bytes = response.read(BLOCK)
            except Exception as error:  # http.client's and urllib3's have no common base
                raise _broken(client, what, error) from None
            if not block:
                break
            client.heartbeat()
            yield block
        if getattr(response, "length", None):
            raise _broken(client, what, Torn("the answer is not complete"))


def write_archive(client: EngineClient, container: str, path: str, file: IO[bytes], size: int) -> None:
    """Unpacks the tar ``file`` of ``size`` bytes at ``path``. Raises EngineError, ``disk_full`` if the disk is full."""
    with _call(client, "PUT", container, path, _Body(file, size, client), size):
        pass


class _Body:
    """A request body that calls ``client.heartbeat`` for each block."""

    def __init__(self, file: IO[bytes], size: int, client: EngineClient) -> None:
        self._file, self._size, self._client = file, size, client

    def __len__(self) -> int:
        return self._size

    def read(self, most: int = -1) -> bytes:
        self._client.heartbeat()
        return self._file.read(most)

    def __iter__(self) -> Iterator[bytes]:
        return iter(lambda: self.read(BLOCK), b"")


@contextlib.contextmanager
def _call(
    client: EngineClient, method: str, container: str, path: str, body: Optional[_Body], size: int
) -> Iterator[Any]:
    what = f"{method} /containers/{container[:12]}/archive"
    if client.api_version is None:
        client.get("/info")
    client.calls += 1
    version = "/v{}.{}".format(*client.api_version) if client.api_version else ""
    target = f"{version}/containers/{container}/archive?{urlencode({'path': path})}"
    headers = {} if body is None else {"Content-Type": "application/x-tar", "Content-Length": str(size)}
    with contextlib.ExitStack() as closing:
        try:
            if client.connection.socket_path is not None:
                status, response = _by_socket(client, closing, method, target, body, headers)
            else:
                status, response = _by_sdk(client, closing, method, target, body, headers)
            refused = response.read(MAX_ERROR) if status >= 400 else b""
        except EngineError:
            raise
        except Exception as error:  # as in read_archive
            raise _broken(client, what, error) from None
        if status >= 400:
            failed = refusal(status, refused, what, client.where, client.node)
            if "no space left" in failed.message:
                failed.error_code, failed.hint = "disk_full", "Free space on the node."
            raise failed
        yield response


def _by_socket(
    client: EngineClient,
    closing: contextlib.ExitStack,
    method: str,
    target: str,
    body: Optional[_Body],
    headers: Dict[str, str],
) -> Tuple[int, Any]:
    sock = closing.enter_context(contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)))
    sock.settimeout(client.connection.timeout)
    sock.connect(client.connection.socket_path or "")
    caller = http.client.HTTPConnection("docker")
    caller.sock, caller.blocksize = sock, BLOCK
    # If the Engine rejects the request, it responds and closes the connection before it has read the whole body.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        caller.request(method, target, body=body, headers=headers)
    sock.settimeout(None if body is not None else client.connection.timeout)
    response = caller.getresponse()
    return response.status, response


def _by_sdk(
    client: EngineClient,
    closing: contextlib.ExitStack,
    method: str,
    target: str,
    body: Optional[_Body],
    headers: Dict[str, str],
) -> Tuple[int, Any]:
    from ansible_collections.stackwright.swarm.plugins.module_utils.engine.sdk import SdkTransport

    transport = closing.enter_context(contextlib.closing(SdkTransport(client.connection)))
    # After the last block the Engine may unpack for any time.
    silence = client.connection.timeout if body is None else None
    response = closing.enter_context(contextlib.closing(transport.open(target, method, body, headers, silence)))
    return response.status_code, response.raw


def _broken(client: EngineClient, what: str, error: Exception) -> EngineError:
    text = str(error) or type(error).__name__
    kind = TimeoutError if "timed out" in text else OSError  # urllib3's time-out is no OSError
    return unreachable(error if isinstance(error, OSError) else kind(text), client.where, what)
