# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One HTTP call within limits of time and size, whatever the server does.

A socket's timeout limits each wait alone: a server that sends one byte per second could hold a call for ever. Here each
byte (headers, body, chunks, trailers) is counted as it is read from the socket, within one time limit.
"""

from __future__ import annotations

import http.client
import io
import time
from typing import Any, Callable, List, NamedTuple, Optional

BLOCK = 65536  # bytes per read: a server's Content-Length is never allocated at once
MIB = 1024 * 1024
LARGEST = 64 * MIB  # bytes of an answer: enough for a list of 20,000 tasks
LARGEST_STREAM = 32 * MIB  # bytes of logs


class Bounds(NamedTuple):
    """The limits of a call: seconds without a byte, seconds in all, bytes of the answer."""

    silence: float
    whole: float
    most: int = LARGEST


class TooLarge(Exception):
    """The answer has more bytes than ``most``."""

    def __init__(self, most: int) -> None:
        size = f"{most // MIB} MiB" if most >= MIB else f"{most} bytes"
        super().__init__(f"the answer is larger than {size}")


class Watch:
    """Enforces the bounds of one call, which starts now."""

    def __init__(self, bounds: Bounds, now: Callable[[], float] = time.monotonic) -> None:
        self.bounds = bounds
        self._now = now
        self._end = now() + bounds.whole
        self._count = 0

    def left(self) -> float:
        """Returns the seconds for the next wait. Raises TimeoutError if the time for the call is over."""
        left = min(self.bounds.silence, self._end - self._now())
        if left <= 0:
            raise TimeoutError("timed out")
        return left

    def took(self, count: int) -> None:
        """Counts bytes. Raises TooLarge."""
        self._count += count
        if self._count > self.bounds.most:
            raise TooLarge(self.bounds.most)


class Watched:
    """A mixin for http.client's connections (named before them): sends and reads under a ``watch``."""

    watch: Watch
    sock: Any
    timeout: Any
    response_class: Any

    def begin(self, watch: Watch, response: Any = http.client.HTTPResponse) -> None:
        """Starts a call under ``watch``; ``response`` is the class of its answer."""
        self.watch = watch
        self.timeout = watch.left()

        def watched(sock: object, *arguments: object, **more: object) -> Any:
            return response(_Files(sock, watch), *arguments, **more)

        self.response_class = watched

    def send(self, data: Any) -> None:
        """Sends as http.client does, but not longer than ``watch`` allows if the server does not read."""
        if self.sock is None:
            self.connect()  # type: ignore[attr-defined]
        for start in range(0, len(data), BLOCK):
            self.sock.settimeout(self.watch.left())
            super().send(data[start : start + BLOCK])  # type: ignore[misc]


def body_of(response: Any, watch: Watch) -> bytes:
    """Returns the whole body. Raises TooLarge, TimeoutError, OSError, and errors of http.client."""
    if response.length is not None and response.length > watch.bounds.most:
        raise TooLarge(watch.bounds.most)
    parts: List[bytes] = []
    while True:
        try:
            part = response.read(BLOCK)
        except ValueError:  # the length of a chunk is not a number
            raise http.client.IncompleteRead(b"".join(parts)) from None
        if not part:
            break
        parts.append(part)
    data = b"".join(parts)
    if response.length:
        raise http.client.IncompleteRead(data, response.length)
    return data


class _Files:
    """Replaces a socket where http.client calls its ``makefile``."""

    def __init__(self, sock: object, watch: Watch) -> None:
        self._sock, self._watch = sock, watch

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Raw(self._sock, mode, self._watch))


class _Raw(io.RawIOBase):
    def __init__(self, sock: Any, mode: str, watch: Watch) -> None:
        super().__init__()
        self._sock, self._watch = sock, watch
        self._file = sock.makefile(mode, buffering=0)  # keeps the socket open after the connection dropped it

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> Optional[int]:
        self._sock.settimeout(self._watch.left())
        count: Optional[int] = self._file.readinto(buffer)
        self._watch.took(count or 0)
        return count

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()
