"""A proxy that accepts connections and does not answer: one bounded try, at any point where it hangs."""

import contextlib
import json
import socket
import threading
import time

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.caddy.endpoint import endpoint
from ansible_collections.stackwright.swarm.plugins.module_utils.caddy.fleet import (
    World,
    bring_all,
    first_failure,
    replicas,
)
from ansible_collections.stackwright.swarm.plugins.module_utils.caddy.transport import Late, Transport
from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import SystemClock
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.change import RouteRequest
from ansible_collections.stackwright.swarm.plugins.module_utils.routing.route import Route

TIMEOUT = 1.0
#: Far from both: one try, and as many as others may disturb us for (a minute).
SOON = 15.0
APPS = {"http": {"servers": {"web": {"routes": []}}}}


class Hangs:
    """Answers GETs of the configuration, except the call in ``at``; records the calls."""

    def __init__(self, folder, at):
        self.at, self.asked, self.open = at, [], []
        self.path = str(folder / "s")
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(self.path)
        self.socket.listen(16)
        self.thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_what):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        for peer in self.open:
            peer.close()
        self.thread.join()

    def _serve(self):
        while True:
            try:
                peer = self.socket.accept()[0]
            except OSError:
                return
            self.open.append(peer)
            threading.Thread(target=self._answer, args=(peer,), daemon=True).start()

    def _answer(self, peer):
        with contextlib.suppress(OSError):
            method = peer.recv(65536).split(b" ", 1)[0].decode()
            self.asked.append(method)
            if method in self.at:
                return
            body = json.dumps(APPS).encode()
            peer.sendall(b'HTTP/1.1 200 OK\r\nETag: "x"\r\nContent-Length: %d\r\n\r\n%s' % (len(body), body))


def tried(folder, at, check=False):
    world = World(lambda place: Transport(place, TIMEOUT), lambda name: [], SystemClock(), lambda: 0.5)
    wish = RouteRequest("shop", (Route("a.example.com", upstream="web", port=80),))
    with Hangs(folder, at) as server:
        began = time.monotonic()
        proxies = replicas([endpoint(server.path)], world)
        bring_all(proxies, wish, check, world)
        return first_failure(proxies), time.monotonic() - began, server.asked


@pytest.mark.parametrize("check", [True, False])
def test_a_proxy_that_hangs_is_asked_once(tmp_path, check):
    error, took, asked = tried(tmp_path, ("GET", "PATCH"), check)
    assert error.error_code == "admin_timeout"
    assert "in time (1 s)" in str(error) and "admin_timeout sets the limit" in str(error)
    assert asked == ["GET"]
    assert TIMEOUT * 0.9 < took < SOON


def test_a_proxy_that_hangs_at_writes_is_given_up_within_the_time_of_one_answer(tmp_path):
    error, took, asked = tried(tmp_path, ("PATCH",))
    assert error.error_code == "admin_timeout"
    # A write may have arrived, so each is followed by a look.
    assert asked[:3] == ["GET", "PATCH", "GET"]
    assert took < SOON


def test_the_time_that_answers_take_is_not_taken_from_the_next(tmp_path):
    with Hangs(tmp_path, ()) as server:
        transport = Transport(endpoint(server.path), TIMEOUT)
        for _call in range(3):
            assert transport.send("GET", "/", None, {}).status == 200
        server.at = ("GET",)
        with pytest.raises(Late):
            transport.send("GET", "/", None, {})
        asked = len(server.asked)
        with pytest.raises(Late):
            transport.send("GET", "/", None, {})
        assert len(server.asked) == asked
