"""Waiting for tasks to end: the progress lines, and the time limit."""

import pytest
from fake_clock import Clock

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import DeployError
from ansible_collections.stackwright.swarm.plugins.module_utils.gate.wait_gone import (
    wait_until_gone,
    wait_until_stopped,
)

NODES = [
    {"ID": "n1", "Status": {"State": "ready"}, "Description": {"Hostname": "w1"}},
    {"ID": "n2", "Status": {"State": "down", "Message": "heartbeat failure"}, "Description": {"Hostname": "w2"}},
    {"ID": "n3", "Status": {"State": "unknown"}, "Description": {"Hostname": "w3"}},
]


class Client:
    """Tasks end one after the other, at ``ends`` seconds; each may take ``grace`` seconds to stop."""

    def __init__(self, clock, *ends, grace=0.0, node="n1"):
        self.clock, self.ends, self.grace, self.node = clock, ends, grace, node

    def list(self, path, query=None, timeout=None):
        if path == "/nodes":
            return NODES
        running = [number for number, end in enumerate(self.ends) if self.clock.time < end]
        spec = {"ContainerSpec": {"StopGracePeriod": int(self.grace * 1e9)}}
        return [
            {"ID": f"t{n}", "ServiceID": f"s{n}", "NodeID": self.node, "Status": {"State": "running"}, "Spec": spec}
            for n in running
        ]


NAMES = {"s0": "shop_web", "s1": "shop_db"}


def test_each_change_is_told_and_silence_does_not_last():
    clock, lines = Clock(), []
    client = Client(clock, 3, 25)
    wait_until_gone(client, clock, "shop", 60, tell=lambda line: lines.append((clock.time, line)), names=NAMES)
    assert [line for _time, line in lines[:2]] == [
        "waiting for shop_db on w1, shop_web on w1 to end (grace period 0 s)",
        "waiting for shop_db on w1 to end (grace period 0 s)",
    ]
    times = [time for time, _line in lines] + [clock.time]
    assert max(after - before for before, after in zip(times, times[1:])) <= 11.5


def test_many_places_are_counted():
    clock, lines = Clock(), []
    client = Client(clock, 1, 1, 1, 1, 1, 1)
    names = {**NAMES, "s2": "shop_web", "s3": "shop_a", "s4": "shop_b"}
    wait_until_gone(client, clock, "shop", 60, tell=lines.append, names=names)
    assert lines == ["waiting for a task on w1, shop_a on w1, shop_b on w1 and 2 more to end (grace period 0 s)"]


def test_what_does_not_end_is_an_error():
    clock = Clock()
    with pytest.raises(DeployError) as caught:
        wait_until_stopped(Client(clock, 99), clock, "shop", 5, {"s0": "shop_web"})
    assert caught.value.error_code == "timeout"
    assert caught.value.details["tasks"] == ["t0"]
    assert "within 5 s: 1 task is left: shop_web on w1." in str(caught.value)


def test_the_limit_is_without_progress_and_the_grace_period_comes_on_top():
    clock = Clock()
    wait_until_stopped(Client(clock, 4, 8, 12), clock, "shop", 5, dict.fromkeys(("s0", "s1", "s2"), "shop_web"))
    assert clock.time >= 12
    clock = Clock()
    wait_until_stopped(Client(clock, 63, grace=60), clock, "shop", 5, NAMES)
    with pytest.raises(DeployError):
        wait_until_stopped(Client(clock, 999, grace=60), clock, "shop", 5, NAMES)
    assert clock.time < 63 + 70


def test_other_services_are_not_waited_for():
    clock = Clock()
    wait_until_stopped(Client(clock, 99), clock, "shop", 5, {"other": "shop_other"})
    assert clock.time == 0


def test_a_lost_node_is_named_and_one_that_nobody_knows_of_yet_is_waited_for():
    clock = Clock()
    how = "on w2, which is down (heartbeat failure). They end when the node is back."
    told = wait_until_gone(Client(clock, 99, 99, node="n2"), clock, "shop", 5, names=NAMES)
    assert told == [f"2 tasks are left of shop_db, shop_web {how}"]
    assert wait_until_gone(Client(clock, 99, node="gone"), clock, "shop", 5) == [
        "1 task is left on a node that is no longer in the Swarm."
    ]
    assert clock.time == 0
    assert wait_until_gone(Client(clock, 3, node="n3"), clock, "shop", 5) == [] and clock.time >= 3
