"""A unix socket in front of an Engine's own: passes calls on, counts them, and spoils the one that it is told to."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from wire import Head, Torn, answer_body, ends_with_the_connection, read_head, request_body

NO_LEADER = "rpc error: code = Unknown desc = The swarm does not have a leader. It's possible that too few managers are"
#: Kind of fault -> status and words of an answer that the Engine did not give.
ANSWERS = {
    "500": (500, "Internal Server Error", "something broke"),
    "503": (503, "Service Unavailable", f"{NO_LEADER} online."),
    "409": (409, "Conflict", "rpc error: code = AlreadyExists desc = name conflicts with an existing object"),
    "500 after": (500, "Internal Server Error", "rpc error: code = DeadlineExceeded desc = context deadline exceeded"),
}
#: What can be done to a call. "after": the Engine has acted; all others but torn, hangs and slow: it has not.
REFUSED, TORN, SLOW, HANGS, DROPPED = "refused", "torn", "slow", "hangs", "dropped after"
KILLED, KILLED_AFTER, GONE = "killed", "killed after", "gone"
FAULTS = (REFUSED, "500", "503", "409", "500 after", TORN, DROPPED, SLOW, HANGS, KILLED, KILLED_AFTER, GONE)


@dataclass(frozen=True)
class Call:
    """One call: its number (from 1) since the last ``plan``, its method, and its path without version and query."""

    number: int
    method: str
    path: str


@dataclass
class Fault:
    """``kind`` (one of FAULTS) done once to the first call for which ``when`` is true, and what became of it.

    ``seconds``: how long the socket refuses (refused), or the answer is late (slow, hangs). ``gone`` refuses all
    calls from then on.
    """

    kind: str
    when: Callable[[Call], bool]
    seconds: float = 0.3
    hit: Call | None = field(default=None)

    @classmethod
    def at(cls, number: int, kind: str, seconds: float = 0.3) -> Fault:
        return cls(kind, lambda call: call.number == number, seconds)


class Proxy:
    """Listens on ``path`` for calls to the Engine behind ``upstream`` until ``close``; each connection has a thread."""

    def __init__(self, upstream: Path | str, path: Path | str) -> None:
        self.upstream, self.path = str(upstream), str(path)
        self.calls: list[Call] = []
        self.fault: Fault | None = None
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._deaf_until = 0.0
        self._closed = False
        self._listener = self._listen()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def docker_host(self) -> str:
        return f"unix://{self.path}"

    def plan(self, fault: Fault | None = None) -> None:
        """Counts from 1 again, hears again, and does ``fault`` to the calls that come."""
        with self._lock:
            self.fault, self.calls, self._deaf_until = fault, [], 0.0

    def close(self) -> None:
        self._closed = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._cut()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)

    def __enter__(self) -> Proxy:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    # -- connections

    def _listen(self) -> socket.socket:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)
        listener.bind(self.path)
        listener.listen(64)
        return listener

    def _accept(self) -> None:
        while not self._closed:
            try:
                client, _address = self._listener.accept()
            except OSError:
                return
            if time.monotonic() < self._deaf_until:
                client.close()
                continue
            with self._lock:
                self._open.add(client)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _cut(self) -> None:
        """Ends all connections."""
        with self._lock:
            ends = list(self._open)
        for end in ends:
            _end(end)

    def _serve(self, client: socket.socket) -> None:
        engine = _Engine(self.upstream, self._open)
        try:
            with client.makefile("rb") as stream:
                while self._one(client, stream, engine):
                    pass
        except (OSError, Torn, ValueError):
            pass
        finally:
            _end(client)
            client.close()
            self._open.discard(client)
            engine.close()

    # -- one call

    def _one(self, client: socket.socket, stream, engine: _Engine) -> bool:
        """Passes one call on; whether the connection goes on."""
        head = read_head(stream)
        if head is None:
            return False
        body = request_body(stream, head)
        if time.monotonic() < self._deaf_until:
            return False
        fault = self._count(head)
        if fault is None:
            return engine.pass_on(client, stream, head, body)
        kind = fault.kind
        if kind in (REFUSED, GONE):
            self._deaf_until = time.monotonic() + (1e9 if kind == GONE else fault.seconds)
            self._cut()
            return False
        if kind == KILLED:
            kill_peer(client)
            return False
        if kind in ("500", "503", "409"):
            client.sendall(canned(kind))
            return True
        if kind == SLOW:
            time.sleep(fault.seconds)
            return engine.pass_on(client, stream, head, body)
        # In all that follow the Engine acts first.
        answer, rest = engine.whole(head, body)
        if kind == "500 after":
            client.sendall(canned(kind))
            return True
        if kind == KILLED_AFTER:
            kill_peer(client)
        elif kind == TORN:
            client.sendall(answer + rest[: len(rest) // 2] if rest else answer[:7])
        elif kind == HANGS:
            # Until the client has had enough.
            client.settimeout(fault.seconds)
            with contextlib.suppress(OSError):
                client.recv(1)
        return False

    def _count(self, head: Head) -> Fault | None:
        path = head.first[1].split("?")[0]
        if path.startswith("/v1."):
            path = "/" + path.split("/", 2)[2]
        with self._lock:
            call = Call(len(self.calls) + 1, head.first[0], path)
            self.calls.append(call)
            fault = self.fault
            if fault is None or fault.hit is not None or not fault.when(call):
                return None
            fault.hit = call
            return fault


class _Engine:
    """One connection to the Engine, made when it is needed."""

    def __init__(self, path: str, known: set[socket.socket]) -> None:
        self.path, self.known = path, known
        self.sock: socket.socket | None = None
        self.stream = None

    def pass_on(self, client: socket.socket, stream, head: Head, body: bytes) -> bool:
        """Sends the call, and the answer as it comes; whether the connection goes on."""
        answer = self._ask(head, body)
        client.sendall(answer.raw)
        if answer.status == 101:
            self._tunnel(client, stream)
            return False
        method = head.first[0]
        for piece in answer_body(self.stream, answer, method):
            client.sendall(piece)
        return not ends_with_the_connection(answer, method)

    def whole(self, head: Head, body: bytes) -> tuple[bytes, bytes]:
        """Sends the call; the head and the body of the whole answer."""
        answer = self._ask(head, body)
        return answer.raw, b"".join(answer_body(self.stream, answer, head.first[0]))

    def _ask(self, head: Head, body: bytes) -> Head:
        if self.sock is None:
            self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.sock.connect(self.path)
            self.stream = self.sock.makefile("rb")
            self.known.add(self.sock)
        self.sock.sendall(head.raw + body)
        while True:
            answer = read_head(self.stream)
            if answer is None:
                raise Torn
            if answer.status != 100:
                return answer

    def _tunnel(self, client: socket.socket, stream) -> None:
        """An upgraded connection: bytes both ways until one side ends."""

        def copy(source, target: socket.socket) -> None:
            with contextlib.suppress(OSError, ValueError):
                while piece := source.read1(65536):
                    target.sendall(piece)
            _end(target, socket.SHUT_WR)

        other = threading.Thread(target=copy, args=(stream, self.sock), daemon=True)
        other.start()
        copy(self.stream, client)
        _end(client)
        other.join(5)

    def close(self) -> None:
        if self.sock is not None:
            _end(self.sock)
            self.sock.close()
            self.known.discard(self.sock)


def kill_peer(client: socket.socket) -> None:
    """Ends the process at the other end at once (SIGKILL), and waits until it has ended."""
    pid, _user, _group = struct.unpack("3i", client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    if pid in (0, os.getpid()):
        raise ConnectionError("a fault that kills wants the work in a process of its own")
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while _runs(pid) and time.monotonic() < deadline:
        time.sleep(0.002)


def canned(kind: str) -> bytes:
    """An answer that the Engine did not give."""
    status, reason, message = ANSWERS[kind]
    body = f'{{"message": "{message}"}}\n'.encode()
    head = f"HTTP/1.1 {status} {reason}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _runs(pid: int) -> bool:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return text.rpartition(")")[2].split()[0] not in "ZX"


def _end(sock: socket.socket, how: int = socket.SHUT_RDWR) -> None:
    with contextlib.suppress(OSError):
        sock.shutdown(how)
