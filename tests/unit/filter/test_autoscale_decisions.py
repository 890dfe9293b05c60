"""The filter autoscale_decisions: numbers of other sources, and what is not valid."""

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.stackwright.swarm.plugins.filter.autoscale_decisions import autoscale_decisions

WEB = {"name": "s_web", "replicas": 2, "tasks": [], "low": 2, "high": 10, "busy": "", "unchanged_for": 900}
SEEN = [{"manager": True, "cluster_id": "c", "tasks": [], "services": [WEB]}]


@pytest.mark.parametrize(
    ("number", "key", "to"),
    [
        (50, "", 5),
        ("50\n", "", 5),
        ('{"a": [{"b": 50}]}', "a.0.b", 5),
        ('{"a": "50"}', "a", 5),
        ("", "", 2),
        (0, "", 2),
    ],
)
def test_a_number_of_another_source(number, key, to):
    (decided,) = autoscale_decisions(SEEN, "c", number, key, target="10")
    assert decided["to"] == to


@pytest.mark.parametrize(
    ("number", "key"), [("many", ""), ("-1", ""), ("nan", ""), ("inf", ""), ("{}", "a"), ("5", "a.b")]
)
def test_what_is_no_number_is_refused(number, key):
    with pytest.raises(AnsibleFilterError, match="not a number of 0 or more"):
        autoscale_decisions(SEEN, "c", number, key)


@pytest.mark.parametrize(
    "policy", [{"target": 0}, {"tolerance": 1}, {"up_after": "soon"}, {"down_after": -1}, {"x": 1}]
)
def test_a_policy_that_is_not_valid_is_refused(policy):
    with pytest.raises(AnsibleFilterError, match=next(iter(policy))):
        autoscale_decisions(SEEN, "c", **policy)


def test_an_unknown_option_is_named():
    with pytest.raises(AnsibleFilterError, match="has no option goal. Use target, tolerance"):
        autoscale_decisions(SEEN, "c", goal=50)


@pytest.mark.parametrize("given", [None, {}, [1], [{}]])
def test_only_results_are_taken(given):
    with pytest.raises(AnsibleFilterError, match="stack_load"):
        autoscale_decisions(given, "c")
