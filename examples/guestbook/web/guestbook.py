"""A guest book: shows entries from PostgreSQL and takes new ones. Its settings come from the environment."""

from __future__ import annotations

import contextlib
import html
import os
import signal
import sys
import time
import urllib.parse
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg2

PORT = 8000
START_SECONDS = 30
LONGEST_FORM = 10_000
NEWEST = 50
TABLE = """
    CREATE TABLE IF NOT EXISTS entries (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        author text NOT NULL,
        message text NOT NULL,
        written timestamptz NOT NULL DEFAULT now()
    )"""
WELCOME = """
    INSERT INTO entries (author, message)
    SELECT 'PostgreSQL ' || current_setting('server_version'), 'Welcome! This line was read from the database.'
    WHERE NOT EXISTS (SELECT FROM entries)"""
PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Guest book</title>
<style>
  body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 2rem auto; padding: 0 1rem }}
  li {{ margin: .5rem 0 }} label {{ display: block }} input {{ width: 100%; box-sizing: border-box; font: inherit }}
</style>
<h1>Guest book</h1>
<ul>
{entries}
</ul>
<form method="post">
  <label>Name <input name="author" maxlength="80" required></label>
  <label>Message <input name="message" maxlength="500" required></label>
  <p><button>Sign</button></p>
</form>
</html>
"""


@contextlib.contextmanager
def database() -> Iterator[psycopg2.extensions.cursor]:
    """One transaction on a connection of its own, so that a restarted database is not a problem."""
    connection = psycopg2.connect(
        host=os.environ["DATABASE_HOST"],
        dbname=os.environ["DATABASE_NAME"],
        user=os.environ["DATABASE_USER"],
        password=os.environ["DATABASE_PASSWORD"],
        connect_timeout=3,
    )
    with contextlib.closing(connection), connection, connection.cursor() as cursor:
        yield cursor


class GuestBook(BaseHTTPRequestHandler):
    """GET / shows the entries, POST / adds one, GET /health asks the database."""

    def do_GET(self) -> None:
        if self.path == "/health":
            self.with_database(self.health)
        elif self.path == "/":
            self.with_database(self.show)
        else:
            self.send_error(HTTPStatus.NOT_FOUND)

    def do_POST(self) -> None:
        self.with_database(self.sign)

    def with_database(self, answer: object) -> None:
        try:
            with database() as cursor:
                answer(cursor)
        except psycopg2.Error as error:
            self.log_message("database: %s", str(error).strip())
            self.send_error(HTTPStatus.SERVICE_UNAVAILABLE, "The database does not answer")

    def health(self, cursor: psycopg2.extensions.cursor) -> None:
        cursor.execute("SELECT FROM entries LIMIT 1")
        self.reply("ok\n", "text/plain")

    def show(self, cursor: psycopg2.extensions.cursor) -> None:
        cursor.execute("SELECT author, message FROM entries ORDER BY id DESC LIMIT %s", [NEWEST])
        lines = [f"  <li><b>{html.escape(author)}</b>: {html.escape(message)}</li>" for author, message in cursor]
        self.reply(PAGE.format(entries="\n".join(lines)), "text/html; charset=utf-8")

    def sign(self, cursor: psycopg2.extensions.cursor) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        if not 0 <= size <= LONGEST_FORM:
            self.send_error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return
        form = urllib.parse.parse_qs(self.rfile.read(size).decode(errors="replace"))
        author, message = (form.get(field, [""])[0].replace("\0", "").strip() for field in ("author", "message"))
        if not author or not message:
            self.send_error(HTTPStatus.BAD_REQUEST, "Name and message, please")
            return
        cursor.execute("INSERT INTO entries (author, message) VALUES (%s, %s)", [author[:80], message[:500]])
        cursor.connection.commit()
        self.send_response(HTTPStatus.SEE_OTHER)
        self.send_header("Location", "/")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def reply(self, text: str, content_type: str) -> None:
        body = text.encode()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: object = "-", size: object = "-") -> None:
        if self.path != "/health":
            super().log_request(code, size)


def prepare_database() -> None:
    """Make the table; wait for a database that starts at the same time, or again."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            with database() as cursor:
                cursor.execute(TABLE)
                cursor.execute(WELCOME)
            return
        except psycopg2.Error as error:
            if time.monotonic() >= deadline:
                sys.exit(f"guest book: the database does not answer: {str(error).strip()}")
            time.sleep(0.5)


def main() -> None:
    # The first process of a container gets no default action for SIGTERM.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    prepare_database()
    print(f"guest book: listening on port {PORT}", flush=True)
    ThreadingHTTPServer(("", PORT), GuestBook).serve_forever()


if __name__ == "__main__":
    main()
