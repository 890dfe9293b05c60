"""HTTP/1.1 as bytes: reading one message off a stream without changing any of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

BLOCK = 65536


class Torn(Exception):
    """The stream ended in the middle of a message."""


class Head(NamedTuple):
    """The first line and the headers (lower case) of a message, and the bytes that they were."""

    first: list[str]
    headers: dict[str, str]
    raw: bytes

    @property
    def is_chunked(self) -> bool:
        return "chunked" in self.headers.get("transfer-encoding", "").lower()

    @property
    def length(self) -> int | None:
        text = self.headers.get("content-length")
        return None if text is None else int(text)

    @property
    def status(self) -> int:
        return int(self.first[1])


def read_head(stream: BinaryIO) -> Head | None:
    """The head of the next message; None where the stream has ended. Raises Torn."""
    lines = []
    while True:
        line = stream.readline()
        if not line.endswith(b"\n"):
            if line or lines:
                raise Torn
            return None
        lines.append(line)
        if line in (b"\r\n", b"\n"):
            break
    pairs = [line.decode("latin-1").split(":", 1) for line in lines[1:-1]]
    headers = {name.strip().lower(): value.strip() for name, value in pairs}
    return Head(lines[0].decode("latin-1").split(None, 2), headers, b"".join(lines))


def request_body(stream: BinaryIO, head: Head) -> bytes:
    """The body of a request, as it came."""
    return b"".join(_chunks(stream) if head.is_chunked else _counted(stream, head.length or 0))


def answer_body(stream: BinaryIO, head: Head, method: str) -> Iterator[bytes]:
    """The pieces of an answer's body, as they come. Raises Torn."""
    if method == "HEAD" or head.status in (204, 304) or 100 <= head.status < 200:
        return iter(())
    if head.is_chunked:
        return _chunks(stream)
    if head.length is not None:
        return _counted(stream, head.length)
    return _until_the_end(stream)


def ends_with_the_connection(head: Head, method: str) -> bool:
    """Whether nothing but the end of the connection ends this answer, or it is the last on its connection."""
    if head.headers.get("connection", "").lower() == "close":
        return True
    bodiless = method == "HEAD" or head.status in (204, 304)
    return not bodiless and not head.is_chunked and head.length is None


def _counted(stream: BinaryIO, left: int) -> Iterator[bytes]:
    while left:
        piece = stream.read1(min(left, BLOCK))  # type: ignore[attr-defined]
        if not piece:
            raise Torn
        left -= len(piece)
        yield piece


def _until_the_end(stream: BinaryIO) -> Iterator[bytes]:
    while True:
        piece = stream.read1(BLOCK)  # type: ignore[attr-defined]
        if not piece:
            return
        yield piece


def _chunks(stream: BinaryIO) -> Iterator[bytes]:
    while True:
        line = stream.readline()
        if not line.endswith(b"\n"):
            raise Torn
        size = int(line.split(b";")[0], 16)
        if size == 0:
            tail = [line]
            while True:
                line = stream.readline()
                if not line.endswith(b"\n"):
                    raise Torn
                tail.append(line)
                if line in (b"\r\n", b"\n"):
                    yield b"".join(tail)
                    return
        data = stream.read(size + 2)
        if len(data) < size + 2:
            raise Torn
        yield line + data
