"""Times and expressions of stack_logs, and the Engine's stream."""

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.module_utils.info.logs import Wanted, since, stack_logs


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", "910.000000"),
        ("1m30s", "910.000000"),
        ("2d", "0.000000"),
        ("1970-01-01T00:10:00Z", "600.000000"),
        ("1970-01-01T00:10:00.5+00:05", "300.000000"),
        ("1970-01-01T00:10", "600.000000"),
        ("", ""),
    ],
)
def test_since(text, seconds):
    assert since(text, 1000.0) == seconds


@pytest.mark.parametrize("text", ["yesterday", "10", "m", "-5m", "2026-13-01T00:00:00Z", "1h 5m"])
def test_since_that_is_no_time(text):
    with pytest.raises(StackwrightError) as caught:
        since(text, 1000.0)
    assert caught.value.error_code == "invalid_options"
    assert text in str(caught.value)


class Clock:
    wall = staticmethod(lambda: 1000.0)


@pytest.mark.parametrize("wanted", [Wanted(tail=0), Wanted(tail=5001), Wanted(contains="("), Wanted(since="soon")])
def test_bad_options_ask_nothing_of_the_engine(wanted):
    with pytest.raises(StackwrightError) as caught:
        stack_logs(None, Clock, "shop", wanted)
    assert caught.value.error_code == "invalid_options"
