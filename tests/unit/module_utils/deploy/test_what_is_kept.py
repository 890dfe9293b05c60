"""Objects that are no longer in the files are removed, or the plan has the reason why they are kept."""

import copy
import sys
from pathlib import Path

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.transaction import deploy_stack
from ansible_collections.stackwright.swarm.plugins.module_utils.tasks.rollback import roll_back

sys.path.insert(0, str(Path(__file__).parent))
from builders import LABELS, content, desired, reference, service
from fake_clock import Clock
from fake_swarm import FakeSwarm

OPTIONS = {"wait": True, "resolve_image": "never"}


def deploy(swarm, state, **options):
    return deploy_stack(swarm, Clock(), state, {**OPTIONS, **options})


def on(network):
    """A service without tasks that was moved to a network."""
    state = desired([service("web", replicas=0)])
    spec = {"Name": f"shop_{network}", "Driver": "overlay", "Labels": LABELS}
    state["networks"] = [{"key": network, "name": f"shop_{network}", "external": False, "spec": spec}]
    (web,) = state["services"]
    web["spec"]["TaskTemplate"]["Networks"] = [{"Target": f"shop_{network}", "Aliases": ["web"]}]
    return state


def test_a_network_that_services_have_left_goes_in_the_same_run():
    swarm = FakeSwarm()
    deploy(swarm, on("old"))
    announced = deploy(swarm, on("new"), check=True)
    done = deploy(swarm, on("new"))
    assert done["plan"] == announced["plan"]
    assert done["plan_lines"][-1] == "remove network shop_old: not in the file"
    assert swarm.names("networks") == ["shop_new"]
    assert not deploy(swarm, on("new"))["changed"]
    roll_back(swarm, Clock(), "shop", OPTIONS)
    assert swarm.names("networks") == ["shop_old"]


def test_where_nobody_waits_it_stays_and_that_is_told():
    swarm = FakeSwarm()
    deploy(swarm, on("old"))
    done = deploy(swarm, on("new"), wait=False)
    (told,) = done["notices"]
    assert "network shop_old is kept" in told and "shop_web" in told
    assert not deploy(swarm, on("new"), wait=False)["changed"]
    assert deploy(swarm, on("new"))["plan_lines"] == ["remove network shop_old: not in the file"]


@pytest.mark.parametrize("kind", ["Config", "Secret"])
def test_what_a_revision_needs_is_a_keep(kind):
    swarm = FakeSwarm()
    plural = f"{kind.lower()}s"
    with_it = desired(
        [service("web", replicas=0, **{f"{kind}s": [reference(kind, "it")]})], **{plural: [content("it", "x")]}
    )
    without = desired([service("web", replicas=0)])
    deploy(swarm, with_it)
    deploy(swarm, without)
    other = copy.deepcopy(without)
    other["services"][0]["spec"]["Labels"]["new"] = "label"
    done = deploy(swarm, other)
    line = f"keep {kind.lower()} shop_it: no longer in the file, but revision 1 needs it"
    assert line in done["plan_lines"]
    assert [op["action"] for op in done["plan"] if op["name"] == "shop_it"] == ["keep"]
    assert not deploy(swarm, other)["changed"]
