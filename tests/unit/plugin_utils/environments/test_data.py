"""The data of a clone: which volumes are copied, and on which node."""

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.plugin_utils.environments.data import copies_of, placed


def stack(environment, name="shop", volumes=("data",), nodes=("w1",), desired=1):
    full = f"acme-{environment}-{name}"
    tasks = [{"node": node, "desired_state": "running"} for node in nodes]
    mounted = [f"{full}_{volume}" for volume in volumes]
    service = {"name": f"{full}_db", "volumes": mounted, "tasks": tasks, "desired": desired, "labels": {}}
    return {"owner": {"project": "acme", "environment": environment, "name": name}, "services": [service]}


def copies(names, *stacks):
    return copies_of(names, stacks, "acme", "pr-12", "production")


def look(host, changed=True, **more):
    found = {"host": host, "item": {"target": "acme-pr-12-shop_data"}, "changed": changed}
    return {**found, "node": host, "node_id": f"id-{host}", **more}


@pytest.mark.parametrize("names", [["shop_data"], ["data"], ["data", "shop_data"]])
def test_a_volume_is_named_with_its_stack_or_alone(names):
    (one,) = copies(names, stack("production"), stack("other", volumes=["data", "more"]))
    assert (one["source"], one["target"]) == ("acme-production-shop_data", "acme-pr-12-shop_data")
    assert one["users"] == []


def test_services_of_the_clone_that_are_to_run():
    (one,) = copies(["data"], stack("production"), stack("pr-12"))
    assert one["users"] == [{"name": "shop", "service": "db"}]
    (one,) = copies(["data"], stack("production"), stack("pr-12", desired=0))
    assert one["users"] == []


@pytest.mark.parametrize(
    ("name", "said"),
    [
        pytest.param("shop_dat", "has no volume shop_dat.*shop_data, web_data", id="unknown"),
        pytest.param("data", "has several volumes data", id="several"),
    ],
)
def test_names_that_are_no_volume(name, said):
    with pytest.raises(StackwrightError, match=f"(?s){said}") as raised:
        copies([name], stack("production"), stack("production", "web"))
    assert raised.value.error_code == "no_volume"


@pytest.mark.parametrize(
    ("looks", "nodes", "host"),
    [
        pytest.param([look("w1"), look("w2")], ["w1"], "w1", id="old-volume-on-another-node"),
        pytest.param([look("w2")], [], "w2", id="stopped"),
        pytest.param([look("w1", changed=False, error_code="volume_in_use")], ["w1"], "w1", id="in-use"),
        pytest.param([look("w1", changed=False), look("w2")], ["w2"], "w1", id="copied-before-it-moved"),
        pytest.param([look("w1"), look("again", node="w1", node_id="id-w1")], ["w1"], "again", id="one-node-twice"),
    ],
)
def test_the_node_of_the_data(looks, nodes, host):
    live = [stack("production", nodes=nodes)]
    (one,) = placed(copies(["data"], *live), live, looks, refresh=False)
    assert one["host"] == host and one["copied"] == any(
        not seen["changed"] and "error_code" not in seen for seen in looks
    )


@pytest.mark.parametrize(
    ("looks", "nodes"),
    [
        pytest.param([], ["w1"], id="not-in-the-play"),
        pytest.param([look("m1")], ["w1"], id="only-an-old-one"),
        pytest.param([look("w1"), look("w2")], ["w1", "w2"], id="several"),
        pytest.param([look("w1")], ["w1", "w2"], id="one-of-several"),
        pytest.param([look("w1"), look("w2")], [], id="stopped-on-several"),
        pytest.param([{"host": "w1", "item": {"target": "acme-pr-12-shop_data"}}], ["w1"], id="unreachable"),
    ],
)
def test_data_that_is_elsewhere(looks, nodes):
    live = [stack("production", nodes=nodes)]
    with pytest.raises(StackwrightError) as raised:
        placed(copies(["data"], *live), live, looks, refresh=False)
    assert raised.value.error_code == "volume_elsewhere"


def test_a_clone_that_runs_without_the_data():
    live = [stack("production"), stack("pr-12")]
    with pytest.raises(StackwrightError) as raised:
        placed(copies(["data"], *live), live, [look("w1")], refresh=False)
    assert raised.value.error_code == "volume_in_use"
    assert placed(copies(["data"], *live), live, [look("w1")], refresh=True)
    assert placed(copies(["data"], *live), live, [look("w1", changed=False)], refresh=False)
