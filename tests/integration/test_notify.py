"""Notifications of real deployments, to receivers that answer, hang and are not there."""

from __future__ import annotations

import contextlib
import socket
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from core import ON_HOST
from playbook import Player

FILE = """\
services:
  web:
    image: {image}
    command: {command}
    stop_grace_period: 1s
    environment: {{EDITION: "{edition}", DB_PASSWORD: planted-7f3a}}
"""
SECRET = "T0KEN-planted"


@pytest.fixture
def receiver(receiver):
    """As all tests have it, with a secret in its address."""
    address, got = receiver
    return address + SECRET, got


@pytest.fixture
def silent():
    """The address of a receiver that takes connections and never answers."""
    with contextlib.closing(socket.socket()) as made:
        made.bind(("127.0.0.1", 0))
        made.listen(50)
        yield f"http://127.0.0.1:{made.getsockname()[1]}/{SECRET}"


@pytest.fixture
def player(bed, tmp_path):
    return Player(tmp_path, {"m1": bed.docker_host, "also": bed.docker_host})


@pytest.fixture
def deploy(bed, swarm, player, receiver):
    def run(edition, command="sleep 1d", url=receiver[0], **given):
        text = FILE.format(image=bed.images["busybox"], command=command, edition=edition) + ON_HOST
        options = {"name": swarm.name, "definition": text, "rollout": {"timeout": 20, "stable_for": 4}, **given}
        options["notify"] = [{"url": url}]
        return player.play({"compose_stack": options}, verbosity=4)

    return run


def test_each_event_is_told_once(deploy, player, receiver, swarm):
    url, got = receiver
    name = swarm.name

    def events():
        told = [(item["event"], item["title"].partition(" by ")[0]) for item in got]
        assert all(item["stack"] == name and item["time"].endswith("Z") for item in got)
        assert "planted" not in str(got)
        got.clear()
        return told

    first = deploy("one", commit_message="release 1")
    assert first.code == 0, first.output
    assert len(got) == 2, (got, first.output)
    start, success = got
    assert (start["event"], start["commit_message"], start["lines"]) == ("start", "release 1", ["release 1"])
    assert success["revision"] == 1 and f"create service {name}_web" in success["lines"]
    assert events() == [("start", f"{name}: deployment started"), ("success", f"{name}: deployed as revision 1")]
    assert deploy("one").code == 0
    assert events() == [], "a run without changes says nothing"
    failed = deploy("two", "sh -c 'exit 3'")
    assert failed.code
    assert any("exit code 3" in line for line in got[-1]["lines"]) and got[-1]["error_code"]
    assert events()[-1] == ("rollback", f"{name}: deployment failed and was rolled back")
    invalid = deploy("three", "{a: b}")
    assert invalid.code
    assert events() == [("failure", f"{name}: failed (invalid_compose)")], "both managers refuse it"
    # Somebody else scales the service.
    swarm.node.cli(["docker", "service", "scale", "-d", f"{name}_web=2"])
    seen = player.play({"stack_drift": {"name": name, "notify": [{"url": url, "events": ["drift"]}]}})
    assert seen.code == 0, seen.output
    assert events() == [("drift", f"{name}: drift found (1)")]
    back = player.play({"stack_rollback": {"name": name, "to": 1, "notify": [{"url": url, "format": "slack"}]}})
    assert back.code == 0, back.output
    assert [list(item) for item in got] in ([["text"]], [["text"], ["text"]])
    assert got[-1]["text"].startswith(f"{name}: rolled back to revision 1 by ")
    outputs = "".join(run.output for run in (first, failed, invalid, seen, back))
    assert SECRET not in outputs and "planted" not in outputs


def test_apprise(deploy, receiver, bed, swarm, player):
    url, got = receiver
    pytest.importorskip("apprise")
    text = FILE.format(image=bed.images["busybox"], command="sleep 1d", edition="one") + ON_HOST
    target = {"url": url.replace("http://", "json://"), "format": "apprise", "events": ["success"]}
    run = player.play({"compose_stack": {"name": swarm.name, "definition": text, "notify": [target]}}, limit="m1")
    assert run.code == 0, run.output
    assert len(got) == 1, run.output
    (message,) = got
    assert message["title"].startswith(f"{swarm.name}: deployed as revision 1") and message["type"] == "success"
    assert SECRET not in run.output


def test_a_receiver_that_hangs_or_is_not_there_costs_a_warning(deploy, silent):
    started = time.monotonic()
    assert deploy("one", url=silent).code == 0
    hung = deploy("two", url=silent)
    with_it = time.monotonic() - started
    assert hung.code == 0 and "may not have arrived: no answer within 2 s." in hung.output
    started = time.monotonic()
    gone = deploy("three", url=f"http://127.0.0.1:1/{SECRET}")
    assert deploy("four", url=f"http://127.0.0.1:1/{SECRET}").code == gone.code == 0
    without = time.monotonic() - started
    assert "may not have arrived: Connection refused." in gone.output
    assert SECRET not in hung.output + gone.output
    # Two deployments each; the machine may be busy, so the bound of one has some room.
    assert with_it - without < 2 * 2 + 6, (with_it, without)
