"""Each transport with each misbehaving server: each call ends in time, with an error, and with little memory."""

import socket
import sys
import time
import tracemalloc
from pathlib import Path

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.caddy.admin import Admin
from ansible_collections.stackwright.swarm.plugins.module_utils.caddy.endpoint import endpoint
from ansible_collections.stackwright.swarm.plugins.module_utils.caddy.transport import Transport
from ansible_collections.stackwright.swarm.plugins.module_utils.core import http
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError, StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine import client as engine_client
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.connection import Connection

sys.path.insert(0, str(Path(__file__).parent))
import hostile
from hostile import LARGE, SLOW, WRONG, Server

TIME = 0.3  # seconds for a call
MOST = 2 * http.MIB
LATE = 15  # seconds: how busy the machine may be


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    return hostile.certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(engine_client, "LARGEST", MOST)
    monkeypatch.setattr(engine_client, "LARGEST_STREAM", MOST)
    monkeypatch.setattr(http.Bounds, "__new__", _smaller(http.Bounds.__new__))


def _smaller(new):
    def made(cls, silence, whole, most=MOST):
        return new(cls, silence, whole, min(most, MOST))

    return made


def over_unix(folder, tls, behave, seconds):
    server = Server(behave, path=folder / "s")
    return server, EngineClient(Connection(f"unix://{folder / 's'}", timeout=seconds, api_version="1.41"))


def over_tcp(folder, tls, behave, seconds):
    server = Server(behave)
    return server, EngineClient(Connection(f"tcp://127.0.0.1:{server.port}", timeout=seconds, api_version="1.41"))


def over_tls(folder, tls, behave, seconds):
    server = Server(behave, tls=tls)
    options = {"tls": True, "ca_path": str(tls[0]), "validate_certs": True}
    host = f"tcp://localhost:{server.port}"
    return server, EngineClient(Connection(host, timeout=seconds, api_version="1.41", **options))


class Proxy:
    """An admin API with the client's interface."""

    def __init__(self, at, seconds):
        self.admin = Admin(Transport(at, seconds), lambda turn: False)

    def get(self, path):
        return self.admin.read(path)


def admin_unix(folder, tls, behave, seconds):
    return Server(behave, path=folder / "s"), Proxy(endpoint(f"unix://{folder / 's'}"), seconds)


def admin_tcp(folder, tls, behave, seconds):
    server = Server(behave)
    return server, Proxy(endpoint(f"http://127.0.0.1:{server.port}"), seconds)


def admin_tls(folder, tls, behave, seconds):
    server = Server(behave, tls=tls)
    return server, Proxy(endpoint(f"https://localhost:{server.port}", ca=str(tls[0])), seconds)


WAYS = [over_unix, over_tcp, over_tls, admin_unix, admin_tcp, admin_tls]
way = pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)


def failure(made, path="/info"):
    server, talk = made
    with server, pytest.raises(StackwrightError) as caught:
        talk.get(path)
    return caught.value


@pytest.mark.slow
@way
@pytest.mark.parametrize("name", SLOW)
def test_what_takes_too_long_is_given_up(way, name, tmp_path, tls):
    began = time.monotonic()
    error = failure(way(tmp_path, tls, SLOW[name], TIME))
    assert TIME * 0.9 <= time.monotonic() - began < LATE
    assert error.error_code == ("timeout" if isinstance(error, EngineError) else "admin_timeout")
    assert "in time" in error.message
    assert "timeout sets the limit" in error.hint


@pytest.mark.slow
@way
@pytest.mark.parametrize("name", LARGE)
def test_what_is_too_large_is_given_up_before_it_takes_memory(way, name, tmp_path, tls):
    tracemalloc.start()
    try:
        error = failure(way(tmp_path, tls, LARGE[name], LATE))
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert error.error_code == "answer_too_large"
    assert "larger than 2 MiB" in error.message
    assert error.hint
    assert most < 8 * MOST


@pytest.mark.slow
@way
@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_answer_is_an_error_of_ours(way, name, tmp_path, tls):
    # One that goes on until the time is over keeps the processor busy until then.
    seconds = TIME if name == "100 Continue without end" else 1
    error = failure(way(tmp_path, tls, WRONG[name], seconds))
    known = {"daemon_unreachable", "bad_answer", "answer_too_large", "engine_error", "timeout"}
    known |= {"admin_answer", "admin_unreachable", "admin_timeout"}
    assert error.error_code in known
    assert "object at 0x" not in str(error)


