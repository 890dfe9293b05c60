"""Waiting for tasks to end: what is told meanwhile, and the time limit."""

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.gone import wait_until_gone, wait_until_stopped
from ansible_collections.stackwright.swarm.plugins.module_utils.errors import DeployError


class Clock:
    def __init__(self):
        self.time = 0.0

    def now(self):
        return self.time

    def sleep(self, seconds):
        self.time += seconds


class Client:
    """Tasks end one after the other, at ``ends`` seconds."""

    def __init__(self, clock, *ends):
        self.clock, self.ends = clock, ends

    def list(self, path, query=None, timeout=None):
        if path == "/nodes":
            return [{"ID": "n1", "Status": {"State": "ready"}}]
        running = [number for number, end in enumerate(self.ends) if self.clock.time < end]
        return [
            {"ID": f"t{number}", "ServiceID": "s", "NodeID": "n1", "Status": {"State": "running"}} for number in running
        ]


def test_each_change_is_told_and_silence_does_not_last():
    clock, lines = Clock(), []
    wait_until_gone(Client(clock, 3, 25), clock, "shop", 60, tell=lambda line: lines.append((clock.time, line)))
    assert [line for _time, line in lines[:2]] == ["waiting for 2 tasks to end", "waiting for 1 task to end"]
    times = [time for time, _line in lines] + [clock.time]
    assert max(after - before for before, after in zip(times, times[1:])) <= 11.5


def test_what_does_not_end_is_an_error():
    clock = Clock()
    with pytest.raises(DeployError) as caught:
        wait_until_stopped(Client(clock, 99), clock, "shop", 5, ["s"])
    assert caught.value.error_code == "timeout"
    assert caught.value.details["tasks"] == ["t0"]


def test_other_services_are_not_waited_for():
    clock = Clock()
    wait_until_stopped(Client(clock, 99), clock, "shop", 5, ["other"])
    assert clock.time == 0
