# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One HTTP call within a time and a size, whatever the server does.

A socket's own time-out bounds each wait alone: a server that sends a byte a second would hold a call for ever. Here
every byte that comes (headers, body, chunks, trailers) is counted where it is read from the socket, within one time.
"""

from __future__ import annotations

import http.client
import io
import time
from typing import Any, Callable, List, NamedTuple, Optional

BLOCK = 65536  # bytes: no length that a server claims is believed, and asked for in one piece
MIB = 1024 * 1024
LARGEST = 64 * MIB  # bytes of an answer: all tasks of 20,000
LARGEST_STREAM = 32 * MIB  # bytes of logs


class Bounds(NamedTuple):
    """Seconds without a byte, seconds for the whole call, and the most bytes of its answer."""

    silence: float
    whole: float
    most: int = LARGEST


class TooLarge(Exception):
    """The answer has more bytes than ``most``."""

    def __init__(self, most: int) -> None:
        super().__init__(f"the answer is larger than {most // MIB} MiB" if most >= MIB else f"{most} bytes")


class Watch:
    """The bounds of one call, from now on."""

    def __init__(self, bounds: Bounds, now: Callable[[], float] = time.monotonic) -> None:
        self.bounds = bounds
        self._now = now
        self._end = now() + bounds.whole
        self._count = 0

    def left(self) -> float:
        """Seconds for the next wait. Raises TimeoutError if the time for the whole is over."""
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
    """A part of each connection here (before http.client's): sends, and reads its answers, under ``watch``."""

    watch: Watch
    sock: Any
    timeout: Any
    response_class: Any

    def begin(self, watch: Watch, response: Any = http.client.HTTPResponse) -> None:
        """The next call is watched by ``watch``; its answer is a ``response``."""
        self.watch = watch
        self.timeout = watch.left()

        def watched(sock: object, *arguments: object, **more: object) -> Any:
            return response(_Files(sock, watch), *arguments, **more)

        self.response_class = watched

    def send(self, data: Any) -> None:
        """As http.client's, but a server that does not read is not waited for without end."""
        if self.sock is None:
            self.connect()  # type: ignore[attr-defined]
        for start in range(0, len(data), BLOCK):
            self.sock.settimeout(self.watch.left())
            super().send(data[start : start + BLOCK])  # type: ignore[misc]


def body_of(response: Any, watch: Watch) -> bytes:
    """The whole body. Raises TooLarge, TimeoutError, OSError, and http.client's own."""
    if response.length is not None and response.length > watch.bounds.most:
        raise TooLarge(watch.bounds.most)
    parts: List[bytes] = []
    while True:
        try:
            part = response.read(BLOCK)
        except ValueError:  # the length of a chunk is not a length
            raise http.client.IncompleteRead(b"".join(parts)) from None
        if not part:
            break
        parts.append(part)
    data = b"".join(parts)
    if response.length:
        raise http.client.IncompleteRead(data, response.length)
    return data


class _Files:
    """Stands for a socket where http.client asks it for a file to read from."""

    def __init__(self, sock: object, watch: Watch) -> None:
        self._sock, self._watch = sock, watch

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Raw(self._sock, mode, self._watch))


class _Raw(io.RawIOBase):
    def __init__(self, sock: Any, mode: str, watch: Watch) -> None:
        super().__init__()
        self._sock, self._watch = sock, watch
        self._file = sock.makefile(mode, buffering=0)  # keeps the socket open where the connection gives it up

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