@pytest.mark.parametrize("way", [over_tls, admin_tls], ids=lambda way: way.__name__)
@pytest.mark.parametrize("behave", [hostile.mute, hostile.dripping(b"\x16\x03\x03\x3f\xff" + b"\x02" * 9999)])
def test_a_handshake_that_hangs(way, behave, tmp_path, tls, monkeypatch):
    monkeypatch.setattr(hostile, "asked", lambda peer: None)
    made = way(tmp_path, tls, behave, TIME)
    made[0].context = None
    error = failure(made)
    assert error.error_code in ("timeout", "admin_timeout")


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_a_server_that_does_not_take_connections(way, tmp_path, tls):
    """Its queue is full: a TCP connection is never made, a Unix socket refuses it at once, or waits."""
    server, talk = way(tmp_path, tls, None, TIME)
    others = [socket.socket(server.socket.family) for _other in range(3)]
    for other in others:
        other.setblocking(False)
        other.connect_ex(server.socket.getsockname())
    began = time.monotonic()
    with pytest.raises(StackwrightError) as caught:
        talk.get("/info")
    assert time.monotonic() - began < LATE
    assert caught.value.error_code in ("timeout", "admin_timeout", "daemon_unreachable", "admin_unreachable")
    for other in [*others, server.socket]:
        other.close()


@pytest.mark.slow
@pytest.mark.parametrize("way", [over_unix, over_tcp, over_tls], ids=lambda way: way.__name__)
def test_a_request_that_is_not_read_is_given_up(way, tmp_path, tls):
    server, talk = way(tmp_path, tls, hostile.mute, TIME)
    with server, pytest.raises(EngineError) as caught:
        talk.post("/configs/create", body={"Data": "x" * 20_000_000})
    assert caught.value.error_code == "timeout"


@pytest.mark.parametrize("way", [over_unix, over_tcp, over_tls], ids=lambda way: way.__name__)
def test_after_a_call_that_was_given_up_the_next_one_goes_through(way, tmp_path, tls):
    turns = iter([hostile.mute, hostile.saying(hostile.HEAD + b"Content-Length: 2\r\n\r\n{}")])
    server, talk = way(tmp_path, tls, lambda peer, is_over: next(turns)(peer, is_over), TIME)
    with server:
        with pytest.raises(EngineError):
            talk.get("/info")
        talk.connection = Connection(talk.connection.docker_host, timeout=LATE)
        assert talk.get("/info") == {}
        talk.close()


@pytest.mark.parametrize("way", [over_unix, over_tcp, over_tls], ids=lambda way: way.__name__)
def test_a_log_may_come_slowly_as_long_as_it_comes(way, tmp_path, tls):
    """It takes ten times the limit of one wait, within the limit of the connection."""
    line = b"a line\n" * 12
    server, talk = way(tmp_path, tls, hostile.dripping(hostile.HEAD + b"\r\n" + line), LATE)
    with server:
        assert talk.get("/services/x/logs", stream=True, timeout=0.5) == line


@pytest.mark.parametrize("way", [over_tcp, over_tls], ids=lambda way: way.__name__)
def test_an_engine_that_sends_elsewhere_is_not_followed(way, tmp_path, tls):
    there = []
    with Server(lambda peer, is_over: there.append(peer)) as other:
        moved = f"HTTP/1.1 307 X\r\nLocation: http://127.0.0.1:{other.port}/\r\nContent-Length: 1\r\n\r\nx"
        error = failure(way(tmp_path, tls, hostile.saying(moved.encode()), 5))
    assert error.error_code == "bad_answer"
    assert there == []


@pytest.mark.slow
@pytest.mark.parametrize("way", [over_tcp, over_tls], ids=lambda way: way.__name__)
def test_what_is_packed_is_not_unpacked(way, tmp_path, tls):
    import gzip

    bomb = gzip.compress(b" " * 50_000_000)
    head = hostile.HEAD + f"Content-Encoding: gzip\r\nContent-Length: {len(bomb)}\r\n\r\n".encode()
    tracemalloc.start()
    try:
        error = failure(way(tmp_path, tls, hostile.saying(head + bomb), LATE))
        assert tracemalloc.get_traced_memory()[1] < 8 * MOST
    finally:
        tracemalloc.stop()
    assert error.error_code == "bad_answer"


def test_the_error_names_a_limit_below_a_mebibyte():
    assert str(http.TooLarge(100)) == "the answer is larger than 100 bytes"
    assert str(http.TooLarge(2 * http.MIB)) == "the answer is larger than 2 MiB"
