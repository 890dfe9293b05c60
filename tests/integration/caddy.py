"""Real Caddys outside a Swarm, on sockets and ports of loopback, and services for them to lead to."""

from __future__ import annotations

import contextlib
import http.client
import http.server
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from testbed.caddies import SOURCES, caddy

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / ".cache" / "collections"))

from ansible_collections.stackwright.swarm.plugins.module_utils.caddy.endpoint import endpoint
from ansible_collections.stackwright.swarm.plugins.module_utils.caddy.transport import Broken, Transport, Unreachable

VERSIONS = tuple(SOURCES)
#: What a proxy answers that has no route for a request.
CATCH_ALL = {"@id": "catch-all", "handle": [{"handler": "static_response", "status_code": 404}]}


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


#: How a connection ends that was closed before any answer.
CUT = (http.client.RemoteDisconnected, ConnectionResetError)


def wait_for(condition, what: str, seconds: float = 120):
    """Asks ``condition`` until it gives something true, which is handed back."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.01)
    raise AssertionError(f"after {seconds} s: no {what}")


class Caddy:
    """One Caddy with a catch-all, its admin API on a unix socket (or as ``admin`` says) and a port for requests."""

    def __init__(self, version: str, folder: Path, admin: dict | None = None, config: dict | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.version, self.folder, self.port = version, folder, free_port()
        self.socket = folder / "admin.sock"
        self.admin = admin or {"listen": f"unix/{self.socket}"}
        server = {"listen": [f"127.0.0.1:{self.port}"], "routes": [CATCH_ALL]}
        # A port that is not the one for http would get certificates for every host.
        config = config or {"apps": {"http": {"http_port": self.port, "servers": {"web": server}}}}
        # Otherwise ``tls: internal`` puts a certificate into the trust store of this machine, which takes seconds.
        authority = {"pki": {"certificate_authorities": {"local": {"install_trust": False}}}}
        self.config = {"admin": self.admin, **config, "apps": {**authority, **config.get("apps", {})}}
        self.log = folder / "log"
        self.process: subprocess.Popen | None = None
        self.start()

    @property
    def url(self) -> str:
        """The address of the admin API, as the option admin takes it."""
        listen = self.admin["listen"]
        return f"unix://{self.socket}" if listen.startswith("unix/") else f"http://{listen}"

    def start(self) -> None:
        self.socket.unlink(missing_ok=True)
        loaded = self.reloads()
        path = self.folder / "config.json"
        path.write_text(json.dumps(self.config))
        environment = {"HOME": str(self.folder), "XDG_CONFIG_HOME": str(self.folder), "PATH": os.environ["PATH"]}
        environment["XDG_DATA_HOME"] = str(self.folder)
        with self.log.open("ab") as log:
            command = [str(caddy(self.version)), "run", "--config", str(path)]
            self.process = subprocess.Popen(command, stderr=log, stdout=log, env=environment)
        wait_for(self._answers, f"Caddy {self.version}")
        wait_for(lambda: self.reloads() > loaded, "first configuration")

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(timeout=120)
            self.process = None
            assert "installing root certificate" not in self.log.read_text(), "this machine trusts the test's authority"

    def kill(self) -> None:
        """As when its power fails."""
        self.process.kill()
        self.process.wait(timeout=120)
        self.process = None

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=10):
                return True
        except OSError:
            assert self.process.poll() is None, self.log.read_text()[-2000:]
            return False

    # -- the admin API, plainly

    def call(self, method: str, path: str, body=None, headers=None):
        """One call; gives status and body. Again where a reload of somebody else's has cut the connection of a GET."""
        data = None if body is None else json.dumps(body).encode()
        given = {"Content-Type": "application/json", **(headers or {})}
        for turn in range(50):
            try:
                answer = Transport(endpoint(self.url), 30).send(method, path, data, given)
                return answer.status, answer.body
            except (Unreachable, Broken):
                if method != "GET" or turn == 49:
                    raise
                time.sleep(0.02)
        raise AssertionError("unreachable")

    def routes(self) -> list:
        status, body = self.call("GET", "/config/apps/http/servers/web/routes")
        assert status == 200, body
        return json.loads(body) or []

    def raw(self) -> bytes:
        """The whole configuration, byte for byte."""
        return self.call("GET", "/config/")[1]

    def put_routes(self, routes: list) -> None:
        status, body = self.call("PATCH", "/config/apps/http/servers/web/routes", routes)
        assert status == 200, body

    def reloads(self) -> int:
        """How many configurations it has loaded, those of its starts among them."""
        if not self.log.exists():
            return 0
        return len(re.findall(r'"autosaved config', self.log.read_text()))

    # -- requests

    def get(self, host: str, path: str = "/", headers=None, method: str = "GET", body=None, tries: int = 20):
        """A request as a visitor's browser sends it; gives the response (read) and its body.

        Caddy may cut a connection that comes in the moment of a reload, before it reads anything: it is tried again.
        """
        for turn in range(tries):
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
            try:
                connection.request(method, path, body=body, headers={"Host": host, **(headers or {})})
                response = connection.getresponse()
                return response, response.read()
            except CUT:
                if turn == tries - 1:
                    raise
            finally:
                connection.close()
        raise AssertionError("unreachable")


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        length = int(self.headers.get("Content-Length") or 0)
        got = len(self.rfile.read(length)) if length else 0
        body = json.dumps(
            {"service": self.server.name, "path": self.path, "got": got, "headers": dict(self.headers.items())}
        ).encode()
        body += b" " * self.server.padding
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-From", self.server.name)
        self.end_headers()
        with contextlib.suppress(ConnectionError):  # a proxy that has given up
            self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *args):
        pass


class Service:
    """An HTTP service on a port of loopback, which says what it was asked; it can go and come back."""

    def __init__(self, name: str, port: int = 0, padding: int = 0) -> None:
        self.name, self.port, self.padding = name, port or free_port(), padding
        self.start()

    def start(self) -> None:
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), _Handler)
        self.server.name, self.server.padding = self.name, self.padding
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@contextlib.contextmanager
def running(*things):
    """Stops all of them at the end."""
    try:
        yield things[0] if len(things) == 1 else things
    finally:
        for thing in things:
            thing.stop()


def wish(stack: str, *routes: dict, **how):
    """What a stack wants; routes are plain data with ``port`` and ``upstream`` as they are in the desired state."""
    from ansible_collections.stackwright.swarm.plugins.module_utils.routing.change import RouteRequest
    from ansible_collections.stackwright.swarm.plugins.module_utils.routing.route import each_route

    found = []
    for plain in routes:
        made, faults = each_route(plain)
        assert made, faults
        found += made
    return RouteRequest(stack, tuple(found), **how)


def bring(proxy: Caddy, wanted, check: bool = False):
    """Brings one proxy to what is wanted; gives what was done (``Updated``) and the admin API's counters."""
    import random

    from ansible_collections.stackwright.swarm.plugins.module_utils.caddy.admin import Admin
    from ansible_collections.stackwright.swarm.plugins.module_utils.caddy.fleet import Retry
    from ansible_collections.stackwright.swarm.plugins.module_utils.caddy.guarded_update import update
    from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import SystemClock

    clock = SystemClock()
    admin = Admin(Transport(endpoint(proxy.url), 30), Retry(clock, random.random, 5))
    return update(admin, wanted, check, Retry(clock, random.random, 60)), admin
