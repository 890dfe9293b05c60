"""The warnings about services that must not fail the task."""

from ansible_collections.stackwright.swarm.plugins.module_utils.health.statuses import (
    DEGRADED,
    FAILED,
    HEALTHY,
    PROGRESSING,
    Judgement,
    warnings_of,
)


def judged(status, running, desired, **more):
    return Judgement("shop_web", status, "replicated", desired, running, **more)


def test_each_service_that_does_not_run_as_it_should_is_a_sentence():
    assert warnings_of([judged(FAILED, 0, 2, message="boom")]) == ["shop_web does not run (0/2): boom."]
    found = judged(DEGRADED, 1, 2, message="x", fatal="boom", lost="its task was on w2")
    assert warnings_of([found]) == ["shop_web runs with fewer tasks than it should (1/2): boom; its task was on w2."]
    assert warnings_of([found._replace(fatal="its task was on w2")]) == [
        "shop_web runs with fewer tasks than it should (1/2): its task was on w2."
    ]


def test_what_runs_and_is_still_watched_is_none():
    assert warnings_of([judged(HEALTHY, 2, 2), judged(PROGRESSING, 2, 2, message="Swarm still monitors it")]) == []
