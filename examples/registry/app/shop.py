"""The shop of the example: ``shop.py web`` takes orders and shows them, ``shop.py worker`` packs them."""

from __future__ import annotations

import contextlib
import signal
import socket
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psycopg2

PORT = 8000
TABLE = (
    "CREATE TABLE IF NOT EXISTS orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, packed bool DEFAULT false)"
)
WORKS = Path("/tmp/works")


@contextlib.contextmanager
def database() -> Iterator[psycopg2.extensions.cursor]:
    """One transaction on a connection of its own, so that a restarted database is not a problem."""
    password = Path("/run/secrets/db_password").read_text(encoding="utf-8").strip()
    connection = psycopg2.connect(host="postgres", dbname="shop", user="shop", password=password, connect_timeout=3)
    with contextlib.closing(connection), connection, connection.cursor() as cursor:
        cursor.execute(TABLE)
        yield cursor


def visits() -> int:
    """Counts one visit in memcached; its text protocol is three lines."""
    with socket.create_connection(("cache", 11211), timeout=3) as cache:
        cache.sendall(b"add visits 0 0 1\r\n0\r\nincr visits 1\r\nquit\r\n")
        answer = b"".join(iter(lambda: cache.recv(1024), b""))
    return int(answer.split()[-1])


class Shop(BaseHTTPRequestHandler):
    """GET / shows the counts, POST / orders, GET /health asks the database and the cache."""

    def do_GET(self) -> None:
        if self.path == "/health":
            self.answer(self.count() and "healthy\n")
        else:
            orders, packed = self.count()
            self.answer(f"visits {visits()}, orders {orders}, packed {packed}\n")

    def do_POST(self) -> None:
        with database() as cursor:
            cursor.execute("INSERT INTO orders DEFAULT VALUES RETURNING id")
            self.answer(f"order {cursor.fetchone()[0]}\n")

    @staticmethod
    def count() -> tuple[int, int]:
        with database() as cursor:
            cursor.execute("SELECT count(*), count(*) FILTER (WHERE packed) FROM orders")
            return cursor.fetchone()

    def answer(self, text: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_arguments: object) -> None:
        """Health checks would fill the log."""


def work() -> None:
    while True:
        with database() as cursor:
            cursor.execute("UPDATE orders SET packed = true WHERE NOT packed")
        WORKS.touch()
        time.sleep(1)


def main() -> None:
    # The first process of a container ends on this only if it says so.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    if sys.argv[1:] == ["worker"]:
        work()
    else:
        ThreadingHTTPServer(("", PORT), Shop).serve_forever()


if __name__ == "__main__":
    main()
