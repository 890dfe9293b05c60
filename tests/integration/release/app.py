"""A web service as one is in the field: answers, streams slowly, takes uploads, speaks websocket, ends in good order.

GET / says which release answers; GET /stream?seconds=N sends a byte each tenth of a second; POST reads all that is
sent and says how much that was; a request with Upgrade: websocket gets echoes. What has an X-Visit is written down in
the folder LOG, where there is one. SIGTERM: nothing new is accepted, idle
connections are closed, and what has begun is finished.
"""

import base64
import contextlib
import hashlib
import os
import signal
import socket
import struct
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

RELEASE = os.environ.get("RELEASE", "?")
busy = set()
idle = set()
lock = threading.Lock()
ending = threading.Event()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def handle(self):
        try:
            with contextlib.suppress(OSError):
                super().handle()
        finally:
            with lock:
                busy.discard(self.connection)
                idle.discard(self.connection)

    def handle_one_request(self):
        with lock:
            if ending.is_set():
                self.close_connection = True
                return
            idle.add(self.connection)
            busy.discard(self.connection)
        super().handle_one_request()

    def parse_request(self):
        with lock:
            busy.add(self.connection)
            idle.discard(self.connection)
        return super().parse_request()

    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        if ending.is_set():
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def note(self):
        visit, folder = self.headers.get("X-Visit"), os.environ.get("LOG")
        if visit and folder:
            with open(f"{folder}/{socket.gethostname()}", "a") as log:
                log.write(visit + "\n")

    def do_GET(self):
        self.note()
        asked = urlsplit(self.path)
        if self.headers.get("Upgrade", "").lower() == "websocket":
            self.echo()
        elif asked.path == "/stream":
            turns = int(float(parse_qs(asked.query)["seconds"][0]) * 10)
            self.send_response(200)
            self.send_header("Content-Length", str(turns))
            self.end_headers()
            for _turn in range(turns):
                self.wfile.write(b".")
                time.sleep(0.1)
        else:
            self.answer(f"{RELEASE} {socket.gethostname()}\n".encode())

    def do_POST(self):
        left = int(self.headers.get("Content-Length") or 0)
        got = 0
        while got < left:
            part = self.rfile.read(min(65536, left - got))
            if not part:
                raise ConnectionError("cut")
            got += len(part)
        self.note()
        self.answer(f"{got}\n".encode())

    def echo(self):
        key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(key.encode()).digest()).decode())
        self.end_headers()
        self.close_connection = True
        while True:
            head = self.rfile.read(2)
            if len(head) < 2 or head[0] & 15 == 8:
                return
            mask, body = self.rfile.read(4), self.rfile.read(head[1] & 127)
            plain = bytes(byte ^ mask[index % 4] for index, byte in enumerate(body))
            self.wfile.write(struct.pack("BB", 0x81, len(plain)) + plain)

    def log_message(self, *args):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        pass


def main():
    server = Server(("0.0.0.0", 8000), Handler)

    def end(*_args):
        ending.set()
        threading.Thread(target=server.shutdown, daemon=True).start()

    signal.signal(signal.SIGTERM, end)
    server.serve_forever(poll_interval=0.05)
    server.server_close()
    with lock:
        for connection in idle:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
    while True:
        with lock:
            if not busy:
                break
        time.sleep(0.02)
    sys.exit(0)


if __name__ == "__main__":
    main()
