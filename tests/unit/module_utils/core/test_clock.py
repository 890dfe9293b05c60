"""The format of times."""

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.clock import iso


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (1, "1970-01-01T00:00:01Z"),
        (1795262401, "2026-11-21T12:00:01Z"),
        (1795262401.999, "2026-11-21T12:00:01Z"),
        (253402300799, "9999-12-31T23:59:59Z"),
    ],
)
def test_a_time_is_utc_in_whole_seconds(seconds, text):
    assert iso(seconds) == text


@pytest.mark.parametrize("seconds", [0, 0.0, -1, 253402300800, 1e300, float("inf"), float("-inf"), float("nan")])
def test_what_is_no_time_gives_an_empty_text(seconds):
    assert iso(seconds) == ""
