"""Visitors: load on a proxy over connections that stay open, slow streams, uploads and a websocket; all is counted."""

from __future__ import annotations

import base64
import contextlib
import http.client
import os
import struct
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

#: What a browser may send again by itself; of the rest, not one may be lost either.
PAUSE = 0.02


@dataclass
class Tally:
    """What became of the requests. ``lost`` says when and how each was."""

    done: Counter = field(default_factory=Counter)
    lost: list = field(default_factory=list)
    releases: set = field(default_factory=set)
    answered: list = field(default_factory=list)  # of requests with a number of their own

    def lose(self, kind: str, how: object) -> None:
        self.lost.append((kind, round(time.time(), 3), str(how)))


class Threads:
    """Threads that work from the beginning of a context until ``_end`` is set at its end."""

    _end: threading.Event
    _threads: list[threading.Thread]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join(60)


class Visitors(Threads):
    """Threads that ask ``address`` (host, port) for ``host`` until ``stop``."""

    def __init__(self, address: tuple[str, int], host: str, getters: int = 3, posters: int = 1, seconds: float = 4.0):
        self.address, self.host, self.seconds = address, host, seconds
        self.tally = Tally()
        self._end = threading.Event()
        self._threads = [threading.Thread(target=self._get, daemon=True) for _ in range(getters)]
        self._threads += [threading.Thread(target=self._post, daemon=True) for _ in range(posters)]

    def slow(self) -> list[threading.Thread]:
        """A stream and an upload of ``seconds``, each in a thread that the caller joins."""
        threads = [threading.Thread(target=work, daemon=True) for work in (self._stream, self._upload)]
        for thread in threads:
            thread.start()
        return threads

    # -- each kind

    def _get(self) -> None:
        self._repeat("get", lambda connection: connection.request("GET", "/", headers={"Host": self.host}))

    def _post(self) -> None:
        body = b"x" * 2000
        self._repeat("post", lambda connection: connection.request("POST", "/", body, {"Host": self.host}))

    def _repeat(self, kind: str, ask) -> None:
        """Requests over one connection, as long as the proxy leaves it open."""
        connection = None
        while not self._end.is_set():
            if connection is None:
                connection = http.client.HTTPConnection(*self.address, timeout=30)
                fresh = True
            try:
                ask(connection)
                answer = connection.getresponse()
                text = answer.read().decode()
            except (OSError, http.client.HTTPException) as error:
                # A connection that the server has closed before any answer: clients ask again on a new one.
                if fresh or not isinstance(error, (ConnectionResetError, BrokenPipeError)):
                    self.tally.lose(kind, repr(error))
                else:
                    self.tally.done["reopened"] += 1
                connection.close()
                connection = None
                continue
            fresh = False
            if answer.status == 200:
                self.tally.done[kind] += 1
                if kind == "get":
                    self.tally.releases.add(text.split()[0])
            else:
                self.tally.lose(kind, answer.status)
            if answer.will_close:
                connection.close()
                connection = None
            time.sleep(PAUSE)

    def _stream(self) -> None:
        with self._one("stream") as connection:
            connection.request("GET", f"/stream?seconds={self.seconds}", headers={"Host": self.host})
            answer = connection.getresponse()
            got = len(answer.read())
            self._judge("stream", answer.status == 200 and got == int(self.seconds * 10), (answer.status, got))

    def _upload(self) -> None:
        turns = int(self.seconds * 10)

        def parts():
            for _turn in range(turns):
                time.sleep(0.1)
                yield b"y" * 5000

        with self._one("upload") as connection:
            head = {"Host": self.host, "Content-Length": str(turns * 5000)}
            connection.request("POST", "/", parts(), head)
            answer = connection.getresponse()
            text = answer.read().decode().strip()
            self._judge("upload", answer.status == 200 and text == str(turns * 5000), (answer.status, text))

    def _judge(self, kind: str, good: bool, seen: object) -> None:
        if good:
            self.tally.done[kind] += 1
        else:
            self.tally.lose(kind, seen)

    @contextlib.contextmanager
    def _one(self, kind: str):
        connection = http.client.HTTPConnection(*self.address, timeout=60)
        try:
            yield connection
        except (OSError, http.client.HTTPException) as error:
            self.tally.lose(kind, repr(error))
        finally:
            connection.close()


