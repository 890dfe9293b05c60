"""Progress lines of a stack with many services: how many run, and each that does not."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from test_gate import service, task

from ansible_collections.stackwright.swarm.plugins.module_utils.health.gate import Before, Gate, Limits
from ansible_collections.stackwright.swarm.plugins.module_utils.health.lines import COUNT_EVERY, MANY, Lines

COUNT = 150
GIVEN = {f"s{number:03d}": {} for number in range(COUNT)}
SERVICES = [service(name, {}, None) for name in GIVEN]


def told(running_at, fails=(), seconds=60):
    """Lines with their times, of services that each run from ``running_at(number)`` on."""
    gate, lines, found = Gate(Limits(), 0.0, Before(), {}), Lines(0.0), []
    for half in range(seconds * 2):
        now = half / 2
        texts = [
            f"{name}.1 {name} failed/shutdown boom"
            if number in fails and now >= 1
            else f"{name}.1 {name} {'running' if now >= running_at(number) else 'preparing'}"
            for number, name in enumerate(GIVEN)
        ]
        verdict = gate.feed(now, SERVICES, [task(text, GIVEN, number % 60) for number, text in enumerate(texts)], [])
        found += [(now, line) for line in lines.tell(now, verdict, {})]
        if verdict.state != "waiting":
            break
    return found


@pytest.mark.slow
def test_a_large_stack_that_starts_slowly_is_told_in_a_few_lines_and_never_in_silence():
    found = told(lambda number: 1 + number / 5)
    assert len(found) <= 31 / COUNT_EVERY + 1
    assert found[-1][1] == "150 of 150 services are healthy"
    times = [0.0, *(now for now, _line in found)]
    assert max(after - before for before, after in zip(times, times[1:])) <= 10


def test_what_fails_in_it_is_named():
    found = [line for _now, line in told(lambda number: 2, fails=(7, 9), seconds=8)]
    assert [line for line in found if "failed" in line] == [
        "s007: 0/1 running (task 1 failed: boom on n7)",
        "s009: 0/1 running (task 1 failed: boom on n9)",
    ]
    assert found[-1] == "148 of 150 services are healthy"


def test_and_of_many_that_fail_the_first_are():
    found = [line for _now, line in told(lambda number: 99, fails=range(100), seconds=3)]
    assert len(found) == MANY + 1 and found[-1] == "and 80 more services like these"
