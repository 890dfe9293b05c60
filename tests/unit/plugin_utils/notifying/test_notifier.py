"""Receivers that accept a notification, reject it, hang or don't exist: nothing is raised, and no task waits long."""

import contextlib
import http.server
import json
import socket
import sys
import threading
import time
import types

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.option_specs import EVENTS
from ansible_collections.stackwright.swarm.plugins.plugin_utils.notifying import notifier
from ansible_collections.stackwright.swarm.plugins.plugin_utils.notifying.message import Message
from ansible_collections.stackwright.swarm.plugins.plugin_utils.notifying.notifier import Notifier

MESSAGE = Message("success", "shop: deployed", ["one"], {"stack": "shop"})
SECRET = "T0KEN-planted"


@contextlib.contextmanager
def receiver(status=200, headers=()):
    """A receiver: its address, and the requests that it got."""
    got = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            data = self.rfile.read(int(self.headers["Content-Length"]))
            got.append((self.path, dict(self.headers), json.loads(data)))
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_given):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook/{SECRET}", got
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def target(url, **given):
    return {"url": url, "format": "json", "events": EVENTS, "headers": None, **given}


def sent(*targets, message=MESSAGE):
    made = Notifier(targets)
    made.send(message)
    start = time.monotonic()
    return made.close(), time.monotonic() - start


def test_each_target_gets_its_form_and_only_its_events():
    with receiver() as (url, got):
        said, _spent = sent(
            target(url, headers={"Authorization": "Bearer x"}),
            target(url, format="slack"),
            target(url, events=["failure"]),
        )
    assert said == []
    assert sorted(sorted(data) for _path, _headers, data in got) == [
        ["event", "lines", "stack", "time", "title"],
        ["text"],
    ]
    assert "Bearer x" in [headers.get("Authorization") for _path, headers, _data in got]


@pytest.mark.parametrize(
    ("status", "headers", "why"),
    [(500, (), "HTTP status 500"), (302, (("Location", "http://127.0.0.1:1/"),), "HTTP status 302")],
)
def test_a_receiver_that_refuses(status, headers, why):
    with receiver(status, headers) as (url, _got):
        said, _spent = sent(target(url))
    assert said == [f"The notification for 127.0.0.1 may not have arrived: {why}."]


def test_receivers_that_hang_cost_two_seconds_in_all():
    with contextlib.closing(socket.socket()) as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/{SECRET}"
        said, spent = sent(*[target(url, format=form) for form in ("json", "slack", "teams")])
    assert said == ["The notification for 127.0.0.1 may not have arrived: no answer within 2 s."]
    assert spent < 3


@pytest.mark.parametrize(
    "url",
    [
        f"http://127.0.0.1:1/{SECRET}",
        f"file:///{SECRET}",
        f"http://[{SECRET}",
        f"http://127.0.0.1:port/{SECRET}",
        f"http://no-such-host.invalid/{SECRET}",
        SECRET,
        f"http://127.0.0.1:1/{SECRET} \n\x00",
        "",
    ],
)
@pytest.mark.parametrize("form", ["json", "apprise"])
def test_addresses_that_can_not_be_used_are_told_without_their_secret(url, form, capfd, monkeypatch):
    monkeypatch.setitem(sys.modules, "apprise", None)
    (said,) = sent(target(url, format=form))[0]
    out = capfd.readouterr()
    assert SECRET not in said + out.out + out.err
    assert "Traceback" not in out.err
    if form == "apprise":
        assert "install the Python package apprise" in said


def test_what_a_thread_raises_is_said_and_not_printed(monkeypatch, capfd):
    def fail(*_given):
        raise RuntimeError(SECRET)

    monkeypatch.setattr(notifier, "_post", fail)
    assert sent(target("http://example.invalid/"))[0] == [
        "The notification for example.invalid may not have arrived: RuntimeError."
    ]
    assert capfd.readouterr().err == ""


def test_an_apprise_that_raises_prints_no_address(monkeypatch, capfd):
    class Apprise:
        def add(self, url):
            raise ValueError(f"not valid: {url}")

    monkeypatch.setitem(sys.modules, "apprise", types.SimpleNamespace(Apprise=Apprise))
    (said,) = sent(target(f"json://{SECRET}@host", format="apprise"))[0]
    out = capfd.readouterr()
    assert "ValueError" in said and SECRET not in said + out.out + out.err


@pytest.mark.parametrize(("adds", "notifies"), [(False, True), (True, False), (True, True)])
def test_apprise(monkeypatch, adds, notifies):
    calls = []

    class Apprise:
        def add(self, url):
            calls.append(url)
            return adds

        def notify(self, **given):
            calls.append(given)
            return notifies

    monkeypatch.setitem(sys.modules, "apprise", types.SimpleNamespace(Apprise=Apprise))
    said = sent(target(f"json://{SECRET}@host", format="apprise"))[0]
    assert bool(said) != (adds and notifies) and SECRET not in str(said)
    assert calls[0] == f"json://{SECRET}@host"
    if adds:
        assert calls[1] == {"title": "shop: deployed", "body": "one", "notify_type": "success"}
