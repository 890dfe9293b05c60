"""A node of the Swarm is lost: what is said of its services, and what it keeps from being changed."""

import sys
from pathlib import Path

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.overview import swarm_info
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.transaction import deploy_stack
from ansible_collections.stackwright.swarm.plugins.module_utils.errors import DeployError

sys.path.insert(0, str(Path(__file__).parent))
from builders import desired, service
from fake_nodes import NodedSwarm
from fake_swarm import Clock

OPTIONS = {"resolve_image": "never", "stable_for": 0.5, "timeout": 60}


def placed(key, node, image="app:1", **more):
    made = service(key, image, **more)
    made["spec"]["TaskTemplate"]["Placement"] = {"Constraints": [f"node.hostname=={node}"]}
    return made


def shop(image="app:1", **more):
    """``web`` can run anywhere, ``db`` on w2 alone."""
    return desired([placed("db", "w2"), service("web", image, **more)])


@pytest.fixture
def swarm():
    return NodedSwarm(Clock())


def deploy(swarm, state, **options):
    return deploy_stack(swarm, swarm.clock, state, {**OPTIONS, **options})


def statuses(result):
    return {found["name"][5:]: found["status"] for found in result["services"]}


# -- no false green


@pytest.mark.parametrize("state", ["down", "disconnected", "unknown"])
def test_the_engines_counts_are_believed_only_while_all_nodes_are_ready(swarm, state):
    deploy(swarm, shop())
    swarm.calls = 0
    assert statuses(deploy(swarm, shop())) == {"db": "healthy", "web": "healthy"}
    quick = swarm.calls
    swarm.lose("w1", state)  # nothing that matters runs there
    swarm.calls = 0
    assert statuses(deploy(swarm, shop())) == {"db": "healthy", "web": "healthy"}
    assert quick < swarm.calls <= quick + 2, "the tasks, and once more the nodes"


def test_a_service_whose_node_is_lost_is_not_healthy_although_the_engine_counts_its_task(swarm):
    deploy(swarm, shop())
    swarm.lose("w2")
    assert statuses(deploy(swarm, shop(), wait=False))["db"] != "healthy"
    assert statuses(deploy(swarm, shop("app:2"), wait=False))["db"] != "healthy"
    found = swarm_info(swarm, ["stacks", "services"])
    assert [item["status"] for item in found["services"] if item["name"] == "shop_db"] != ["healthy"]
    assert found["stacks"][0]["status"] != "healthy"
    with pytest.raises(DeployError) as failed:
        deploy(swarm, shop("app:2"))
    assert "Nothing was changed" in str(failed.value)


def test_a_lone_node_is_not_asked_for_its_state(swarm):
    alone = NodedSwarm(Clock(), ["m1"])
    state = desired([service("web")])
    deploy(alone, state)
    alone.calls, looked = 0, []
    alone.before = lambda method, path: looked.append(path)
    assert statuses(deploy(alone, state)) == {"web": "healthy"}
    assert "/nodes" not in looked and "/tasks" not in looked
