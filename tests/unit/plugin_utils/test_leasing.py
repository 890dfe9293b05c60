"""One host renews the lease of a stack's lock while the others work under it."""

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.leasing import (
    COME,
    LAST_LEASE,
    LEASE,
    MARGIN,
    OVER,
    RENEW,
    Keeper,
    Play,
    granted,
    in_clock,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.meeting import (
    ASKING,
    DONE,
    HERE,
    LEAVING,
    WAITING,
    WORKING,
    Meeting,
)

CLUSTER = {"cluster_id": "c", "nodes": ["node-m1", "node-w1", "node-w2"], "host": "m1", "number": 1}


class World:
    """The keeper m1, whose pauses take one second each. ``then``: the actions of other hosts in them, in order."""

    def __init__(self, folder, *then):
        self.folder, self.time, self.then = str(folder), 0.0, list(then)
        self.renewed, self.ended, self.fails = [], [], None
        self.keeper = self.host("m1")
        self.keeper.publish("c", CLUSTER)

    def host(self, name):
        return Meeting(self.folder, "task", name).__enter__()

    def now(self):
        return self.time

    def sleep(self, seconds):
        self.time += 1
        assert self.time < 600, "it does not end"
        if self.then:
            self.then.pop(0)()

    def renew(self, seconds):
        if self.fails:
            raise StackwrightError(self.fails, "lock_lost")
        self.renewed.append((self.time, seconds))
        return {"used": {}}

    def keep(self, batch=("m1", "w1"), later=(), at_once=5):
        keeper = Keeper(self.keeper, CLUSTER, self.renew, self.ended.append, StackwrightError, self.now, self.sleep)
        return keeper.keep(Play(set(batch), {*batch, *later}, at_once))

    def published(self):
        return self.keeper.lent("c")

    def asked(self, meeting, node="node-w1"):
        return granted(meeting, CLUSTER, node, self.now, lambda seconds: None)


def test_alone_it_gives_the_lock_back_at_once(tmp_path):
    world = World(tmp_path)
    assert world.keep(batch=["m1"]) == ""
    assert (world.ended, world.renewed, world.time) == ([0.0], [], 0)
    assert world.published()["closed"]


def test_who_asks_gets_a_lease_that_is_younger_than_the_question(tmp_path):
    world = World(tmp_path)
    worker = world.host("w1")
    worker.say(ASKING, node_id="node-w1", since=world.time)
    grants = []

    def look():
        grants.append(world.published()["grant"])
        worker.say(DONE, node_id="node-w1")

    world.then = [look]
    assert world.keep() == ""
    assert grants == [{"at": 0.0, "until": LEASE, "last": False, "wanted": {"used": {}}}]
    assert world.renewed == [(0.0, LEASE)] and world.ended == [0.0]


def test_the_lock_is_held_as_long_as_a_node_works_and_no_longer(tmp_path):
    world = World(tmp_path)
    worker = world.host("w1")
    worker.say(WORKING, node_id="node-w1")
    world.then = [lambda: None] * 40 + [worker.leave]  # its process has died
    assert world.keep() == ""
    gaps = [later - earlier for (earlier, _), (later, _) in zip(world.renewed, world.renewed[1:])]
    assert gaps and max(gaps) <= RENEW and world.renewed[0][0] <= RENEW
    assert world.ended == [0.0] and world.time <= 42


def test_a_host_that_does_not_come_is_not_waited_for_long(tmp_path):
    world = World(tmp_path)
    assert world.keep() == ""
    assert COME <= world.time <= COME + 2 and world.ended == [0.0] and world.renewed == []


@pytest.mark.parametrize(
    "how", [{"at_once": 1}, {"batch": ["m1"], "later": ["w1"]}], ids=["one at a time", "a later batch"]
)
def test_who_can_come_only_afterwards_gets_a_last_lease(tmp_path, how):
    world = World(tmp_path)
    assert world.keep(**how) == ""
    assert world.renewed == [(0.0, LAST_LEASE)] and world.ended == [LAST_LEASE]
    late = world.host("w1")
    assert world.asked(late)["until"] == LAST_LEASE
    world.time = LAST_LEASE - MARGIN
    assert world.asked(late) == {"why": OVER}, "not under a lock that may be somebody else's"


def test_hosts_that_wait_for_another_cluster_leave_no_place(tmp_path):
    world = World(tmp_path)
    world.host("x1").say(WAITING, node_id="node-of-another")
    assert world.keep(at_once=2, batch=["m1", "w1", "x1"]) == ""
    assert world.ended == [LAST_LEASE] and world.time == 0


def test_a_host_of_another_cluster_is_not_waited_for(tmp_path):
    world = World(tmp_path)
    world.host("x1").say(WORKING, node_id="node-of-another")
    assert world.keep(batch=["m1", "x1"]) == ""
    assert world.time == 0


def test_a_host_that_has_not_said_where_it_is_is_waited_for(tmp_path):
    world = World(tmp_path)
    worker = world.host("w1")
    worker.say(HERE)
    world.then = [lambda: None] * 20 + [lambda: worker.say(DONE)]
    assert world.keep() == ""
    assert world.time == 21


def test_a_lock_that_is_lost_ends_it_for_all_who_ask(tmp_path):
    world = World(tmp_path)
    world.fails = "The lock of the stack shop was lost: it was removed."
    worker = world.host("w1")
    worker.say(ASKING, node_id="node-w1", since=0.0)
    assert world.keep() == world.fails
    assert world.asked(worker) == {"why": world.fails} and world.ended == []


def test_without_a_living_keeper_nobody_waits(tmp_path):
    world = World(tmp_path)
    worker = world.host("w1")
    world.keeper.leave()
    assert world.asked(worker) == {"why": OVER}


def test_a_keeper_that_leaves_with_a_last_lease_is_waited_for(tmp_path):
    world = World(tmp_path)
    worker, grant = world.host("w1"), {"at": -5.0, "until": 45.0, "last": True, "wanted": {}}
    world.keeper.say(LEAVING, node_id="node-m1")
    pauses = []

    def sleep(seconds):
        pauses.append(seconds)
        world.keeper.lend("c", {"of": 1, "closed": True, "grant": grant})

    assert granted(worker, CLUSTER, "node-w1", world.now, sleep) == grant and len(pauses) == 1


def test_the_end_in_a_nodes_own_clock(tmp_path):
    del tmp_path
    # Its clocks showed 1000 and 5000 before the controller's showed 10; the lease began at 12.
    assert in_clock([1000.0, 5000.0], 10.0, {"until": 12.0 + LEASE}) == [
        1000.0 + 2 + LEASE - MARGIN,
        5000.0 + 2 + LEASE - MARGIN,
    ]


def test_a_lease_of_an_earlier_try_is_none(tmp_path):
    world = World(tmp_path)
    assert world.keep() == ""
    world.keeper.say(HERE)
    worker, again = world.host("w1"), {**CLUSTER, "number": 2}
    with pytest.raises(TimeoutError):
        granted(worker, again, "node-w1", world.now, _no_more)
    world.keeper.lend("c", {"of": 3})
    assert granted(worker, again, "node-w1", world.now, _no_more) == {"why": OVER}


def _no_more(seconds):
    raise TimeoutError
