"""The client at a real socket with a scripted Engine."""

import json
import os
import socket
import threading
from contextlib import contextmanager

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.client import EngineClient
from ansible_collections.stackwright.swarm.plugins.module_utils.engine.connection import Connection


def answer(status=200, body=b"{}", api="1.41", extra=""):
    head = f"HTTP/1.1 {status} X\r\nApi-Version: {api}\r\nContent-Length: {len(body)}\r\n{extra}\r\n"
    return head.encode() + body


@contextmanager
def engine(path, *connections):
    """Serves ``connections``: each a list of raw answers, after which the connection is closed."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen(5)
    seen = []

    def serve():
        for answers in connections:
            peer, _address = server.accept()
            with peer, peer.makefile("rb") as lines:
                for raw in answers:
                    request = lines.readline().decode().strip()
                    length = 0
                    while True:
                        line = lines.readline().decode().strip()
                        if not line:
                            break
                        if line.lower().startswith("content-length:"):
                            length = int(line.split(":")[1])
                    seen.append((request.rpartition(" ")[0], lines.read(length)))
                    peer.sendall(raw)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        server.close()
        thread.join(5)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "docker.sock"


def client(path, **options):
    return EngineClient(Connection(docker_host=f"unix://{path}", **{"timeout": 5, **options}))


def test_the_first_answer_tells_the_version_and_one_connection_serves_all(path):
    with engine(path, [answer(), answer(body=b"[]"), answer(201, b'{"ID": "x"}')]) as seen:
        talk = client(path)
        assert talk.get("/info") == {}
        assert talk.get("/services", {"filters": {"label": ["a=b c"]}, "status": True}) == []
        assert talk.post("/services/create", body={"Name": "x"}) == {"ID": "x"}
    assert [line for line, _body in seen] == [
        "GET /info",
        "GET /v1.41/services?filters=%7B%22label%22%3A+%5B%22a%3Db+c%22%5D%7D&status=true",
        "POST /v1.41/services/create",
    ]
    assert json.loads(seen[2][1]) == {"Name": "x"}
    assert talk.calls == 3


def test_another_first_call_asks_for_the_version(path):
    with engine(path, [answer(body=b"OK", api="1.55"), answer(body=b"[]")]) as seen:
        assert client(path).get("/nodes") == []
    assert [line for line, _body in seen] == ["GET /_ping", "GET /v1.51/nodes"]


def test_a_given_version_is_used(path):
    with engine(path, [answer(body=b"[]")]) as seen:
        client(path, api_version="1.43").get("/nodes")
    assert seen[0][0] == "GET /v1.43/nodes"


def test_a_read_is_sent_again_when_the_kept_connection_was_closed(path):
    with engine(path, [answer()], [answer(body=b'[{"ID": "n"}]')]):
        talk = client(path)
        talk.get("/info")
        assert talk.get("/nodes") == [{"ID": "n"}]


def test_a_write_is_never_sent_twice(path):
    with engine(path, [answer()], [answer()]) as seen:
        talk = client(path)
        talk.get("/info")
        with pytest.raises(EngineError) as failed:
            talk.post("/services/create", body={})
        assert failed.value.error_code == "daemon_unreachable"
        talk.get("/info")
    assert [line for line, _body in seen] == ["GET /info", "GET /v1.41/info"]


@pytest.mark.parametrize(
    "raw",
    [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", b"nonsense\r\n\r\n"],
    ids=["empty", "torn", "no http"],
)
def test_a_broken_answer_is_an_error_of_its_own(path, raw):
    with engine(path, [raw]), pytest.raises(EngineError) as failed:
        client(path).get("/info")
    assert failed.value.error_code == "daemon_unreachable"
    assert "GET /info" in str(failed.value)


def test_an_answer_that_is_no_json(path):
    with engine(path, [answer(body=b"<html>")]), pytest.raises(EngineError, match="not valid JSON"):
        client(path).get("/info")


@pytest.mark.parametrize("body", [b"5", b"[1]", b'{"a": []}'])
def test_a_list_that_is_none(path, body):
    with engine(path, [answer(), answer(body=body)]), pytest.raises(EngineError, match="not a"):
        talk = client(path)
        talk.get("/info")
        talk.list("/services")


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"ID": 5}'])
def test_a_creation_without_an_id(path, body):
    with engine(path, [answer(), answer(201, body)]), pytest.raises(EngineError, match="no id"):
        talk = client(path)
        talk.get("/info")
        talk.create("/services/create", {})


def test_an_engine_that_hangs_is_given_up(path):
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen(1)
    with server, pytest.raises(EngineError) as failed:
        client(path, timeout=0.05).get("/info")
    assert failed.value.error_code == "timeout"


def test_no_socket(path):
    with pytest.raises(EngineError) as failed:
        client(path).get("/info")
    assert failed.value.error_code == "daemon_unreachable"
    assert str(path) in str(failed.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may use any socket")
def test_no_permission(path):
    with engine(path):
        path.chmod(0)
        with pytest.raises(EngineError) as failed:
            client(path).get("/info")
    assert failed.value.error_code == "permission_denied"


def test_an_engine_that_is_too_old(path):
    with engine(path, [answer(api="1.40")]), pytest.raises(EngineError, match="20.10"):
        client(path).get("/info")


def test_a_wrong_version_is_refused_before_any_call():
    with pytest.raises(EngineError, match="api_version"):
        client("/nowhere", api_version="new")


def test_the_docker_sdk_carries_other_hosts(tmp_path):
    """TCP through the SDK's transport: the same interface and the same errors."""
    pytest.importorskip("docker")
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen(1)
    port = server.getsockname()[1]

    def serve():
        peer, _address = server.accept()
        with peer:
            peer.recv(65536)
            peer.sendall(answer(404, b'{"message": "no such thing"}'))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    talk = EngineClient(Connection(docker_host=f"tcp://127.0.0.1:{port}", timeout=5))
    with server, pytest.raises(EngineError) as failed:
        talk.get("/info")
    talk.close()
    thread.join(5)
    assert (failed.value.error_code, failed.value.status) == ("not_found", 404)
    with pytest.raises(EngineError) as failed:
        EngineClient(Connection(docker_host=f"tcp://127.0.0.1:{port}", timeout=5)).get("/info")
    assert failed.value.error_code == "daemon_unreachable"


def test_a_closed_client_makes_a_new_connection(path):
    """A forked process continues with the client of its parent."""
    with engine(path, [answer(body=b'{"a": 1}')], [answer(body=b'{"a": 2}')]) as seen:
        one = client(path)
        assert one.get("/info") == {"a": 1}
        before = one._transport
        one.close()
        one.close()
        assert one.get("/info") == {"a": 2}
        assert one._transport is not before
        one.close()
    assert (len(seen), one.calls) == (2, 2)


def test_reads_have_a_limit_of_their_own(path):
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen(5)  # takes the call, and never answers
    try:
        made = client(path, timeout=60, api_version="1.41")
        made.read_timeout = 0.05
        with pytest.raises(EngineError) as caught:
            made.get("/services")
        assert caught.value.error_code == "timeout"
    finally:
        server.close()
