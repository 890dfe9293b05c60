"""Restarts by a change of placement, and start-first updates whose new task can't start."""

import copy
import sys
from pathlib import Path

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.transaction import deploy_stack

sys.path.insert(0, str(Path(__file__).parent))
from builders import LABELS, desired, service
from fake_clock import Clock
from fake_swarm import FakeSwarm

HOST_PORT = {"Protocol": "tcp", "TargetPort": 80, "PublishedPort": 8080, "PublishMode": "host"}
NODES = ("m1", "w1", "w2")


class Placed(FakeSwarm):
    """``places`` maps names of services to the nodes of their tasks."""

    def __init__(self, nodes=NODES, drained=()):
        super().__init__()
        self.places = {}
        self.nodes = [
            {
                "ID": f"id-{name}",
                "Spec": {
                    "Availability": "drain" if name in drained else "active",
                    "Labels": {"ssd": "yes" if name != "w2" else "no"},
                    "Role": "manager" if name == "m1" else "worker",
                },
                "Status": {"State": "ready"},
                "Description": {"Hostname": name},
            }
            for name in nodes
        ]

    def get(self, path, query=None, headers=None, stream=False, timeout=None):
        if path == "/nodes":
            return copy.deepcopy(self.nodes)
        if path == "/tasks" and self.places:
            return [
                {
                    "ID": f"{obj['ID']}-{slot}",
                    "ServiceID": obj["ID"],
                    "NodeID": f"id-{node}",
                    "DesiredState": "running",
                    "Status": {"State": "running"},
                    "Spec": obj["Spec"]["TaskTemplate"],
                }
                for obj in self.objects["services"].values()
                for slot, node in enumerate(self.places.get(obj["Spec"]["Name"], ()), 1)
            ]
        return super().get(path, query, headers, stream, timeout)


def stack(replicas=2, image="app:1", ports=(), order="stop-first", mode=None, env=(), **placement):
    web = service("web", image, replicas, Env=list(env))
    web["spec"]["TaskTemplate"]["Placement"] = placement
    web["spec"]["EndpointSpec"] = {"Ports": list(ports)}
    web["spec"]["UpdateConfig"] = {"Order": order, "Parallelism": 1}
    web["spec"]["Mode"] = mode or web["spec"]["Mode"]
    return desired([web])


def run(swarm, state, **options):
    return deploy_stack(swarm, Clock(), state, {"wait": False, "resolve_image": "never", **options})


def planned(before, after, places, nodes=NODES, drained=(), add=None, **options):
    """The update of web in check mode, and the notices."""
    swarm = Placed(nodes, drained)
    run(swarm, before)
    if add:
        add(swarm)
    swarm.places = places
    seen = run(swarm, after, check=True, **options)
    (update,) = (op for op in seen["plan"] if op["action"] == "update")
    return update, next(line for line in seen["plan_lines"] if line.startswith("update")), seen["notices"]


@pytest.mark.parametrize(
    ("before", "after", "places", "restarts"),
    [
        ({}, {"Constraints": ["node.labels.ssd == yes"]}, ["m1", "w1"], 0),
        ({}, {"Constraints": ["node.labels.ssd == yes"]}, ["m1", "w2"], 1),
        ({}, {"Constraints": ["node.role != manager", "node.labels.ssd == yes"]}, ["m1", "w2"], 2),
        ({"Constraints": ["node.role == manager"]}, {}, ["m1", "m1"], 0),
        ({}, {"Preferences": [{"Spread": {"SpreadDescriptor": "node.labels.ssd"}}]}, ["m1", "w2"], 0),
        ({}, {"MaxReplicas": 1}, ["m1", "w2"], 0),
    ],
)
def test_tasks_on_nodes_that_still_fit_stay(before, after, places, restarts):
    update, line, notices = planned(stack(**before), stack(**after), {"shop_web": places})
    assert update["restarts"] == restarts
    assert ("restarts" in line) == bool(restarts), line
    assert not notices


def test_what_changes_besides_replaces_all_tasks():
    state = stack(image="app:2", Constraints=["node.labels.ssd == yes"])
    assert planned(stack(), state, {"shop_web": ["m1", "w1"]})[0]["restarts"] == 2
    restarted = stack(Constraints=["node.labels.ssd == yes"])
    assert planned(stack(), restarted, {"shop_web": ["m1", "w2"]}, restart=["web"])[0]["restarts"] == 2


