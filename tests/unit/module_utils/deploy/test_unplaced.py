import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError
from ansible_collections.stackwright.swarm.plugins.module_utils.gate.why_unplaced import unplaced


def service(name, ports=(), **template):
    return {"ID": name, "Spec": {"Name": name, "TaskTemplate": template, "EndpointSpec": {"Ports": list(ports)}}}


def host(number, protocol="tcp", mode="host"):
    return {"PublishedPort": number, "TargetPort": 80, "Protocol": protocol, "PublishMode": mode}


class Engine:
    def __init__(self, *services):
        self.services = services

    def list(self, path, query=None, timeout=None):
        if not self.services:
            raise EngineError("away")
        return list(self.services)


PORTS = "no suitable node (host-mode port already in use on 1 node)"
WEB = service("web", [host(80)])


@pytest.mark.parametrize(
    ("error", "asking", "engine", "expected"),
    [
        ("exit code 3", WEB, Engine(), ""),
        (PORTS, WEB, Engine(WEB, service("old", [host(80)])), "it requests port 80/tcp, which old uses"),
        (
            PORTS,
            WEB,
            Engine(WEB, service("old", [host(80, "udp"), host(80, mode="ingress")])),
            "it requests port 80/tcp",
        ),
        (PORTS, WEB, Engine(), "it requests port 80/tcp"),
        # A task of a global service, which is bound to its node.
        (
            "host-mode port already in use on 1 node",
            WEB,
            Engine(WEB, service("old", [host(80)])),
            "it requests port 80/tcp, which old uses",
        ),
        (
            "no suitable node (scheduling constraints not satisfied on 3 nodes)",
            service("db", Placement={"Constraints": ["node.role == worker", "node.labels.disk == ssd"]}),
            Engine(),
            "it requests node.role == worker and node.labels.disk == ssd",
        ),
        (
            "no suitable node (insufficient resources on 3 nodes)",
            service("db", Resources={"Reservations": {"NanoCPUs": 1500000000, "MemoryBytes": 8 << 30}}),
            Engine(),
            "it requests 1.5 CPUs and 8192 MiB of memory",
        ),
        ("no suitable node (missing plugin on 1 node)", WEB, Engine(), ""),
    ],
)
def test_what_no_node_has(error, asking, engine, expected):
    assert unplaced(engine, asking, error) == expected
