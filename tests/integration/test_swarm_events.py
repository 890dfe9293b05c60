"""The event source swarm_events on a real Swarm, and with the real ansible-rulebook."""

from __future__ import annotations

import os
import statistics
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from core import Core
from rulebook import Rulebook, Source

FILE = """\
services:
  web:
    image: {image}
    command: sleep {sleep}
    stop_grace_period: 1s
    environment: {{APP_TOKEN: planted-value-1}}
    deploy: {{restart_policy: {{delay: 100ms}}}}
"""


@pytest.fixture
def source(swarm):
    made = []

    def make(**args):
        made.append(Source("swarm_events", **{"docker_host": swarm.docker_host, "interval": 1, **args}))
        return made[-1]

    yield make
    for one in made:
        one.end()


def config(swarm, name):
    swarm.node.api("POST", "/configs/create", {"Name": name, "Data": "eA=="})


def probing(swarm, is_seen):
    """Makes and removes a config until its event is seen: what is there when a source begins is no news to it."""
    for _number in range(300):
        config(swarm, f"{swarm.name}-probe")
        swarm.node.cli(["docker", "config", "rm", f"{swarm.name}-probe"])
        if is_seen():
            return
    pytest.fail("the source does not listen")


def listening(events, swarm):
    probing(swarm, lambda: events.comes(lambda event: event["name"].endswith("-probe"), 0.5))


def deployed(swarm, bed, tmp_path, sleep="1d", **options):
    core = Core(swarm.docker_host, swarm.name, tmp_path)
    try:
        core.deploy(FILE.format(image=bed.images["busybox"], sleep=sleep), **options)
    finally:
        core.client.close()


def kill_container(swarm):
    (task,) = swarm.wait_running(1)
    swarm.node.cli(["docker", "kill", task["Status"]["ContainerStatus"]["ContainerID"]])
    return task


def is_of(name, *types):
    return lambda event: event["type"] in types and event["stack"] == name


def test_a_stack_comes_fails_and_goes(bed, swarm, source, tmp_path):
    name = swarm.name
    events = source()
    listening(events, swarm)
    deployed(swarm, bed, tmp_path)
    made = events.until(is_of(name, "service_created"))
    assert (made["service"], made["recovered"], made["meta"]) == (f"{name}_web", False, {"hosts": ["m1"]})
    assert events.until(is_of(name, "deployment_ended"))["status"] == "HEALTHY"
    task = kill_container(swarm)
    failed = events.until(is_of(name, "task_failed"))
    assert failed["task"] == task["ID"] and failed["exit_code"] == 137 and failed["node"] == "m1"
    assert "non-zero exit (137)" in failed["reason"]
    events.until(is_of(name, "stack_status"))
    swarm.node.cli(["docker", "service", "rm", f"{name}_web"])
    assert events.until(is_of(name, "service_removed"))["service"] == f"{name}_web"
    assert events.until(lambda event: event.get("status") == "REMOVED")["stack"] == name
    told = [(event["type"], event["id"]) for event in events.events if event["id"]]
    assert len([one for one in told if one[0] in ("service_created", "task_failed", "service_removed")]) == 3
    assert "planted-value" not in str(events.events)
    assert [event for event in events.events if "stackwright." in event["name"]] == []


def test_a_gap_is_closed_after_a_restart_of_the_engine(bed, swarm, source, tmp_path):
    name = swarm.name
    events = source()
    listening(events, swarm)
    deployed(swarm, bed, tmp_path)
    events.until(is_of(name, "deployment_ended"))
    bed.kill("m1")
    bed.start("m1")
    bed.wait_ready()
    # Soon enough to be in the gap or later: either way it is told once.
    config(swarm, f"{name}-after")
    events.until(lambda event: event["name"] == f"{name}-after")
    swarm.wait_running(1)
    kill_container(swarm)
    config(swarm, f"{name}-last")
    events.until(lambda event: event["name"] == f"{name}-last")
    events.until(is_of(name, "task_failed"))
    names = [event["name"] for event in events.events if event["type"] == "config_created"]
    assert names.count(f"{name}-after") == names.count(f"{name}-last") == 1
    tasks = [event["task"] for event in events.events if event["type"] == "task_failed"]
    assert len(tasks) == len(set(tasks))
    assert [event["type"] for event in events.events].count("service_created") == 1


def test_with_ansible_rulebook(bed, swarm, tmp_path):
    """From a container's death to the rule's action: by the median, at most 2 s more than the interval."""
    name, interval = swarm.name, 1.0
    deployed(swarm, bed, tmp_path)
    rules = [
        {
            "name": "A task has failed",
            "condition": f'event.type == "task_failed" and event.stack == "{name}"',
            "action": {"debug": {"msg": "acted on {{ event.service }} {{ event.task }} {{ event.meta.hosts }}"}},
        },
        {
            "name": "It watches",
            "condition": f'event.type == "config_created" and event.name == "{name}-probe"',
            "action": {"debug": {"msg": "it watches"}},
        },
    ]
    options = {"docker_host": swarm.docker_host, "interval": interval}
    sources = [{"name": "swarm", "stackwright.swarm.swarm_events": options}]
    book = Rulebook(tmp_path, [{"name": "test", "hosts": "all", "sources": sources, "rules": rules}])
    try:
        probing(swarm, lambda: book.saw("it watches", 0.5))
        took = []
        for number in range(20 if os.environ.get("STACKWRIGHT_LONG") else 3):
            task = kill_container(swarm)
            died = time.monotonic()
            line = book.until(f"acted on .*{task['ID']}")
            took.append(time.monotonic() - died)
            assert "m1" in line and number < 20
        print(f"from death to action: median {statistics.median(took):.2f} s, most {max(took):.2f} s")
        if os.environ.get("STACKWRIGHT_LONG"):
            assert statistics.median(took) <= interval + 2
        assert book.process.poll() is None, "it ended by itself"
    finally:
        book.end()
    assert not any("Traceback" in line for line in book.lines), "\n".join(book.lines[-40:])