def test_it_is_at_most_all_while_an_update_is_under_way():
    def moving(swarm):
        for obj in swarm.objects["services"].values():
            obj["UpdateStatus"] = {"State": "updating"}

    after = stack(Constraints=["node.labels.ssd == yes"])
    _update, line, _notices = planned(stack(), after, {"shop_web": ["m1", "w1"]}, add=moving)
    assert line.endswith("(restarts at most 2 tasks)")


def test_only_the_placement_is_sent_anew():
    """Swarm compares the rest exactly: another order of equal entries would replace all tasks."""
    swarm = Placed()
    run(swarm, stack(env=["A=1", "B=2"]))
    (live,) = swarm.objects["services"].values()
    before = copy.deepcopy(live["Spec"]["TaskTemplate"])
    run(swarm, stack(env=["B=2", "A=1"], Constraints=["node.role == manager"]))
    assert live["Spec"]["TaskTemplate"] == {**before, "Placement": {"Constraints": ["node.role == manager"]}}


def with_api(swarm):
    other = service("api")["spec"]
    labels = {**LABELS, "com.docker.stack.namespace": "other"}
    swarm.add("services", **{**other, "Name": "other_api", "Labels": labels, "EndpointSpec": {"Ports": [HOST_PORT]}})


GLOBAL = {"Global": {}}
PORTS = {"ports": [HOST_PORT], "order": "start-first"}


@pytest.mark.parametrize(
    ("options", "places", "nodes", "drained"),
    [
        ({**PORTS, "replicas": 1}, ["m1"], ("m1",), ()),
        ({**PORTS, "replicas": 3}, ["m1", "w1", "w2"], NODES, ()),
        ({**PORTS, "replicas": 2}, ["m1", "w1"], NODES, ("w2",)),
        ({**PORTS, "replicas": 2, "Constraints": ["node.labels.ssd == yes"]}, ["m1", "w1"], NODES, ()),
        ({**PORTS, "mode": GLOBAL}, ["m1", "w1", "w2"], NODES, ()),
        ({"order": "start-first", "replicas": 3, "MaxReplicas": 1}, ["m1", "w1", "w2"], NODES, ()),
        ({"order": "start-first", "replicas": 2, "MaxReplicas": 2}, ["m1", "m1"], ("m1",), ()),
    ],
)
def test_start_first_that_can_never_work_is_told(options, places, nodes, drained):
    before, after = stack(**options), stack(**{**options, "image": "app:2"})
    _update, _line, notices = planned(before, after, {"shop_web": places}, nodes, drained)
    (told,) = notices
    assert told.startswith("service web: its update can't work with order: start-first: ")
    assert told.endswith("; use stop-first")
    assert ("8080/tcp" if options.get("ports") else "max_replicas_per_node") in told


def test_a_port_that_another_stack_has_on_the_last_node_counts():
    options = {**PORTS, "replicas": 2}
    places = {"shop_web": ["m1", "w1"], "other_api": ["w2"]}
    before, after = stack(**options), stack(**{**options, "image": "app:2"})
    (told,) = planned(before, after, places, add=with_api)[2]
    assert "on m1, w1, its old task has the port 8080/tcp; on w2, other_api has the port 8080/tcp" in told


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({**PORTS, "replicas": 2}, {"image": "app:2"}),  # a node is left
        ({**PORTS, "replicas": 3}, {"image": "app:2", "order": "stop-first"}),
        ({**PORTS, "replicas": 3}, {"image": "app:2", "replicas": 2}),  # one of the old ones goes first
        ({"order": "start-first", "replicas": 3}, PORTS),  # the old tasks have no such port
        ({"order": "start-first", "replicas": 3, "MaxReplicas": 1}, {"image": "app:2", "MaxReplicas": 2}),
        ({**PORTS, "replicas": 3}, {"Constraints": ["node.role != nobody"]}),  # all tasks stay
    ],
)
def test_start_first_that_can_work_is_not(before, after):
    places = {"shop_web": ["m1", "w1", "w2"][: before["replicas"]]}
    assert not planned(stack(**before), stack(**{**before, **after}), places)[2]
