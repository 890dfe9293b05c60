"""Requests of deploy_webhook: valid and rejected ones, and their rate."""

import re

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.plugin_utils.events.webhook_options import ORDINARY, options_of
from ansible_collections.stackwright.swarm.plugins.plugin_utils.events.webhook_request import (
    ADDRESSES,
    LARGEST_BODY,
    Rate,
    Refused,
    head_of,
    variables_of,
)

ALLOWED = {"TAG": re.compile(ORDINARY), "ANY": re.compile(r"(?s).*")}


def test_a_head_has_a_path_a_token_and_a_length():
    text = b"POST /shop/?x=1 HTTP/1.1\r\nHost: a\r\nauthorization: bearer  abc\r\nContent-Length: 12"
    assert head_of(text) == ("shop", "abc", 12)
    assert head_of(b"POST /shop HTTP/1.0\r\nAuthorization: Basic abc") == ("shop", "", 0)


def test_a_token_is_utf8():
    head = "POST /shop HTTP/1.1\r\nAuthorization: Bearer schlüssel".encode()
    assert head_of(head).token == "schlüssel"
    assert head_of(head + b"\xff").token.encode("utf-8", "surrogateescape") == "schlüssel".encode() + b"\xff"


HEADS = {
    "no request": (b"hello", 400),
    "another method": (b"GET / HTTP/1.1", 405),
    "no length": (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked", 411),
    "two lengths": (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2", 411),
    "a length that is not a number": (b"POST / HTTP/1.1\r\nContent-Length: -1", 400),
    "too much": (b"POST / HTTP/1.1\r\nContent-Length: %d" % (LARGEST_BODY + 1), 413),
}


@pytest.mark.parametrize("name", HEADS)
def test_a_head_that_is_refused(name):
    text, status = HEADS[name]
    with pytest.raises(Refused) as refused:
        head_of(text)
    assert refused.value.status == status


def test_variables_are_texts():
    assert variables_of(b'{"variables": {"TAG": "1.10", "ANY": 5}}', ALLOWED) == {"TAG": "1.10", "ANY": "5"}
    assert variables_of(b" ", ALLOWED) == variables_of(b"{}", ALLOWED) == {}


BODIES = {
    "no JSON": b"TAG=1",
    "no UTF-8": b'"\xff"',
    "a list": b"[]",
    "another key": b'{"src": "/etc/shadow"}',
    "another variable": b'{"variables": {"PATH": "x"}}',
    "a map": b'{"variables": {"TAG": {}}}',
    "a switch": b'{"variables": {"TAG": true}}',
    "another character": b'{"variables": {"TAG": "1;2"}}',
    "another line": b'{"variables": {"TAG": "1\\n"}}',
    "a template": b'{"variables": {"ANY": "{{ lookup(\'pipe\', \'id\') }}"}}',
    "a statement": b'{"variables": {"ANY": "{% raw %}"}}',
    "a comment": b'{"variables": {"ANY": "{# x"}}',
    "a long value": b'{"variables": {"ANY": "%s"}}' % (b"x" * 256),
}


@pytest.mark.parametrize("name", BODIES)
def test_variables_that_are_refused(name):
    with pytest.raises(Refused) as refused:
        variables_of(BODIES[name], ALLOWED)
    assert refused.value.status == 400
    assert "pipe" not in refused.value.message


def test_a_rate_is_used_up_and_comes_back():
    rate = Rate(2)
    for _number in range(2):
        assert not rate.is_used_up("a", 0)
        rate.count("a", 0)
    assert rate.is_used_up("a", 29) and not rate.is_used_up("a", 30) and not rate.is_used_up("b", 0)
    rate.count("a", 30)
    assert rate.is_used_up("a", 31)
    for number in range(ADDRESSES + 1):
        rate.count(str(number), 31)
    assert len(rate._left) == ADDRESSES


def test_all_that_is_wrong_with_the_options_is_said_at_once():
    args = {"port": 70000, "store": "vault", "certfile": "a", "stack": 1, "stacks": {"a b": {}, "c": {"image": "x"}}}
    args["stacks"]["d"] = {"variables": {"TAG": "("}}
    args["stacks"]["e"] = {"variables": [{"TAG": None}]}
    with pytest.raises(StackwrightError) as error:
        options_of(args)
    for word in (
        "unknown: stack",
        "port must",
        "store must",
        "certfile",
        "stacks.a b:",
        "stacks.c must",
        "stacks.d.variables.TAG",
        "stacks.e.variables must",
    ):
        assert word in str(error.value)
    with pytest.raises(StackwrightError, match="at least one stack"):
        options_of({})


def test_options_have_defaults():
    options = options_of({"stacks": {"shop": None, "x": {"name": "web", "project": "p", "environment": "e"}}})
    assert (options.host, options.port, options.rate, options.store) == ("127.0.0.1", 5000, 6.0, "swarm")
    assert [target.stack.full_name for target in options.targets.values()] == ["shop", "p-e-web"]
