"""The fault proxy itself, against a server of its own that tells what it was asked."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from proxy import DROPPED, GONE, HANGS, KILLED, KILLED_AFTER, REFUSED, SLOW, TORN, Fault, Proxy


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        self.server.seen.append((self.command, self.path, body))
        if self.path == "/upgrade":
            self.wfile.write(b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
            self.wfile.write(b"you said " + self.rfile.readline())
            self.close_connection = True
        elif self.path == "/stream":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for part in (b"one\n", b"two\n"):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
                self.wfile.flush()
                self.server.next.wait(5)
            self.wfile.write(b"0\r\n\r\n")
        elif self.path == "/until-closed":
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"all of it")
            self.close_connection = True
        elif self.path == "/empty":
            self.send_response(204)
            self.end_headers()
        else:
            self.send_response(201)
            data = b'{"length": %d}' % len(body)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    do_GET = do_POST = do_DELETE = answer

    def address_string(self):
        return "client"

    def log_message(self, *arguments):
        pass


class Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    request_queue_size = 64


class Client(http.client.HTTPConnection):
    def __init__(self, path, timeout=10):
        super().__init__("docker", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)

    def ask(self, method="GET", path="/v1.41/things?all=1", body=None):
        self.request(method, path, body)
        answer = self.getresponse()
        return answer.status, answer.read()


@pytest.fixture
def server(tmp_path):
    made = Server(str(tmp_path / "engine.sock"), Handler)
    made.seen, made.next = [], threading.Event()
    threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


@pytest.fixture
def proxy(server, tmp_path):
    with Proxy(tmp_path / "engine.sock", tmp_path / "proxy.sock") as made:
        yield made


@pytest.fixture
def client(proxy):
    made = Client(proxy.path)
    yield made
    made.close()


def test_calls_pass_unchanged_on_one_connection_and_are_counted(proxy, client, server):
    assert client.ask() == (201, b'{"length": 0}')
    kept = client.sock
    assert client.ask("POST", "/v1.41/services/create", b"x" * 300_000) == (201, b'{"length": 300000}')
    assert client.ask("DELETE", "/empty") == (204, b"")
    assert client.sock is kept
    assert [(call.number, call.method, call.path) for call in proxy.calls] == [
        (1, "GET", "/things"),
        (2, "POST", "/services/create"),
        (3, "DELETE", "/empty"),
    ]
    assert server.seen[0][1] == "/v1.41/things?all=1"
    assert len(server.seen[1][2]) == 300_000


def test_a_stream_passes_as_it_comes(client, server):
    client.request("GET", "/stream")
    answer = client.getresponse()
    assert answer.read1(100) == b"one\n"
    server.next.set()
    assert answer.read() == b"two\n"
    assert client.ask()[0] == 201


def test_an_answer_without_a_length_and_an_upgraded_connection_pass(client, proxy):
    assert client.ask(path="/until-closed") == (200, b"all of it")
    raw = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    raw.connect(proxy.path)
    raw.sendall(b"POST /upgrade HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\n\r\nhello\n")
    with raw.makefile("rb") as stream:
        assert stream.readline().split()[1] == b"101"
        assert stream.read().endswith(b"\r\n\r\nyou said hello\n")
    raw.close()


def test_many_clients_at_once_are_counted_together(proxy):
    clients = [Client(proxy.path) for _number in range(8)]
    threads = [threading.Thread(target=lambda one=one: [one.ask() for _turn in range(10)]) for one in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(call.number for call in proxy.calls) == list(range(1, 81))
    for one in clients:
        one.close()


@pytest.mark.parametrize("kind", ["500", "503", "409"])
def test_an_answer_that_the_engine_did_not_give(kind, proxy, client, server):
    proxy.plan(Fault.at(2, kind))
    assert client.ask()[0] == 201
    status, body = client.ask("POST")
    assert (status, body[:12]) == (int(kind), b'{"message": ')
    assert len(server.seen) == 1
    assert client.ask()[0] == 201
    assert proxy.fault.hit.method == "POST"


def test_an_error_after_the_engine_has_acted(proxy, client, server):
    proxy.plan(Fault.at(1, "500 after"))
    assert client.ask("POST")[0] == 500
    assert [call[0] for call in server.seen] == ["POST"]


@pytest.mark.parametrize("path", ["/things", "/empty", "/until-closed"])
def test_a_torn_answer(path, proxy, client, server):
    proxy.plan(Fault.at(1, TORN))
    if path == "/until-closed":
        assert client.ask(path=path)[1] == b"all "
    else:
        with pytest.raises((http.client.HTTPException, OSError)):
            client.ask(path=path)
    assert len(server.seen) == 1
    client.close()
    assert client.ask()[0] == 201


def test_a_connection_dropped_after_the_engine_has_acted(proxy, client, server):
    proxy.plan(Fault.at(1, DROPPED))
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        client.ask("POST")
    assert len(server.seen) == 1


def test_a_refusal_lasts_a_while_and_the_engine_hears_nothing_of_it(proxy, client, server):
    proxy.plan(Fault.at(1, REFUSED, 0.3))
    start = time.monotonic()
    for _try in range(5000):
        try:
            assert client.ask()[0] == 201
            break
        except (http.client.HTTPException, OSError):
            client.close()
            time.sleep(0.01)
    assert 0.3 <= time.monotonic() - start < 60
    assert len(server.seen) == 1


def test_gone_is_gone_until_the_next_plan(proxy, client, server):
    proxy.plan(Fault.at(1, GONE))
    for _try in range(3):
        with pytest.raises((http.client.HTTPException, OSError)):
            client.ask()
        client.close()
    assert not server.seen
    proxy.plan()
    assert client.ask()[0] == 201


def test_a_short_delay_and_one_beyond_the_clients_patience(proxy, client, server):
    proxy.plan(Fault.at(1, SLOW, 0.2))
    start = time.monotonic()
    assert client.ask()[0] == 201
    assert time.monotonic() - start >= 0.2
    proxy.plan(Fault.at(1, HANGS, 30))
    impatient = Client(proxy.path, 0.2)
    with pytest.raises(TimeoutError):
        impatient.ask("POST")
    impatient.close()
    assert len(server.seen) == 2


@pytest.mark.parametrize(("kind", "heard"), [(KILLED, 0), (KILLED_AFTER, 1)])
def test_the_client_is_killed(kind, heard, proxy, server):
    proxy.plan(Fault.at(1, kind))
    code = (
        "import socket, sys, time; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])\n"
        "s.sendall(b'POST /v1.41/x HTTP/1.1\\r\\nHost: d\\r\\nContent-Length: 0\\r\\n\\r\\n'); s.recv(1)\n"
        "time.sleep(60)"
    )
    child = subprocess.Popen([sys.executable, "-c", code, proxy.path])
    assert child.wait(10) == -signal.SIGKILL
    assert len(server.seen) == heard
    assert proxy.fault.hit.path == "/x"


def test_a_killing_fault_never_hits_the_tests_own_process(proxy, client, server):
    proxy.plan(Fault.at(1, KILLED))
    with pytest.raises((http.client.HTTPException, OSError)):
        client.ask()
    assert os.getpid() and not server.seen


def test_an_engine_that_is_not_there_ends_the_call(tmp_path):
    with Proxy(tmp_path / "nothing.sock", tmp_path / "proxy.sock") as proxy, pytest.raises(
        (http.client.HTTPException, OSError)
    ):
        Client(proxy.path).ask()
