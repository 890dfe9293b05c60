"""Check mode reports subnets that overlap, and volumes whose driver options change."""

import sys
from pathlib import Path

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.transaction import deploy_stack

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "deploy"))
from builders import LABELS, desired, service
from fake_clock import Clock
from fake_swarm import FakeSwarm


def deploy(swarm, state, **options):
    return deploy_stack(swarm, Clock(), state, {"wait": False, "resolve_image": "never", **options})


def network(name, *subnets, labels=LABELS):
    config = [{"Subnet": subnet, **({"IPRange": part} if part else {})} for subnet, part in map(split, subnets)]
    return {"Name": name, "Driver": "overlay", "Labels": labels, "IPAM": {"Driver": "default", "Config": config}}


def split(text):
    subnet, _space, part = text.partition(" ")
    return subnet, part


def with_networks(**networks):
    state = desired([service("web")])
    for key, subnets in networks.items():
        spec = network(f"shop_{key}", *subnets)
        state["networks"].append({"key": key, "name": f"shop_{key}", "external": False, "spec": spec})
    return state


@pytest.mark.parametrize(
    ("there", "wanted", "overlaps"),
    [
        ("10.7.0.0/16", "10.7.3.0/24", True),
        ("10.7.3.0/24", "10.7.0.0/16", True),
        ("10.7.3.0/24", "10.7.3.0/24", True),
        ("10.7.3.0/24", "10.7.4.0/24", False),
        ("10.7.3.0/24 10.7.3.0/25", "10.7.3.0/24 10.7.3.128/25", False),
        ("10.7.3.0/24 10.7.3.0/25", "10.7.3.0/24", True),
        ("fd00:7::/64", "fd00:7::/80", True),
        ("fd00:7::/64", "10.7.3.0/24", False),
    ],
)
def test_a_fixed_subnet_against_another_stacks_network(there, wanted, overlaps):
    swarm = FakeSwarm()
    swarm.add("networks", **network("blog_net", there, labels={"com.docker.stack.namespace": "blog"}))
    swarm.writes.clear()
    state = with_networks(net=[wanted])
    if not overlaps:
        assert deploy(swarm, state)["changed"]
        return
    for check in (True, False):
        with pytest.raises(
            EngineError, match="network net: its subnet .* overlaps .* blog_net of the stack blog"
        ) as caught:
            deploy(swarm, state, check=check)
        assert caught.value.error_code == "conflict" and "another subnet" in caught.value.hint
    assert not [path for _method, path in swarm.writes if not path.startswith("/configs")]


def test_two_networks_of_one_file_and_one_that_is_only_pruned_later():
    with pytest.raises(EngineError, match="network b: .* the network shop_a of this stack"):
        deploy(FakeSwarm(), with_networks(a=["10.7.0.0/16"], b=["10.7.1.0/24"]), check=True)
    swarm = FakeSwarm()
    deploy(swarm, with_networks(old=["10.7.1.0/24"]))
    with pytest.raises(EngineError, match="network new: .* the network shop_old of the stack shop"):
        deploy(swarm, with_networks(new=["10.7.1.0/24"]), check=True)
    assert not deploy(swarm, with_networks(old=["10.7.1.0/24"]))["changed"]


def with_volume(**driver):
    options = {"Labels": LABELS, **({"DriverConfig": driver} if driver else {})}
    mount = {"Type": "volume", "Source": "shop_data", "Target": "/data", "VolumeOptions": options}
    return desired([service("db", Mounts=[mount])])


NFS = {"type": "nfs", "o": "addr=10.0.0.1,password=planted", "device": ":/x"}


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ({}, {"Name": "local", "Options": NFS}, "the driver options device, o, type of the volume shop_data"),
        ({"Options": NFS}, {"Options": {**NFS, "device": ":/y"}}, "the driver option device of"),
        ({"Name": "rexray"}, {"Name": "local"}, "the driver (rexray → local)"),
        ({"Options": NFS}, {}, "the driver options device, o, type"),
        ({}, {"Name": "local"}, ""),
        ({"Options": NFS}, {"Name": "local", "Options": NFS}, ""),
    ],
)
def test_changed_driver_options_are_a_notice(before, after, words):
    swarm = FakeSwarm()
    deploy(swarm, with_volume(**before))
    for check in (True, False):
        notices = deploy(swarm, with_volume(**after), check=check)["notices"]
        assert (words in "".join(notices)) if words else notices == []
        assert "planted" not in "".join(notices)
        assert len(notices) == bool(words)


