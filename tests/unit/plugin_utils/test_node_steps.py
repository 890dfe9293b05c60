"""Which hosts are asked about the volumes of another node, and how a step there is followed."""

import os
import time

import pytest

from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts import node_steps
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.node_steps import NodeSteps

NODE = {"id": "n2", "name": "worker2", "names": ["worker2.lan", "10.0.0.2"], "others": ["m1", "10.0.0.1"]}
#: Of which node each host is, as its own Engine says.
NODES = {"db": "n2", "worker2": "n9", "spare": "n2", "far": "n2"}
HOSTVARS = {"m1": {}, "worker2": {}, "db": {"ansible_host": "10.0.0.2"}, "spare": {}, "far": {}}


def asked(do="look", number=1):
    return {"node": NODE, "number": number, "volume": {"do": do, "names": ["shop_data"]}}


def steps(play, run=None, every=()):
    def answer(host, handed):
        found = NODES.get(host) == handed["node"]["id"]
        return {"found": found, "did": handed["volume"]["do"], "pid": os.getpid()}

    variables = {
        "inventory_hostname": "m1",
        "hostvars": HOSTVARS,
        "ansible_play_hosts": ["m1", *play],
        "groups": {"all": ["m1", *play, *every]},
    }
    return NodeSteps(run or answer, variables)


@pytest.mark.parametrize(
    ("play", "every", "host"),
    [
        (["worker2", "db"], [], "db"),
        ([], ["db"], "db"),
        (["spare"], [], "spare"),
        ([], ["far"], None),
        (["worker2"], [], None),
        ([], [], None),
    ],
    ids=[
        "the address, though a name misleads",
        "outside of the play, by its address",
        "an unknown host of the play",
        "an unknown host outside of the play",
        "a host with the name that is another node",
        "nobody",
    ],
)
def test_the_host_is_the_one_whose_engine_is_that_node(play, every, host):
    found = steps(play, every=every).answer(asked())
    assert found.get("host") == host and bool(found.get("found")) == bool(host), found


def test_what_a_host_answers_that_can_t_is_told():
    def refuses(host, handed):
        del handed
        return {"failed": True, "msg": f"No Engine answers on {host}.", "error_code": "daemon_unreachable"}

    def breaks(host, handed):
        raise OSError

    assert steps(["db"], refuses).answer(asked()) == {"why": "where db says: No Engine answers on db"}
    assert steps(["db"], breaks).answer(asked()) == {"why": "and the host db does not answer"}


def test_a_long_step_is_followed_and_done_once(monkeypatch, tmp_path):
    monkeypatch.setattr(node_steps, "SOON", 0.05)
    began, gate = tmp_path / "began", tmp_path / "gate"
    os.mkfifo(gate)

    def run(host, handed):
        if handed["volume"]["do"] == "look":
            return {"found": True}
        with began.open("a") as file:
            file.write(f"{handed['volume']['do']}\n")
        gate.read_text()
        return {"found": True, "before": "b", "host": host}

    one = steps(["db"], run)
    assert one.answer(asked("restore")) == {"working": True} == one.answer(asked("restore"))
    gate.write_text("go")
    monkeypatch.setattr(node_steps, "SOON", 30.0)
    assert one.answer(asked("restore"))["before"] == "b" and began.read_text() == "restore\n"


def test_a_step_that_nobody_waits_for_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(node_steps, "SOON", 0.05)
    gate = tmp_path / "gate"
    os.mkfifo(gate)

    def run(host, handed):
        if handed["volume"]["do"] != "look":
            gate.read_text()
        return {"found": True}

    one = steps(["db"], run)
    assert one.answer(asked("snapshot")) == {"working": True}
    one.end()
    start = time.monotonic()
    one.end()  # a second time as well
    assert time.monotonic() - start < 1
