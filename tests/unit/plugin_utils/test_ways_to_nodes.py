"""For objects left on nodes without a host in the play, the result names the host pattern to use."""

import pytest

from ansible_collections.stackwright.swarm.plugins.action.stack_cleanup import ways_to_nodes

SAID = "no host of the play cleaned up this node"


@pytest.mark.parametrize(
    "nodes, hosts, known, told",
    [
        (["w2"], ["m1", "w1"], ["m1", "w1", "w2"], {"w2": f"{SAID}; run it with hosts: m1:w1:w2"}),
        (["w1", "w2"], ["m1"], ["m1", "w1", "w2"], dict.fromkeys(["w1", "w2"], f"{SAID}; run it with hosts: m1:w1:w2")),
        (
            ["w2"],
            [f"m{n}" for n in range(20)],
            ["w2"],
            {"w2": f"{SAID}; run it with hosts: swarm_managers:swarm_nodes:w2"},
        ),
        (["w9"], ["m1"], ["m1"], {"w9": f"{SAID}; the inventory has no host w9: add it, and include it in hosts"}),
        ([], ["m1"], ["m1"], {}),
    ],
)
def test_the_way_to_a_node_that_was_left_out(nodes, hosts, known, told):
    assert ways_to_nodes(nodes, hosts, known) == told
