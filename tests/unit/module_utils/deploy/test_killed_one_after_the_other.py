"""Two runs are killed, one after the other; the third fails its gate, and restores the state before both."""

import copy
import functools
import sys
from pathlib import Path

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import DeployError
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy import change as changing

sys.path.insert(0, str(Path(__file__).parent))
import builders
from fake_swarm import FakeSwarm
from runs import deploy
from test_after_a_run_that_died import gone
from test_killed_at_each_moment import Run, killed, versions
from test_what_is_left_open import fails, history

#: Every third call of each run: 9 times 9 pairs.
STEP = 3


def state(number):
    config = builders.reference("Config", "page")
    made = [builders.service(name, Env=[f"V={number}"], Configs=[config]) for name in ("a", "b", "c")]
    last = builders.service("old" if number < 3 else "new")
    return builders.desired([*made, builders.service("db"), last], [builders.content("page", f"page {number}")])


def deployed(number, **more):
    return Run(f"version {number}", lambda swarm, **how: deploy(swarm, state(number), **more, **how), None)


@functools.lru_cache
def good():
    swarm = FakeSwarm()
    for number in (1, 2):
        deploy(swarm, state(number))
    return swarm


@pytest.mark.slow
@pytest.mark.parametrize(("second", "third"), [(3, 3), (3, 4)])
def test_the_third_goes_back_to_what_was_before_both(monkeypatch, second, third):
    before, tried = versions(good()), 0
    for at in range(1, 99, STEP):
        once = copy.deepcopy(good())
        if not killed(once, deployed(3), at, True):
            break
        for later in range(1, 99, STEP):
            swarm = copy.deepcopy(once)
            if not killed(swarm, deployed(second, is_gone=gone), later, True):
                break
            if (3, "deploy", "HEALTHY") in history(swarm) or (4, "deploy", "HEALTHY") in history(swarm):
                continue  # killed after it has recorded its end
            tried += 1
            what = f"killed at its calls {at} and {later}"
            with monkeypatch.context() as patch, pytest.raises(DeployError) as error:
                patch.setattr(changing, "_glance", fails)
                deploy(swarm, state(third), is_gone=gone)
            assert error.value.details["outcome"]["rollback"] == "done", what
            # Removed after the health gate: Swarm no longer has its spec.
            missing = {} if "old" in versions(swarm) else {"old": before["old"]}
            assert versions(swarm) | missing == before, what
            assert ("Missing services of the last good revision: shop_old" in error.value.message) == bool(missing), (
                what
            )
    assert tried > 20


def test_the_error_names_the_revision_before_which_the_state_is_restored(monkeypatch):
    for at in range(1, 99):
        swarm = copy.deepcopy(good())
        assert killed(swarm, deployed(3), at, True)
        if all(versions(swarm)[name][0] == "V=3" for name in ("a", "b", "c")):
            break
    monkeypatch.setattr(changing, "_glance", fails)
    with pytest.raises(DeployError) as error:
        deploy(swarm, state(3), is_gone=gone)
    # This run has not changed any of the three.
    told = "\nRolled back to the state before revision 3, which was interrupted: 3 services restored, "
    assert told in error.value.message and error.value.message.endswith(" removed, 2 other services unchanged.")
