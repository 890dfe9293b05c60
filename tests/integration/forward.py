"""An engine's unix socket on a TCP port of the loopback, with TLS if asked for; and the certificates for that."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def forwarded(path: str, context: ssl.SSLContext | None = None) -> Iterator[str]:
    """``127.0.0.1:PORT`` as long as the block runs; what comes there goes to the unix socket ``path``."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as engine:
                near = secured(self.request, context) if context else self.request
                engine.connect(path)
                back = threading.Thread(target=pump, args=(engine, near), daemon=True)
                back.start()
                pump(near, engine)
                back.join()

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()


def secured(plain: socket.socket, context: ssl.SSLContext) -> socket.socket:
    """The server's end of TLS; a client that is refused can read the reason, as from an engine."""
    near = context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
    try:
        near.do_handshake()
    except OSError:
        with socket.socket(fileno=near.detach()) as refused:
            refused.settimeout(10)
            refused.shutdown(socket.SHUT_WR)
            while refused.recv(65536):
                pass
        raise
    return near


def pump(source: socket.socket, target: socket.socket) -> None:
    """Copies until ``source`` ends, then ends ``target``."""
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


class Certificates:
    """An authority (``ca``), a certificate of the engine for 127.0.0.1 and the name ``engine``, one of the client.

    They lie in a folder like that of DOCKER_CERT_PATH.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self._openssl("req", "-x509", *self._key("ca"), "-subj", "/CN=Authority", "-out", "ca.pem")
        self._signed("server", "subjectAltName=IP:127.0.0.1,DNS:engine\nextendedKeyUsage=serverAuth")
        self._signed("cert", "extendedKeyUsage=clientAuth", key="key")

    def path(self, name: str) -> str:
        return str(self.folder / f"{name}.pem")

    def context(self) -> ssl.SSLContext:
        """TLS as an engine has it that asks clients for a certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path("server"), self.path("server-key"))
        context.load_verify_locations(self.path("ca"))
        context.verify_mode = ssl.CERT_REQUIRED
        return context

    def _key(self, name: str) -> tuple[str, ...]:
        file = "ca-key.pem" if name == "ca" else f"{name}.pem"
        return ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", file)

    def _signed(self, name: str, extensions: str, key: str = "") -> None:
        (self.folder / "extensions").write_text(extensions)
        self._openssl("req", *self._key(key or f"{name}-key"), "-subj", f"/CN={name}", "-out", "request.pem")
        signing = ("-CA", "ca.pem", "-CAkey", "ca-key.pem", "-CAcreateserial", "-extfile", "extensions")
        self._openssl("x509", "-req", "-in", "request.pem", *signing, "-out", f"{name}.pem")

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)
