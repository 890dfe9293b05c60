"""The tasks of a node that is drained."""

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.nodes.moving import moves, tasks_on

GIB = 2**30


def node(name, availability="active", state="ready", labels=None, memory=4 * GIB):
    return {
        "ID": name,
        "Spec": {"Role": "worker", "Availability": availability, "Labels": labels or {}},
        "Description": {
            "Hostname": name,
            "Platform": {"OS": "linux", "Architecture": "x86_64"},
            "Resources": {"NanoCPUs": 4 * 10**9, "MemoryBytes": memory},
        },
        "Status": {"State": state},
    }


def service(name, replicas=1, stack="shop", mounts=(), ports=(), update=None, mode=None, **template):
    spec = {
        "Name": name,
        "Labels": {"com.docker.stack.namespace": stack} if stack else {},
        "TaskTemplate": {"ContainerSpec": {"Image": "x", "Mounts": list(mounts)}, **template},
        "Mode": mode or {"Replicated": {"Replicas": replicas}},
        "EndpointSpec": {"Ports": list(ports)},
    }
    if update is not None:
        spec["UpdateConfig"] = update
    return {"ID": f"id-{name}", "Version": {"Index": 1}, "Spec": spec}


def task(of, where, state="running", desired="running"):
    template = of["Spec"]["TaskTemplate"]
    return {
        "ID": "t",
        "ServiceID": of["ID"],
        "NodeID": where,
        "Status": {"State": state},
        "DesiredState": desired,
        "Spec": template,
    }


def one(of, places, nodes=None, others=()):
    nodes = nodes or [node("a"), node("b"), node("c")]
    found = moves(
        nodes[0], nodes, [of, *(o for o, _p in others)], [task(of, p) for p in places] + [task(o, p) for o, p in others]
    )
    return {move.service: move for move in found}.get(of["Spec"]["Name"])


FIRST = {"Order": "start-first", "Parallelism": 1}
HOST = {"TargetPort": 80, "PublishedPort": 80, "PublishMode": "host", "Protocol": "tcp"}
VOLUME = {"Type": "volume", "Source": "data", "Target": "/data"}


@pytest.mark.parametrize(
    ("of", "places", "way", "dip"),
    [
        (service("web", 1, update=FIRST), "a", "start-first", 0),
        (service("web", 3, update=FIRST), "aab", "start-first", 0),
        (service("web", 1), "a", "drain", 1),
        (service("web", 2), "ab", "drain", 1),
        (service("web", 3), "aaa", "rolling", 1),
        (service("web", 3, update={"Parallelism": 0}), "aaa", "drain", 3),
        (service("web", 3, update={"Parallelism": 2, "Order": "stop-first"}), "aaa", "rolling", 2),
        (service("web", 1, ports=[HOST], update=FIRST), "a", "start-first", 0),
        (service("web", 3, ports=[HOST], update=FIRST), "abc", "drain", 1),
        (service("job", mode={"ReplicatedJob": {"TotalCompletions": 1}}), "a", "drain", 1),
    ],
)
def test_how_it_leaves(of, places, way, dip):
    move = one(of, places)
    assert (move.way, move.dip, move.count) == (way, dip, places.count("a"))


def test_what_is_not_on_the_node_or_is_global_does_not_move():
    assert one(service("web"), "b") is None
    assert one(service("agent", mode={"Global": {}}), "abc") is None
    web = service("web")
    ended = [
        task(web, "a", "shutdown", "shutdown"),
        task(web, "a", "failed", "shutdown"),
        task(web, "a", "running", "shutdown"),
    ]
    assert tasks_on("a", ended) == [] and moves(node("a"), [node("a"), node("b")], [web], ended) == []


@pytest.mark.parametrize(
    ("of", "places", "nodes", "said"),
    [
        (
            service("web", Placement={"Constraints": ["node.labels.disk == ssd"]}),
            "a",
            None,
            "node.labels.disk == ssd rules out",
        ),
        (service("web", Placement={"Constraints": ["node.hostname == a"]}), "a", None, "node.hostname == a rules out"),
        (service("web", 3, ports=[HOST]), "abc", None, "the port 80/tcp is taken by one of its own tasks"),
        (service("web", mounts=[VOLUME]), "a", None, "its volume data is local to the node"),
        (service("web", 3, Placement={"MaxReplicas": 1}), "abc", None, "max_replicas_per_node 1 is reached"),
        (service("web"), "a", [node("a")], "the Swarm has no other node"),
        (service("web"), "a", [node("a"), node("b", "drain")], "being drained rules out"),
        (service("web"), "a", [node("a"), node("b", state="down")], "being down rules out"),
        (
            service("web", Resources={"Reservations": {"MemoryBytes": 3 * GIB}}),
            "a",
            [node("a"), node("b", memory=GIB)],
            "too little of memory is free",
        ),
        (
            service("web", 2, Resources={"Reservations": {"MemoryBytes": 3 * GIB}}),
            "aa",
            [node("a"), node("b")],
            "1 of its 2 tasks",
        ),
    ],
)
def test_what_stays_and_why(of, places, nodes, said):
    move = one(of, places, nodes)
    assert said in move.stays
    assert move.as_dict()["stays"] == move.stays


@pytest.mark.parametrize(
    "mount",
    [
        {"Type": "bind", "Source": "/etc/x", "Target": "/x"},
        {"Type": "volume", "Target": "/anonymous"},
        {"Type": "tmpfs", "Target": "/t"},
        {
            "Type": "volume",
            "Source": "nfs",
            "Target": "/n",
            "VolumeOptions": {"DriverConfig": {"Name": "local", "Options": {"type": "nfs"}}},
        },
        {"Type": "volume", "Source": "shared", "Target": "/n", "VolumeOptions": {"DriverConfig": {"Name": "rexray"}}},
    ],
)
def test_mounts_that_keep_nothing(mount):
    move = one(service("web", mounts=[mount]), "a")
    assert not move.volumes


def test_two_services_do_not_get_the_same_room():
    """Each of them fits on the other node, but not both."""
    needs = {"Resources": {"Reservations": {"MemoryBytes": 3 * GIB}}}
    first, second = service("db", **needs), service("web", **needs)
    nodes = [node("a", memory=8 * GIB), node("b")]
    found = moves(nodes[0], nodes, [first, second], [task(first, "a"), task(second, "a")])
    assert [(move.service, move.left) for move in found] == [("db", 0), ("web", 1)]


def test_a_port_that_another_service_holds():
    web, other = service("web", ports=[HOST]), service("proxy", ports=[HOST])
    move = one(web, "a", [node("a"), node("b")], [(other, "b")])
    assert move.left == 1 and "the port 80/tcp is taken by proxy" in move.stays
