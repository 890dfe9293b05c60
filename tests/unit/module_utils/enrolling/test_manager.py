"""The lock of the Swarm's membership: its errors name it, and not a stack."""

import sys
from pathlib import Path

import pytest
from fake_clock import Clock

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.enrolling.manager import Manager, hold, let_go

sys.path.insert(0, str(Path(__file__).parents[1] / "deploy"))
from fake_swarm import FakeSwarm


@pytest.mark.parametrize("taken_over", [False, True])
def test_a_lost_lock_is_that_of_the_membership(taken_over):
    swarm, clock = FakeSwarm(), Clock()
    run = hold(swarm, clock, {"who": "ann"}, lambda holder: False, 1.0)
    let_go(swarm, clock, run)
    if taken_over:
        hold(swarm, clock, {"who": "bob"}, lambda holder: False, 1.0)
    with pytest.raises(StackwrightError) as caught:
        Manager(swarm, clock, run, 1.0)
    assert caught.value.error_code == "lock_lost"
    assert caught.value.message.startswith("The lock of the Swarm's membership was lost: ")
    assert caught.value.hint == "This run changed nothing more. Run again: it continues from the current state."
