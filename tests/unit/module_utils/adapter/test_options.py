"""Numbers that would mean no limit, or none at all, are refused with their name and their range."""

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.options import RANGES, check_ranges
from ansible_collections.stackwright.swarm.plugins.module_utils.errors import StackwrightError


@pytest.mark.parametrize(
    ("rollout", "said"),
    [
        ({"timeout": 0}, "rollout.timeout must be from 1 to 86400, not 0."),
        ({"timeout": -5}, "rollout.timeout must be from 1 to 86400, not -5."),
        ({"stable_for": -0.5}, "rollout.stable_for must be from 0 to 86400, not -0.5."),
        ({"stable_for": float("nan")}, "rollout.stable_for must be from 0 to 86400, not nan."),
        ({"stable_for": float("inf")}, "rollout.stable_for must be from 0 to 86400, not inf."),
        ({"max_restarts": -1}, "rollout.max_restarts must be from 0 to 1000, not -1."),
        ({"poll_interval": 0.0}, "rollout.poll_interval must be from 0.05 to 10, not 0."),
    ],
)
def test_a_number_out_of_its_range(rollout, said):
    with pytest.raises(StackwrightError) as refused:
        check_ranges({"rollout": rollout})
    assert (refused.value.error_code, refused.value.message) == ("invalid_options", said)


def test_all_of_them_are_named_at_once():
    with pytest.raises(StackwrightError) as refused:
        check_ranges({"keep_revisions": 0, "rollout": {"timeout": 0}})
    assert "rollout.timeout" in refused.value.message
    assert "keep_revisions" in refused.value.message


def test_what_is_not_given_or_at_its_limits_is_fine():
    check_ranges({"rollout": None, "keep_revisions": None})
    for number in (0, 1):
        flat = {name: limits[number] for name, limits in RANGES.items()}
        rollout = {name.split(".")[1]: value for name, value in flat.items() if "." in name}
        check_ranges({**flat, "rollout": rollout})
