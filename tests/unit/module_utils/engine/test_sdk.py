"""The transport of the Docker SDK: its errors become ours."""

import http.client
import socket
import ssl
import sys
import threading

import docker
import pytest
import requests
import urllib3

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.core.http import Bounds
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.answer import Torn
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.archive import read_archive
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.connection import Connection
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.sdk import SdkTransport

TCP = Connection("tcp://127.0.0.1:2375")


def wrapped(error):
    """As requests raises it: wrapped in urllib3's error."""
    pool = urllib3.HTTPConnectionPool("127.0.0.1", 2375)
    return requests.exceptions.ConnectionError(urllib3.exceptions.MaxRetryError(pool, "/info", error))


def new_connection():
    error = urllib3.exceptions.NewConnectionError(urllib3.connection.HTTPConnection("127.0.0.1"), "Failed")
    error.__cause__ = ConnectionRefusedError(111, "Connection refused")
    return error


@pytest.mark.parametrize("least", ["1.21", "1.24", "1.44"])
def test_an_sdk_that_has_given_up_old_versions_of_the_api_is_all_right(monkeypatch, least):
    """As for Engine 29: the SDK's version does not matter, since our paths have their own."""
    monkeypatch.setattr(docker.api.client, "MINIMUM_DOCKER_API_VERSION", least)
    SdkTransport(TCP).close()


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        (wrapped(new_connection()), ConnectionRefusedError, "Connection refused"),
        (wrapped(ssl.SSLError(1, "[SSL: X] alert unknown ca")), EngineError, "alert unknown ca"),
        (wrapped(socket.timeout("timed out")), TimeoutError, "timed out"),
        (requests.exceptions.ReadTimeout("read timed out"), TimeoutError, "timed out"),
        (requests.exceptions.ConnectTimeout("no"), ConnectionRefusedError, "no"),
        (
            requests.exceptions.ConnectionError(
                urllib3.exceptions.ProtocolError("aborted", http.client.RemoteDisconnected("closed without response"))
            ),
            Torn,
            "closed without response",
        ),
        (requests.exceptions.ChunkedEncodingError("half an answer"), Torn, "half an answer"),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_errors_keep_their_innermost_reason(monkeypatch, error, kind, text):
    transport = SdkTransport(TCP)
    monkeypatch.setattr(transport._session, "request", lambda *args, **kwargs: (_ for _ in ()).throw(error))
    with pytest.raises(kind) as caught:
        transport.send("GET", "/info", None, {}, Bounds(5, 5))
    assert text in str(caught.value)
    assert "object at 0x" not in str(caught.value)


def test_an_archive_over_tcp_ends_with_a_timeout_if_the_engine_hangs():
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            peer, _address = server.accept()
            with peer:
                peer.recv(65536)
                peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
                peer.recv(1)  # until the client closes the connection

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        port = server.getsockname()[1]
        client = EngineClient(Connection(f"tcp://127.0.0.1:{port}", api_version="1.41", timeout=0.2))
        with pytest.raises(EngineError) as caught:
            list(read_archive(client, "c1", "/"))
        assert caught.value.error_code == "timeout"
        thread.join(10)
        assert not thread.is_alive()


def test_without_the_sdk(monkeypatch):
    monkeypatch.setitem(sys.modules, "docker", None)
    with pytest.raises(EngineError) as caught:
        EngineClient(TCP).get("/info")
    assert caught.value.error_code == "missing_requirement"
    assert "pip install docker" in str(caught.value)
    assert sys.executable in str(caught.value)
