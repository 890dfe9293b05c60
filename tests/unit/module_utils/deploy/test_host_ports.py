"""Host-mode ports that are not free on any node: an error before any change if that is certain, else a notice."""

import sys
from pathlib import Path

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import EngineError

sys.path.insert(0, str(Path(__file__).parent))
from builders import LABELS, desired, service
from test_placement import GLOBAL, HOST_PORT, NODES, Placed, run, stack

ON_M1 = {"Constraints": ["node.role == manager"]}
ON_WORKERS = {"Constraints": ["node.role != manager"]}
JOB = {"ReplicatedJob": {"MaxConcurrent": 1, "TotalCompletions": 1}}


class Shared(Placed):
    """Adds ``other_api`` of another stack, which has the port on the nodes ``held``."""

    def __init__(self, held, nodes=NODES, drained=(), down=(), **more):
        super().__init__(nodes, drained)
        self.read = []
        for node in self.nodes:
            if node["Description"]["Hostname"] in down:
                node["Status"] = {"State": "down"}
        if held:
            labels = {**LABELS, "com.docker.stack.namespace": "other"}
            spec = {**service("api")["spec"], "Name": "other_api", "Labels": labels}
            spec.update(EndpointSpec={"Ports": [HOST_PORT]}, **more)
            spec["TaskTemplate"]["Networks"] = []
            self.add("services", **spec)
            self.places["other_api"] = held

    def get(self, path, query=None, headers=None, stream=False, timeout=None):
        self.read.append(path)
        return super().get(path, query, headers, stream, timeout)


def web(**options):
    return stack(**{"ports": [HOST_PORT], "replicas": 1, **options})


def checked(swarm, state, **options):
    """The notices of check mode."""
    return run(swarm, state, check=True, wait=True, **options)["notices"]


def refused(swarm, state):
    with pytest.raises(EngineError) as caught:
        checked(swarm, state)
    assert caught.value.error_code == "host_port" and caught.value.hint.endswith("Nothing was changed.")
    writes = len(swarm.objects["services"])
    with pytest.raises(EngineError, match="host port|lacks"):
        run(swarm, state, wait=True)  # the run itself, before its lock has changed anything
    assert len(swarm.objects["services"]) == writes
    return caught.value.message


def test_a_port_that_another_stack_has_on_every_node_is_refused():
    assert refused(Shared(["m1", "w1", "w2"]), web()) == (
        "service web (compose.yml:1): its task can't have the host port 8080/tcp; there is capacity for 0: "
        "m1 has 8080/tcp taken by service other_api; w1 has 8080/tcp taken by service other_api; "
        "w2 has 8080/tcp taken by service other_api."
    )


@pytest.mark.parametrize(
    ("swarm", "state"),
    [
        (lambda: Shared(["m1"]), lambda: web(**ON_M1)),
        (lambda: Shared(["m1", "w1"], drained=["w2"]), web),
        (lambda: Shared([]), lambda: web(replicas=4)),
        (lambda: Shared([]), lambda: web(replicas=3, **ON_WORKERS)),
        (lambda: Shared(["w1"]), lambda: web(mode=GLOBAL)),
        (lambda: Shared(["m1"]), lambda: web(replicas=3)),
    ],
)
def test_what_no_node_can_run_is_refused(swarm, state):
    assert "8080/tcp" in refused(swarm(), state())


def test_two_services_of_the_stack_on_the_only_node():
    state = desired([{**web()["services"][0]}, {**web()["services"][0], "key": "aside", "name": "shop_aside"}])
    state["services"][0]["spec"] = {**state["services"][0]["spec"], "Name": "shop_aside"}
    assert "taken by the stack itself" in refused(Shared([], nodes=("m1",)), state)


@pytest.mark.parametrize(
    ("swarm", "state"),
    [
        (lambda: Shared(["m1", "w1"]), web),
        (lambda: Shared(["m1"]), lambda: web(**ON_WORKERS)),
        (lambda: Shared(["m1"]), lambda: web(mode=GLOBAL, **ON_WORKERS)),
        (lambda: Shared(["m1", "w1", "w2"]), lambda: web(replicas=0)),
        (lambda: Shared(["m1", "w1", "w2"]), lambda: web(mode=JOB)),
        (lambda: Shared(["m1", "w1", "w2"]), lambda: web(ports=[{**HOST_PORT, "Protocol": "udp"}])),
        (lambda: Shared(["m1", "w1", "w2"]), lambda: web(ports=[{**HOST_PORT, "PublishedPort": 0}])),
    ],
)
def test_what_swarm_can_place_is_neither_refused_nor_told(swarm, state):
    assert not checked(swarm(), state())


@pytest.mark.parametrize(
    ("swarm", "options"),
    [
        (lambda: Shared(["m1", "w1"], down=["w2"]), {}),  # it may return
        (lambda: Shared(["m1", "w1", "w2"]), {"wait": False}),
    ],
)
def test_what_may_yet_be_placed_is_a_notice(swarm, options):
    found = swarm()
    (told,) = run(found, web(), check=True, **{"wait": True, **options})["notices"]
    assert told.startswith("service web (compose.yml:1): its task can't have the host port 8080/tcp")


def test_an_update_of_what_another_service_has_is_told_while_its_tasks_move():
    swarm = Shared(["m1", "w1", "w2"])
    for obj in swarm.objects["services"].values():
        obj["UpdateStatus"] = {"State": "updating"}
    assert len(checked(swarm, web())) == 1


def test_a_service_that_goes_on_with_its_port_is_not_judged_again():
    """Also if it had one task too many before."""
    swarm = Shared([])
    run(swarm, web(replicas=4))
    swarm.places = {"shop_web": list(NODES)}
    assert not checked(swarm, web(replicas=4, image="app:2"))
    assert "4 tasks" not in refused(swarm, web(replicas=5))


def test_a_port_that_changes_hands_within_the_stack():
    swarm = Shared([], nodes=("m1",))
    run(swarm, web())
    swarm.places = {"shop_web": ["m1"]}
    other = web()["services"][0]
    other = {**other, "key": "aside", "name": "shop_aside", "spec": {**other["spec"], "Name": "shop_aside"}}
    assert not checked(swarm, desired([other]))
    assert not checked(swarm, desired([other, stack(replicas=1)["services"][0]]))


def test_nodes_and_tasks_are_read_only_for_contested_ports():
    swarm = Shared(["m1"])
    checked(swarm, stack(replicas=2))
    checked(swarm, web(ports=[{**HOST_PORT, "PublishedPort": 8081}]))
    assert not {"/nodes", "/tasks"} & set(swarm.read)
    checked(swarm, web())
    assert [swarm.read.count(path) for path in ("/nodes", "/tasks")] == [1, 1]
