"""The destinations of an audit: a file with several writers and torn lines, and receivers that hang or fail."""

import http.server
import multiprocessing
import socket
import stat
import threading
import time

import pytest

from ansible_collections.stackwright.swarm.plugins.plugin_utils.auditing.chain import head_of, problems
from ansible_collections.stackwright.swarm.plugins.plugin_utils.auditing.sinks import File, Http, headers_of, key_of


def verified(path, key=b""):
    return problems(path.read_text(), key, path.with_name(path.name + ".head").read_text().strip())


def write_many(path, who):
    for number in range(50):
        File(str(path)).write({"who": who, "number_of_mine": number})


def test_a_new_file_begins_a_chain_that_the_next_run_goes_on_with(tmp_path):
    path = tmp_path / "audit.jsonl"
    for number in range(3):
        File(str(path)).write({"event": "change", "of": number})
    lines = path.read_text().splitlines()
    assert len(lines) == 4 and head_of(lines[-1]).number == 4 and verified(path) == []
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE((tmp_path / "audit.jsonl.head").stat().st_mode) == 0o600


@pytest.mark.slow
def test_several_processes_write_one_chain(tmp_path):
    path = tmp_path / "audit.jsonl"
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=write_many, args=(path, number)) for number in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert len(path.read_text().splitlines()) == 201 and verified(path) == []


@pytest.mark.parametrize("rest", ['{"half": ', "a line of somebody else\n", "\n\n", '{"chain": 5}\n'])
def test_after_a_torn_line_a_new_chain_is_announced(tmp_path, rest):
    path = tmp_path / "audit.jsonl"
    File(str(path)).write({"event": "change"})
    with path.open("a") as handle:
        handle.write(rest)
    File(str(path)).write({"event": "change"})
    found = verified(path)
    if rest.strip():
        assert [one["problem"] for one in found] == ["this is not a line of an audit"], "only the line that is torn"
    else:
        assert all(one["problem"] == "this is not a line of an audit" for one in found)


def test_a_key(tmp_path):
    path, key = tmp_path / "audit.jsonl", tmp_path / "key"
    key.write_text("0123456789abcdef\n")
    File(str(path), key_of(str(key))).write({"event": "change"})
    assert verified(path, b"0123456789abcdef") == [] and verified(path) != []
    key.write_text("short\n")
    with pytest.raises(ValueError, match="16"):
        key_of(str(key))


def test_headers():
    assert headers_of("") == {} and headers_of('{"A": 1}') == {"A": "1"}
    for text in ("[]", "x"):
        with pytest.raises(ValueError):
            headers_of(text)


def test_a_receiver_gets_each_line():
    came = []

    class Receiver(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            came.append((self.headers["X-Token"], self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sink = Http(f"http://127.0.0.1:{server.server_port}/", {"X-Token": "t"})
    for number in range(5):
        sink.write(f"line {number}")
    sink.close()
    server.shutdown()
    assert came == [("t", f"line {number}".encode()) for number in range(5)] and sink.lost == 0


def test_a_redirect_gets_no_headers_and_loses_the_line():
    came = []

    class Receiver(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(302)
            self.send_header("Location", f"http://127.0.0.1:{self.server.server_port}/elsewhere")
            self.end_headers()

        def do_GET(self):
            came.append(self.headers["X-Token"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sink = Http(f"http://127.0.0.1:{server.server_port}/", {"X-Token": "t"})
    sink.write("line")
    sink.close()
    server.shutdown()
    assert came == [] and sink.lost == 1 and "302" in sink.reason


@pytest.mark.parametrize("url", ["hunter2", "http://127.0.0.1:1/hunter2 \n", "http://127.0.0.1:hunter2/"])
def test_lines_for_an_address_that_is_not_valid_are_lost_and_counted(url, capfd):
    sink = Http(url, {})
    sink.write("one")
    sink.write("two")
    sink.close()
    assert sink.lost == 2 and "hunter2" not in sink.host + sink.reason + capfd.readouterr().err


def test_a_receiver_that_hangs_costs_two_seconds_in_all():
    with socket.create_server(("127.0.0.1", 0)) as server:
        sink = Http(f"http://127.0.0.1:{server.getsockname()[1]}/", {})
        start = time.monotonic()
        for number in range(2000):
            sink.write(f"line {number}")
        assert time.monotonic() - start < 2
        sink.close()
        assert sink.lost > 0 and sink.reason


def test_no_receiver_is_told():
    sink = Http("http://127.0.0.1:1/", {})
    sink.write("line")
    sink.close()
    assert sink.lost == 1 and "refused" in sink.reason


def test_a_receiver_that_speaks_no_http_loses_its_own_line_only():
    """Another program may listen at that port."""
    answers = [b"220 mail.example.com ESMTP\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: nine\r\n\r\n", b""]

    def serve():
        for answer in answers:
            peer, _address = server.accept()
            with peer:
                peer.recv(65536)
                peer.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        sink = Http(f"http://127.0.0.1:{server.getsockname()[1]}/", {})
        for number in range(len(answers)):
            sink.write(f"line {number}")
        thread.join(30)
        sink.close()
    assert sink.lost == 2 and sink.reason
