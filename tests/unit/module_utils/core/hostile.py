"""Servers that misbehave: each on a real socket, in a thread that ends with the test."""

import contextlib
import socket
import ssl
import subprocess
import threading
import time

PAUSE = 0.01  # seconds between what a server drips
HEAD = b"HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Type: application/json\r\n"


def certificate(folder):
    """Creates a certificate for localhost and its key, in one file."""
    key, cert = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        + ["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
        + ["-keyout", str(key), "-out", str(cert)],
        check=True,
        capture_output=True,
    )
    return cert, key


class Server:
    """Answers each connection by ``behave(peer, is_over)``, where ``is_over`` says whether the test has ended.

    Without ``behave`` no connection is taken.
    """

    def __init__(self, behave, path=None, tls=None):
        self.behave, self.over = behave, threading.Event()
        self.socket = socket.socket(socket.AF_UNIX if path else socket.AF_INET)
        self.socket.bind(str(path) if path else ("127.0.0.1", 0))
        self.socket.listen(8 if behave else 0)
        self.port = None if path else self.socket.getsockname()[1]
        self.context = None
        if tls:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(*tls)
        if behave:
            threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while not self.over.is_set():
            try:
                peer, _address = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer):
        with contextlib.suppress(OSError, ValueError):
            if self.context is not None:
                peer = self.context.wrap_socket(peer, server_side=True)
            with peer:
                self.behave(peer, self.over.is_set)

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self.over.set()
        self.socket.close()


def asked(peer):
    """Reads a request's head."""
    seen = b""
    while b"\r\n\r\n" not in seen:
        part = peer.recv(65536)
        if not part:
            return
        seen += part


def dripping(data):
    """Sends ``data`` byte by byte."""

    def behave(peer, is_over):
        asked(peer)
        for byte in data:
            if is_over():
                return
            peer.sendall(bytes([byte]))
            time.sleep(PAUSE)

    return behave


def endless(head, block):
    """Sends ``head``, and then ``block`` without end."""

    def behave(peer, is_over):
        asked(peer)
        peer.sendall(head)
        while not is_over():
            peer.sendall(block)

    return behave


def mute(peer, is_over):
    """Accepts the connection, and does nothing."""
    while not is_over():
        time.sleep(PAUSE)


def saying(data):
    def behave(peer, _is_over):
        asked(peer)
        peer.sendall(data)

    return behave


#: What takes too long: name → behaviour.
SLOW = {
    "mute": mute,
    "a head that drips": dripping(HEAD + b"X-Long: " + b"x" * 100000),
    "a body that drips": dripping(HEAD + b"Content-Length: 100000\r\n\r\n" + b" " * 100000),
    "chunks that drip": dripping(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\n \r\n" * 100000),
    "a chunk's length that drips": dripping(HEAD + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"x" * 60000),
    "trailers that drip": dripping(HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX: " + b"x" * 60000),
    "a body until the end that drips": dripping(HEAD + b"\r\n" + b" " * 100000),
    "100 Continue that drips": dripping(b"HTTP/1.1 100 Continue\r\n\r\n" * 10000),
}
MANY = b" " * 65536
#: What is too large: name → behaviour.
LARGE = {
    "a body without end": endless(HEAD + b"\r\n", MANY),
    "a body with a huge length": endless(HEAD + b"Content-Length: 999999999999\r\n\r\n", MANY),
    "a length that no number holds": endless(HEAD + b"Content-Length: " + b"9" * 40 + b"\r\n\r\n", MANY),
    "chunks without end": endless(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + MANY + b"\r\n"),
    "small chunks without end": endless(
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n", (b"40\r\n" + b" " * 64 + b"\r\n") * 99
    ),
    "a chunk that no number holds": endless(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 40 + b"\r\n", MANY),
}
#: What ends soon, with an error or as too large: name → behaviour.
WRONG = {
    "headers without end": endless(HEAD, b"X: y\r\n"),
    "a header line without end": endless(HEAD + b"X: ", MANY),
    "a status line without end": endless(b"", MANY),
    "trailers without end": endless(HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n", b"X: y\r\n"),
    "a trailer line without end": endless(HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", MANY),
    "100 Continue without end": endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "a chunk of negative length": saying(HEAD + b"Transfer-Encoding: chunked\r\n\r\n-5\r\nxxxxx\r\n"),
    "a chunk whose length is not a number": saying(HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"),
    "a body that breaks off": saying(HEAD + b"Content-Length: 10\r\n\r\n{}"),
    "a status that is not a number": saying(b"HTTP/1.1 abc OK\r\n\r\n"),
    "a binary answer": saying(bytes(range(256)) * 4),
    "nothing": saying(b""),
}
