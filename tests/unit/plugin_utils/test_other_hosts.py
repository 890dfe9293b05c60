"""Which hosts of a play may be a node, and how they are asked."""

import multiprocessing
import os

import pytest

from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts import other_hosts
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.other_hosts import (
    MOST,
    answered,
    at_once,
    hosts_for,
    names_of,
)


def asked(*node, others=(), container="c1"):
    return {
        "number": 1,
        "others": list(others),
        "checks": [{"container": container, "starting": False, "node": [*node]}],
    }


def names(**hosts):
    return {
        host.replace("_", "-"): names_of(host.replace("_", "-"), {host.replace("_", "-"): own})
        for host, own in hosts.items()
    }


@pytest.mark.parametrize(
    "own",
    [
        pytest.param({"ansible_host": "192.0.2.7"}, id="its address"),
        pytest.param({"ansible_host": "srv7.example.com"}, id="its full name"),
        pytest.param({"ansible_hostname": "SRV7"}, id="a fact"),
        pytest.param({"ansible_facts": {"nodename": "srv7"}}, id="a fact that is not injected"),
        pytest.param(
            {"ansible_facts": {"all_ipv4_addresses": ["198.51.100.1", "192.0.2.7"]}}, id="one of its addresses"
        ),
    ],
)
def test_the_host_that_is_the_node(own):
    play = names(shop_one=own, shop_two={"ansible_host": "192.0.2.8"}, shop_three={})
    assert hosts_for(asked("srv7", "192.0.2.7"), play) == {"shop-one": {"c1": False}}


def test_the_name_in_the_inventory():
    assert hosts_for(asked("w1"), names(w1={}, w2={})) == {"w1": {"c1": False}}
    assert hosts_for(asked("w1.example.com"), names(w1={}, w2={})) == {"w1": {"c1": False}}


def test_where_none_is_known_to_be_it_those_that_are_no_other_node():
    play = names(w2={}, shop_one={}, shop_two={"ansible_host": "192.0.2.3"})
    assert hosts_for(asked("w1", others=["m1", "w2", "192.0.2.3"]), play) == {"shop-one": {"c1": False}}
    assert hosts_for(asked("w1", others=["m1", "w2"]), names(w2={})) == {}


def test_but_not_all_of_many():
    play = names(**{f"host{number}": {} for number in range(50)})
    assert len(hosts_for(asked("w1"), play)) == MOST


@pytest.mark.parametrize("address", ["0.0.0.0", "127.0.0.1", ""])
def test_an_address_that_is_everywhere_says_nothing(address):
    play = names(m2={"ansible_host": address}, w1={})
    assert hosts_for(asked("w1", address, others=[address]), play) == {"w1": {"c1": False}}


def test_a_variable_that_can_not_be_resolved_is_no_name():
    class Broken(dict):
        def get(self, name, default=None):
            raise ValueError(name)

    assert names_of("w1", {"w1": Broken()}) == {"w1"}


def test_hosts_are_asked_side_by_side():
    together = multiprocessing.get_context("fork").Barrier(4)
    found = at_once({name: lambda: {"checks": {}, "pid": (together.wait(60), os.getpid())[1]} for name in range(4)}, 60)
    assert len({told["pid"] for told in found}) == 4


def test_what_fails_or_hangs_takes_nothing_from_the_others(tmp_path):
    def hangs():
        (tmp_path / "pid").write_text(str(os.getpid()))
        os.system("sleep 60")

    def fails():
        raise KeyError("no")

    def ends():
        os._exit(1)

    works = {"a": hangs, "b": fails, "c": lambda: {"checks": {"c": "404" * 100_000}}, "d": lambda: object(), "e": ends}
    assert at_once(works, 3) == [{"checks": {"c": "404" * 100_000}}]
    with pytest.raises(OSError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_what_they_say_together():
    hostvars = {"w1": {}, "w2": {}}
    question = {"number": 1, "others": ["m1"]}
    question["checks"] = [{"container": f"c{number}", "starting": True, "node": [f"w{number}"]} for number in (1, 2)]

    def read(host, containers):
        assert containers == {"c" + host[1]: True}
        return {"checks": dict.fromkeys(containers, f"said on {host}")} if host == "w1" else {"failed": True}

    assert answered(question, ["w1", "w2"], hostvars, read, 60) == {"c1": "said on w1"}


def test_whatever_goes_wrong_is_no_answer(monkeypatch):
    monkeypatch.setattr(other_hosts, "at_once", lambda works, seconds: 1 / 0)
    assert answered(asked("w1"), ["w1"], {}, None, 1) == {}
    assert answered({}, ["w1"], {}, None, 1) == {}


def test_what_is_for_a_display_alone_costs_no_answer():
    """ansible-core 2.19 keeps the warnings of a module as objects."""
    assert at_once({"m1": lambda: {"told": 1, "warnings": [object()]}}, 60) == [{"told": 1, "warnings": [None]}]
