"""The event source deploy_webhook on a real Swarm: tokens of its stacks, variables, rates."""

from __future__ import annotations

import http.client
import json
import socket
import sys
import threading
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from playbook import Player
from rulebook import Source

TOKEN, NEXT = "planted-value-token-1", "planted-value-token-2"


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def ask(port, path, token, body=None, method="POST"):
    """The status and the answer of a request."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        headers = {"Authorization": f"Bearer {token}"}
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def until_listening(port):
    for _number in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=60).close()
            return
        except ConnectionRefusedError:
            threading.Event().wait(0.1)
    pytest.fail("it does not listen")


@pytest.fixture
def player(swarm, tmp_path):
    return Player(tmp_path, {"m1": swarm.docker_host})


def token_is(player, name, token):
    values = {"name": name, "values": {"DEPLOY_TOKEN": token}, "store": "swarm"}
    assert player.play({"stack_values": values}).code == 0


@pytest.fixture
def source(swarm):
    made = []

    def make(**args):
        port = free_port()
        made.append(Source("deploy_webhook", **{"docker_host": swarm.docker_host, "port": port, **args}))
        until_listening(port)
        return made[-1], port

    yield make
    for one in made:
        one.end()


def test_a_request_with_the_token_of_the_stack(swarm, player, source):
    name = swarm.name
    token_is(player, name, TOKEN)
    events, port = source(stacks={"shop": {"name": name, "src": "a.yml", "variables": ["TAG"]}}, rate=2)
    status, answer = ask(port, "/shop", TOKEN, {"variables": {"TAG": "1.10"}})
    event = events.until(lambda event: True)
    assert status == 202 and event["id"] == answer["id"]
    expected = {"type": "deploy_requested", "stack": name, "src": "a.yml", "variables": {"TAG": "1.10"}}
    expected["owner"] = {"name": name, "project": "", "environment": ""}
    assert expected.items() <= event.items() and "planted-value" not in str(event)
    assert ask(port, "/shop", TOKEN, {"variables": {"PATH": "x"}})[0] == 400
    assert ask(port, "/shop", TOKEN, {"variables": {"TAG": "{{ 1 }}"}})[0] == 400
    assert ask(port, "/shop", TOKEN, method="GET")[0] == 405
    assert ask(port, "/shop", TOKEN, {"variables": {"TAG": "x" * 20000}})[0] == 413
    # Rotated like any value: the old one is worth nothing any more.
    token_is(player, name, NEXT)
    assert ask(port, "/shop", TOKEN)[0] == 401
    assert ask(port, "/shop", NEXT)[0] == 202
    assert events.until(lambda event: True)["variables"] == {}
    # Not more than twice a minute; and nobody guesses.
    assert ask(port, "/shop", NEXT)[0] == 429
    assert {ask(port, "/shop", "wrong")[0] for _number in range(12)} == {401, 429}
    assert ask(port, "/shop", NEXT)[0] == 429
    assert not events.comes(lambda event: True, 0.1)


def test_nobody_learns_which_stacks_there_are(swarm, player, source):
    token_is(player, swarm.name, "short")
    _events, port = source(stacks={"short": {"name": swarm.name}, "none": {"name": f"{swarm.name}-none"}})
    answers = [ask(port, path, token) for path in ("/short", "/none", "/other") for token in ("short", "")]
    assert {json.dumps(answer) for answer in answers} == {json.dumps((401, {"error": answers[0][1]["error"]}))}


def test_a_manager_that_does_not_answer_is_no_wrong_token(swarm, player, source):
    token_is(player, swarm.name, TOKEN)
    nobody = "unix:///nonexistent.sock"
    events, port = source(stacks={"shop": {"name": swarm.name}}, docker_host=nobody)
    assert ask(port, "/shop", TOKEN)[0] == 503
    events, port = source(stacks={"shop": {"name": swarm.name}}, managers=[nobody, swarm.docker_host])
    assert ask(port, "/shop", TOKEN)[0] == 202
