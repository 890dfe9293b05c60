import os

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.cluster_action import collection_state, served
from ansible_collections.stackwright.swarm.plugins.plugin_utils.hosts.election import Outcome

LOOKED = {"stack": "shop", "cluster_id": "c", "changed": True, "plan_id": "of a later look"}


def test_a_manager_that_was_served_shows_the_plan_that_all_of_them_may_carry_out():
    found = served(Outcome("m1", "d", plan_id="p"), "d", LOOKED)
    assert found == {"changed": False, "done_by": "m1", "stack": "shop", "cluster_id": "c", "plan_id": "p"}


def test_a_failure_of_the_one_is_a_failure_of_all():
    found = served(Outcome("m1", "d", True, "plan_stale"), "d", LOOKED)
    assert (found["failed"], found["error_code"], "plan_id" in found) == (True, "plan_stale", False)


def test_other_files_are_a_conflict():
    with pytest.raises(StackwrightError) as refused:
        served(Outcome("m1", "d"), "e", LOOKED)
    assert refused.value.error_code == "conflict"


def test_other_code_of_the_collection_is_another_run(tmp_path):
    code = tmp_path / "plugins" / "module_utils" / "core" / "plain.py"
    code.parent.mkdir(parents=True)
    code.write_text("")
    states = [collection_state(tmp_path)]
    os.utime(code, (1, 1))
    states.append(collection_state(tmp_path))
    (code.parent / "shape.py").write_text("")
    states.append(collection_state(tmp_path))
    for listed in ("{}", "[]"):  # installed: what Galaxy lists counts, and no times
        (tmp_path / "FILES.json").write_text(listed)
        states.append(collection_state(tmp_path))
        os.utime(code, (2, 2))
        assert collection_state(tmp_path) == states[-1]
    assert len({str(state) for state in states}) == len(states)


def test_the_code_is_that_of_this_collection():
    assert any(str(entry).find("module_utils/engine/trace.py") > 0 for entry in collection_state())
