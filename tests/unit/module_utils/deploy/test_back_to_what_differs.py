"""A rollback without a number leads to the newest good revision that differs; without one, there is a warning."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from fake_swarm import FakeSwarm
from runs import back, deploy
from test_jobs_on_the_way_back import live, version


@pytest.fixture
def swarm():
    return FakeSwarm()


def by_hand(swarm, text):
    """Another client changes the service; the next deployment of the same files creates an equal revision."""
    web = next(s for s in swarm.objects["services"].values() if s["Spec"]["Name"] == "shop_web")
    web["Spec"]["TaskTemplate"]["ContainerSpec"]["Env"] = [f"V={text}"]


@pytest.mark.parametrize("equal", [1, 3])
def test_revisions_that_are_as_the_present_one_are_passed_over(swarm, equal):
    for number in (1, 2):
        deploy(swarm, version(number))
    for _again in range(equal):
        by_hand(swarm, "hand")
        deploy(swarm, version(2))
    done = back(swarm)
    assert (done["to"], done["changed"], live(swarm)["web"]) == (1, True, "1")
    assert not any("nothing was changed" in notice for notice in done["notices"])


@pytest.mark.parametrize("check", [False, True])
def test_where_none_differs_a_warning_says_so(swarm, check):
    deploy(swarm, version(1))
    by_hand(swarm, "hand")
    deploy(swarm, version(1))
    done = back(swarm, check=check)
    assert (done["to"], done["changed"]) == (1, False)
    assert any("already as in revision 1" in notice and "1 and 2" in notice for notice in done["notices"])


def test_what_only_a_job_would_change_counts_where_jobs_are_run(swarm):
    deploy(swarm, version(1))
    deploy(swarm, version(2))
    state = version(2)
    next(s for s in state["services"] if s["key"] == "migrate")["spec"]["TaskTemplate"]["ContainerSpec"]["Env"] = [
        "V=3"
    ]
    deploy(swarm, state)
    assert back(swarm, check=True)["to"] == 1
    assert back(swarm, rerun_jobs=True, check=True)["to"] == 2


def test_a_number_is_taken_by_its_word_also_where_nothing_differs(swarm):
    deploy(swarm, version(1))
    by_hand(swarm, "hand")
    deploy(swarm, version(1))
    done = back(swarm, 1)
    assert not done["changed"] and done["notices"] == []
