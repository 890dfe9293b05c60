"""Swarm can't change a network: with `recreate`, a new one is created beside it, and the old one is removed."""

import copy
import sys
from pathlib import Path

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import PlanError, StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.transaction import deploy_stack
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.rollback import roll_back

sys.path.insert(0, str(Path(__file__).parent))
from builders import LABELS, NETWORK_CHANGES, desired, service
from fake_clock import Clock
from fake_swarm import FakeSwarm

OPTIONS = {"resolve_image": "never", "recreate": True}


def deploy(swarm, state, **options):
    return deploy_stack(swarm, Clock(), copy.deepcopy(state), {**OPTIONS, **options})


def back(**spec):
    """A service without tasks on the network ``back``."""
    state = desired([service("web", replicas=0)])
    spec = {"Name": "shop_back", "Driver": "overlay", "Labels": LABELS, **spec}
    state["networks"] = [{"key": "back", "name": "shop_back", "external": False, "spec": spec}]
    state["services"][0]["spec"]["TaskTemplate"]["Networks"] = [{"Target": "shop_back", "Aliases": ["web"]}]
    return state


@pytest.fixture
def swarm():
    made = FakeSwarm()
    deploy(made, back())
    return made


def network(swarm):
    """The one network of the stack; web is on it."""
    (found,) = swarm.objects["networks"].values()
    (web,) = (obj for obj in swarm.objects["services"].values() if obj["Spec"]["Name"] == "shop_web")
    (attached,) = web["Spec"]["TaskTemplate"]["Networks"]
    assert attached == {"Target": found["Id"], "Aliases": ["web"]}
    return found


@pytest.mark.parametrize("change", NETWORK_CHANGES)
def test_a_network_that_changed_is_replaced_in_one_run(swarm, change):
    announced = deploy(swarm, back(**change), check=True)
    done = deploy(swarm, back(**change))
    assert done["plan"] == announced["plan"]
    create, update, remove = [op for op in done["plan"] if op["action"] != "keep"]
    assert create["reason"].startswith("replaces shop_back: ") and create["name"].startswith("shop_back_")
    assert (update["kind"], update["name"]) == ("service", "shop_web")
    assert (remove["name"], remove["reason"]) == ("shop_back", f"replaced by {create['name']}")
    found = network(swarm)
    assert found["Name"] == create["name"]
    assert {**found, **change} == found
    assert not deploy(swarm, back(**change))["changed"]
    assert not deploy(swarm, back(**change), recreate=False)["changed"]


def test_without_the_option_it_is_an_error_that_names_it(swarm):
    with pytest.raises(PlanError) as failed:
        deploy(swarm, back(Attachable=True), recreate=False)
    assert failed.value.error_code == "unsafe_change" and "recreate: true" in failed.value.hint
    deploy(swarm, back(Attachable=True))
    with pytest.raises(PlanError, match="shop_back_[0-9a-f]{8}: Attachable true → false"):
        deploy(swarm, back(), recreate=False)


def test_to_and_fro_and_back_to_any_revision(swarm):
    for change in ({"Attachable": True}, {"Internal": True}, {}, {"Attachable": True}):
        deploy(swarm, back(**change))
        assert network(swarm).get("Attachable", False) == change.get("Attachable", False)
        assert not deploy(swarm, back(**change), recreate=False)["changed"]
    for number in (1, 3, 4, 2):
        roll_back(swarm, Clock(), "shop", {"resolve_image": "never", "to": number})
        assert network(swarm).get("Attachable", False) == (number == 2)
        assert network(swarm).get("Internal", False) == (number == 3)


def test_a_failure_puts_all_back(swarm):
    before = copy.deepcopy(network(swarm))

    def fail(method, path):
        if method == "POST" and path.startswith("/services/") and swarm.coming == "shop_web":
            swarm.before = lambda method, path: None
            raise StackwrightError("a fault", "invalid_spec")

    swarm.before = fail
    with pytest.raises(StackwrightError, match="a fault"):
        deploy(swarm, back(Attachable=True))
    assert network(swarm) == before


def test_it_is_refused_while_another_stack_uses_it(swarm):
    other = service("api")["spec"]
    other["TaskTemplate"]["Networks"] = [{"Target": "shop_back"}]
    swarm.add("services", **{**other, "Name": "other_api", "Labels": {"com.docker.stack.namespace": "other"}})
    writes = len(swarm.writes)
    with pytest.raises(PlanError, match="network back: shop_back can't be replaced: other_api uses it") as failed:
        deploy(swarm, back(Internal=True), check=True)
    assert failed.value.error_code == "unsafe_change" and len(swarm.writes) == writes


def test_it_is_refused_while_a_container_is_attached_to_it(swarm):
    (old,) = swarm.objects["networks"]
    spec = {"NetworkAttachmentSpec": {"ContainerID": "a" * 64}, "Networks": [{"Target": old}]}
    get = swarm.get

    def with_attachments(path, query=None, **more):
        asked = path == "/tasks" and "runtime" in ((query or {}).get("filters") or {})
        return [{"ID": "t", "NodeID": "n1", "Spec": spec}] if asked else get(path, query, **more)

    swarm.get = with_attachments
    with pytest.raises(PlanError, match="the container aaaaaaaaaaaa on the node n1 uses it"):
        deploy(swarm, back(Internal=True), check=True)
    assert not deploy(swarm, back(), check=True)["changed"]


def test_a_part_of_the_stack_does_not_leave_the_rest_on_the_old_one(swarm):
    both = back()
    both["services"].append(copy.deepcopy(service("zz", replicas=0)))
    both["services"][1]["spec"]["TaskTemplate"]["Networks"] = [{"Target": "shop_back"}]
    deploy(swarm, both)
    with pytest.raises(PlanError, match="shop_zz uses it"):
        deploy(swarm, {**back(Internal=True), "part": ["web"]}, prune=False, check=True)
