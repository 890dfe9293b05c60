"""What was sent to a service is never sent again, and a timeout is one call: real proxies and a moody service."""

import contextlib
import json
import socket
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from caddy import VERSIONS, Caddy, Service, bring, free_port, running, wish

HOST = "a.example.com"


class Moody:
    """A service over raw sockets. It counts what it was asked, and does as the path says."""

    def __init__(self):
        self.asked = Counter()
        self._end = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                client, _address = self._listener.accept()
                threading.Thread(target=self._talk, args=(client,), daemon=True).start()

    def _talk(self, client):
        with client, contextlib.suppress(OSError):
            rest = b""
            while True:
                while b"\r\n\r\n" not in rest:
                    got = client.recv(65536)
                    if not got:
                        return
                    rest += got
                head, _blank, rest = rest.partition(b"\r\n\r\n")
                lines = head.decode("latin-1").split("\r\n")
                length = next((int(one.split(":")[1]) for one in lines if one.lower().startswith("content-length")), 0)
                while len(rest) < length:
                    rest += client.recv(65536)
                rest = rest[length:]
                method, path, _version = lines[0].split()
                self.asked[method, path] += 1
                if not self._answer(client, path):
                    return

    def _answer(self, client, path):
        """Whether the connection stays open."""
        if path in ("/hang", "*"):  # HTTP/2 begins with PRI *
            self._end.wait(30)
        if path == "/slow":
            time.sleep(0.3)
        if path == "/half":
            client.sendall(b"HTTP/1.1 200 O")
        if path == "/reset":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        if path in ("/", "/slow"):
            client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        return path in ("/", "/slow")

    def stop(self):
        self._end.set()
        self._listener.close()


@pytest.fixture(params=VERSIONS, scope="module")
def proxy(request, tmp_path_factory):
    with running(Caddy(request.param, tmp_path_factory.mktemp("caddy"))) as started:
        yield started


@pytest.fixture
def moody():
    with running(Moody()) as service:
        yield service


def route(service, **more):
    return {"domain": HOST, "upstream": "127.0.0.1", "port": getattr(service, "port", service), **more}


def warm(proxy, count):
    """So many connections that lie open afterwards, if any do."""
    threads = [threading.Thread(target=proxy.get, args=(HOST, "/slow")) for _turn in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)


@pytest.mark.parametrize("path", ["/drop", "/reset", "/half"])
@pytest.mark.parametrize("before", [0, 4])
def test_a_request_that_makes_the_service_drop_its_connection_is_sent_once(proxy, moody, path, before):
    bring(proxy, wish("shop", route(moody)))
    head = {"Idempotency-Key": "1"}  # by this one, clients think that they may send again
    for method, body in (("GET", None), ("HEAD", None), ("POST", b"x" * 3000), ("PUT", b""), ("DELETE", None)):
        warm(proxy, before)
        moody.asked.clear()
        assert proxy.get(HOST, path, method=method, body=body, headers=head)[0].status == 502
        assert dict(moody.asked) == {(method, path): 1}


@pytest.mark.parametrize("before", [0, 4])
def test_a_timeout_is_one_call(proxy, moody, before):
    bring(proxy, wish("shop", route(moody, timeout="1s")))
    for method in ("GET", "POST"):
        warm(proxy, before)
        moody.asked.clear()
        began = time.monotonic()
        assert proxy.get(HOST, "/hang", method=method, body=b"x" if method == "POST" else None)[0].status == 504
        took = time.monotonic() - began
        print(f"Caddy {proxy.version} {method}: 504 after {took:.2f} s")
        assert 0.9 < took < 4
        assert dict(moody.asked) == {(method, "/hang"): 1}


def test_a_timeout_holds_for_services_that_are_not_there(proxy):
    """Neither one that refuses nor one that takes no connection is waited for longer than it says."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, contextlib.ExitStack() as held:
        address = full.getsockname()
        for _turn in range(4):
            one = held.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(address)
        for port in (address[1], free_port()):
            bring(proxy, wish("shop", route(port, timeout="1s")))
            began = time.monotonic()
            assert proxy.get(HOST)[0].status in (502, 503, 504)
            took = time.monotonic() - began
            print(f"Caddy {proxy.version}: {took:.2f} s")
            assert 0.9 < took < 4


def test_a_timeout_holds_for_h2c(proxy, moody):
    """It reads what looks like no request of HTTP/1, and says nothing."""
    if proxy.version == "2.6":
        pytest.skip("Caddy before 2.8 has no timeout for h2c, see docs/guides/routes.md")
    bring(proxy, wish("shop", route(moody, timeout="1s", h2c=True)))
    began = time.monotonic()
    assert proxy.get(HOST)[0].status == 504
    assert time.monotonic() - began < 4


def test_connections_that_are_kept_open_by_option(proxy, moody):
    bring(proxy, wish("shop", route(moody, keep_alive=True)))
    warm(proxy, 1)
    moody.asked.clear()
    assert proxy.get(HOST, "/drop")[0].status == 502
    # Over a connection that was open before, it looks as if the service had not yet seen the request.
    assert moody.asked["GET", "/drop"] <= 2
    assert proxy.get(HOST, "/drop", method="POST")[0].status == 502
    assert moody.asked["POST", "/drop"] == 1


def test_a_request_waits_for_a_service_that_is_not_there_yet(proxy):
    """As for a single task that is stopped first."""
    for method, body in (("GET", None), ("POST", b"x" * 5000)):
        service = Service("web")
        service.stop()
        bring(proxy, wish("shop", route(service)))
        back = threading.Timer(1.5, service.start)
        back.start()
        status, answer = proxy.get(HOST, method=method, body=body)
        back.join()
        service.stop()
        if proxy.version == "2.6" and body:
            assert status.status == 502  # it can't read a body again
        else:
            assert (status.status, json.loads(answer)["got"]) == (200, len(body or b""))
