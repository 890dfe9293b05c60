"""The few Engine API calls of the bed itself, over an Engine's Unix socket."""

from __future__ import annotations

import http.client
import json
import socket
from pathlib import Path

from .paths import BedError


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))


def call(path: Path, method: str, url: str, body: object = None, timeout: float = 60) -> object:
    """Makes one call. Returns the answer's JSON, or its text if it is not JSON.

    Raises BedError with the Engine's message on a status of 400 and more, OSError if no Engine answers.
    """
    connection = _UnixConnection(path, timeout)
    try:
        data = None if body is None else json.dumps(body)
        connection.request(method, url, data, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        content = answer.read().decode(errors="replace")
    except http.client.HTTPException as error:
        raise ConnectionError(f"{path}: {error!r}") from error
    finally:
        connection.close()
    if answer.status >= 400:
        raise BedError(f"{method} {url}: {answer.status} {content.strip()}")
    try:
        return json.loads(content)
    except ValueError:
        return content


def answers(path: Path) -> bool:
    """Whether an engine answers on this socket."""
    try:
        return call(path, "GET", "/_ping", timeout=5) == "OK"
    except (OSError, BedError):
        return False