@pytest.mark.parametrize(
    ("image", "constraints", "told"),
    [
        ("app:1", ["node.role==manager"], "(restarts at most 3 tasks)"),
        ("app:2", ["node.role==manager"], "(restarts 3 tasks)"),
        ("app:2", [], "(restarts 3 tasks)"),
    ],
)
def test_where_only_the_placement_changes_tasks_on_nodes_that_fit_stay(image, constraints, told):
    swarm = FakeSwarm()
    deploy(swarm, desired([service("web", replicas=3)]))
    web = service("web", image, replicas=3)
    web["spec"]["TaskTemplate"]["Placement"] = {"Constraints": constraints}
    (line,) = deploy(swarm, desired([web]), check=True)["plan_lines"]
    assert line.endswith(told)


class Pooled(FakeSwarm):
    """A Swarm that reports its default address pools."""

    pools, size = ["10.9.0.0/28"], 30  # 4 subnets

    def get(self, path, query=None, **more):
        answer = super().get(path, query, **more)
        if path == "/info":
            answer["Swarm"]["Cluster"].update(DefaultAddrPool=self.pools, SubnetSize=self.size)
        return answer


@pytest.mark.parametrize(
    ("there", "wanted", "left"),
    [
        ([], {"a": [], "b": [], "c": []}, None),  # with the default network of the file that is all
        ([], {"a": [], "b": [], "c": [], "d": []}, "of which 4 are left"),
        (["10.9.0.0/30", "10.9.0.4/30", "10.9.0.8/30"], {"a": []}, "of which 1 is left"),
        (["10.9.0.0/30", "10.9.0.4/30", "10.9.0.8/30"], {"a": ["10.10.0.0/24"]}, None),
        (["10.9.0.0/29"], {"a": []}, None),
        (["10.9.0.0/29", "10.9.0.6/31"], {"a": []}, None),
        (["10.9.0.0/29", "10.9.0.9/32"], {"a": []}, "of which 1 is left"),
        (["10.0.0.0/8"], {}, "of which none is left"),
        ([], {"a": ["10.9.0.0/28"]}, "of which none is left"),  # the plan's own
        (["fd00::/64"], {"a": []}, None),
    ],
)
def test_address_pools_that_are_used_up_are_a_conflict(there, wanted, left):
    swarm = Pooled()
    for number, subnet in enumerate(there):
        swarm.add("networks", **network(f"n{number}", subnet, labels={}))
    writes = len(swarm.writes)
    if left is None:
        assert deploy(swarm, with_networks(**wanted))["changed"]
        return
    for check in (True, False):
        with pytest.raises(EngineError, match=r"no task on it would start") as caught:
            deploy(swarm, with_networks(**wanted), check=check)
        assert left in caught.value.message and "10.9.0.0/28 (subnets of /30)" in caught.value.message
        assert caught.value.error_code == "conflict"
    assert not [path for _method, path in swarm.writes[writes:] if not path.startswith("/configs")]


def test_pools_of_several_parts_and_those_that_nobody_knows():
    swarm = Pooled()
    swarm.pools, swarm.size = ["10.9.0.0/30", "10.11.0.0/30"], 30
    assert deploy(swarm, with_networks(a=[]), check=True)["changed"]
    with pytest.raises(EngineError, match="the address pools 10.9.0.0/30, 10.11.0.0/30"):
        deploy(swarm, with_networks(a=[], b=[]), check=True)
    for pools, size in (([], 24), (["10.9.0.0/30"], 0), (["rubbish"], 24), (["10.9.0.0/28"], 24)):
        swarm.pools, swarm.size = pools, size
        assert deploy(swarm, with_networks(a=[], b=[]), check=True)["changed"]
