"""Golden cases: tests/unit/cases/restore/CASE/{before,now,names,options}.json and plan.txt, read as prose.

STACKWRIGHT_WRITE_GOLDEN=1 writes plan.txt where it is missing; review it before it is committed.
"""

import copy
import json
import os
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.stackwright.swarm.plugins.module_utils.binding.bind import bind
from ansible_collections.stackwright.swarm.plugins.module_utils.cluster.observe import look_closer, observe
from ansible_collections.stackwright.swarm.plugins.module_utils.deploy.apply import Apply
from ansible_collections.stackwright.swarm.plugins.module_utils.plan.operations import CHANGE
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.reconcile import reconcile
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.labels import KEY_CONFIG, name_of
from ansible_collections.stackwright.swarm.plugins.module_utils.transitions.restore import restoration

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "deploy"))
from builders import any_state
from fake_clock import Clock
from fake_swarm import FakeSwarm

CASES = Path(__file__).resolve().parents[2] / "cases" / "restore"


def read(folder, name):
    path = folder / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else {}


@pytest.mark.parametrize("case", sorted(path.name for path in CASES.iterdir()))
def test_the_plan(case):
    folder = CASES / case
    before, now, options = (read(folder, name) for name in ("before", "now", "options"))
    names = {tuple(name) for name in read(folder, "names")}
    given_ = copy.deepcopy((before, now))
    text = "".join(f"{line}\n" for line in restoration("shop", before, now, names, **options).lines())
    golden = folder / "plan.txt"
    if os.environ.get("STACKWRIGHT_WRITE_GOLDEN") and not golden.exists():
        golden.write_text(text)
    assert text == golden.read_text()
    assert (before, now) == given_, "planning has changed its input"


def planned(swarm, state):
    """The plan to ``state`` with its inputs."""
    observed = look_closer(swarm, observe(swarm, "shop", state), state)
    options = {"resolve_image": "never", "recreate": True}
    return observed, reconcile(bind(state, observed), observed, options)


def touched(plan):
    return {(op.kind, op.name) for op in plan.work(CHANGE)}


def apply(swarm, state, operations):
    Apply(swarm, Clock(), observe(swarm, "shop", state)).run(operations)


def specs(swarm):
    """All objects by kind and name, without ids, versions and the key of the cluster."""
    return {
        (kind, name_of(obj)): copy.deepcopy(obj.get("Spec") or {k: v for k, v in obj.items() if k != "Id"})
        for kind, objects in swarm.objects.items()
        for obj in objects.values()
        if name_of(obj) != KEY_CONFIG
    }


@pytest.mark.slow
@settings(max_examples=60, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
@given(any_state(), any_state(), st.data())
def test_whatever_was_done_of_a_plan_the_restoration_brings_back_what_was(first, second, data):
    swarm = FakeSwarm()
    apply(swarm, first, planned(swarm, first)[1].work())
    was = specs(swarm)
    before, plan = planned(swarm, second)
    work = plan.work(CHANGE)
    apply(swarm, second, work[: data.draw(st.integers(0, len(work)))])
    now = observe(swarm, "shop", second)
    undo = restoration("shop", before, now, touched(plan))
    apply(swarm, second, undo.work())
    assert specs(swarm) == was
    again = restoration("shop", before, observe(swarm, "shop", second), touched(plan))
    assert not [op for op in again.work() if op.action != "create"]


@pytest.mark.slow
@settings(max_examples=30, deadline=None, database=None)
@given(any_state(), any_state())
def test_after_a_restoration_the_plan_is_the_same_again(first, second):
    swarm = FakeSwarm()
    apply(swarm, first, planned(swarm, first)[1].work())
    before, plan = planned(swarm, second)
    apply(swarm, second, plan.work(CHANGE))
    apply(swarm, second, restoration("shop", before, observe(swarm, "shop", second), touched(plan)).work())
    lines = [line for line in plan.lines(keep=False) if KEY_CONFIG not in line]
    assert [line for line in planned(swarm, second)[1].lines(keep=False) if KEY_CONFIG not in line] == lines
