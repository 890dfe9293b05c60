import sys
from pathlib import Path

from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.observe import observe
from ansible_collections.stackwright.swarm.plugins.module_utils.info.stack_info import stack_info
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import (
    LOCK,
    NAMESPACE,
    RECORD,
    STACK,
    name_of,
)

sys.path.insert(0, str(Path(__file__).parent))

from fake_swarm import FakeSwarm


def busy():
    swarm = FakeSwarm()
    swarm.add("configs", Name="shop_page", Labels={NAMESPACE: "shop"}, Data="cGFnZQ==")
    swarm.add(
        "configs", Name="stackwright.lock.shop", Labels={NAMESPACE: "shop", STACK: "shop", LOCK: "{}"}, Data="eA=="
    )
    swarm.add("configs", Name="stackwright.rev.shop.1", Labels={STACK: "shop", RECORD: "{}"}, Data="eA==")
    return swarm


def test_lock_and_revisions_are_no_configs_of_the_stack():
    observed = observe(busy(), "shop")
    assert [name_of(config) for config in observed["configs"]] == ["shop_page"]
    assert name_of(observed["lock"]) == "stackwright.lock.shop"
    assert [stack["configs"] for stack in stack_info(busy())["stacks"]] == [["shop_page"]]


def test_nobody_works_on_a_stack_without_a_lock():
    assert observe(FakeSwarm(), "shop")["lock"] is None