class Counted(Threads):
    """Visitors of one service whose every request has a number: GET and POST, over kept and over new connections."""

    def __init__(self, address: tuple[str, int], host: str, mark: str, pause: float = 0.1) -> None:
        self.address, self.host, self.mark, self.pause = address, host, mark, pause
        self.tally = Tally()
        self._end = threading.Event()
        kinds = [(method, kept) for method in ("GET", "POST") for kept in (True, False)]
        self._threads = [threading.Thread(target=self._ask, args=kind, daemon=True) for kind in kinds]

    def _ask(self, method: str, kept: bool) -> None:
        kind = f"{method} over {'kept' if kept else 'new'} connections"
        body = b"x" * 2000 if method == "POST" else None
        connection = None
        number = 0
        while not self._end.is_set():
            number += 1
            visit = f"{self.mark}-{method}-{kept:d}-{number}"
            if connection is None:
                connection = http.client.HTTPConnection(*self.address, timeout=30)
            began = time.monotonic()
            try:
                connection.request(method, "/", body, {"Host": self.host, "X-Visit": visit})
                answer = connection.getresponse()
                text = answer.read().decode()
            except (OSError, http.client.HTTPException) as error:
                self.tally.lose(kind, repr(error))
                connection.close()
                connection = None
                continue
            if answer.status == 200:
                self.tally.done[kind] += 1
                self.tally.answered.append(visit)
                if method == "GET":
                    self.tally.releases.add(text.split()[0])
            else:
                self.tally.lose(kind, f"{answer.status} after {time.monotonic() - began:.1f} s")
            if not kept or answer.will_close:
                connection.close()
                connection = None
            time.sleep(self.pause)


class Websocket:
    """A websocket that stays open; ``echo`` sends a text and gives what comes back."""

    def __init__(self, address: tuple[str, int], host: str) -> None:
        self._connection = http.client.HTTPConnection(*address, timeout=20)
        key = base64.b64encode(os.urandom(16)).decode()
        head = {"Host": host, "Upgrade": "websocket", "Connection": "Upgrade"}
        self._connection.request("GET", "/", headers={**head, "Sec-WebSocket-Key": key, "Sec-WebSocket-Version": "13"})
        self._socket = self._connection.sock
        head = b""
        while b"\r\n\r\n" not in head:
            part = self._socket.recv(1)
            assert part, head
            head += part
        assert b" 101 " in head.splitlines()[0], head

    def echo(self, text: str) -> str:
        mask = os.urandom(4)
        body = bytes(byte ^ mask[index % 4] for index, byte in enumerate(text.encode()))
        self._socket.sendall(struct.pack("BB", 0x81, 0x80 | len(body)) + mask + body)
        head = self._read(2)
        return self._read(head[1] & 127).decode()

    def _read(self, count: int) -> bytes:
        got = b""
        while len(got) < count:
            part = self._socket.recv(count - len(got))
            if not part:
                raise ConnectionError("the websocket was closed")
            got += part
        return got

    def close(self) -> None:
        self._connection.close()


class Balanced(Threads):
    """Visitors behind a load balancer: each request goes to the next address that the file ``pool`` has now."""

    def __init__(self, pool: Path, port: int, host: str, visitors: int = 3) -> None:
        self.pool, self.port, self.host, self.tally = pool, port, host, Tally()
        self._end = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(number,), daemon=True) for number in range(visitors)]

    def _ask(self, turn: int) -> None:
        while not self._end.wait(0.1):
            turn += 1
            addresses = self.pool.read_text().split()
            address = addresses[turn % len(addresses)]
            connection = http.client.HTTPConnection(address, self.port, timeout=30)
            method, body = ("GET", None) if turn % 2 else ("POST", b"x" * 2000)
            try:
                connection.request(method, "/", body, {"Host": self.host})
                answer = connection.getresponse()
                answer.read()
                if answer.status == 200:
                    self.tally.done[method] += 1
                else:
                    self.tally.lose(method, f"{answer.status} by {address}")
            except (OSError, http.client.HTTPException) as error:
                self.tally.lose(method, f"{error!r} by {address}")
            finally:
                connection.close()
