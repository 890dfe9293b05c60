"""A service whose tasks stay new: the network that causes it, and the reason."""

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.gate.why_unallotted import cause, unallotted
from ansible_collections.stackwright.swarm.plugins.module_utils.health.judge import STAGES

POOL = {"DefaultAddrPool": ["10.9.0.0/28"], "SubnetSize": 30}


def network(name, *subnets, **more):
    # As the Engine shows a network without a subnet yet, whatever its creator requested.
    config = [{"Subnet": subnet, "Gateway": subnet.replace(".0/", ".1/").partition("/")[0]} for subnet in subnets]
    return {"Id": f"id-{name}", "Name": name, "Scope": "swarm", "IPAM": {"Config": config or None}, **more}


def service(*networks, ports=()):
    attached = [{"Target": f"id-{name}"} for name in networks]
    return {"ID": "s", "Spec": {"TaskTemplate": {"Networks": attached}, "EndpointSpec": {"Ports": list(ports)}}}


def told(wanted, *networks, pool=POOL, services=(), tasks=(), nodes=1):
    info = {"Swarm": {"Cluster": pool}}
    seen = {"networks": networks, "services": services, "tasks": tasks, "nodes": [{"ID": str(n)} for n in range(nodes)]}
    return cause(wanted, info, seen)


def test_a_subnet_that_overlaps():
    there = network("shop_a", "10.7.0.0/24")
    assert told(service("shop_a", "ext"), there, network("ext")) == (
        "the network ext has no subnet: the requested one overlaps the subnet of another network"
    )
    assert told(service("ext"), there, network("ext"), pool={}).endswith(
        "of another network, or the Swarm's address pools are exhausted"
    )


def test_pools_that_are_used_up():
    full = [network(f"n{number}", f"10.9.0.{number * 4}/30") for number in range(4)]
    assert told(service("ext"), *full, network("ext")) == (
        "the network ext has no subnet: the address pool 10.9.0.0/28 (subnets of /30) is exhausted"
    )


@pytest.mark.parametrize("wanted", [service("a"), service(), service("a", ports=[{"PublishMode": "host"}])])
def test_networks_that_are_not_the_services(wanted):
    assert told(wanted, network("a", "10.7.0.0/24"), network("other"), network("ingress", Ingress=True)) == ""


def test_the_ingress_network_where_a_port_is_published():
    wanted = service("a", ports=[{"TargetPort": 80}])
    assert told(wanted, network("a", "10.7.0.0/24"), network("ingress", Ingress=True)).startswith("the network ingress")


@pytest.mark.parametrize(
    ("subnet", "tasks", "nodes", "full"),
    [
        ("10.7.0.0/30", 0, 1, True),  # the gateway, and the service's virtual address
        ("10.7.0.0/29", 3, 1, True),
        ("10.7.0.0/29", 2, 1, False),
        ("10.7.0.0/29", 2, 2, True),
        ("10.7.0.0/24", 2, 2, False),
    ],
)
def test_a_subnet_without_a_free_address(subnet, tasks, nodes, full):
    vip = {"Endpoint": {"VirtualIPs": [{"NetworkID": "id-a", "Addr": "10.7.0.2/24"}, {"NetworkID": "x", "Addr": "y"}]}}
    running = [
        {
            "Status": {"State": "running" if number < tasks else "shutdown"},
            "NetworksAttachments": [{"Network": {"ID": "id-a"}, "Addresses": [f"10.7.0.{number + 3}/24"]}],
        }
        for number in range(tasks + 2)
    ]
    found = told(service("a"), network("a", subnet), services=[vip], tasks=running, nodes=nodes)
    assert found == (f"the network a has no free address in its subnet {subnet}" if full else "")


class Client:
    def list(self, path, timeout):
        raise EngineError("away", "daemon_unreachable")


def test_nobody_is_asked_of_other_tasks_and_no_answer_is_no_cause():
    assert unallotted(None, service(), "no suitable node") == ""
    assert unallotted(Client(), service(), f"1 task {STAGES['new']}") == ""
