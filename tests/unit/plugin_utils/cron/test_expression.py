"""Cron expressions: compared with cronsim on days without a clock change, and with tables on the others."""

import random
from datetime import datetime, timedelta, timezone

import pytest
from cronsim import CronSim
from zoneinfo import ZoneInfo

from ansible_collections.stackwright.swarm.plugins.plugin_utils.cron.expression import CronError, parse

UTC = timezone.utc
BERLIN = ZoneInfo("Europe/Berlin")  # 2026-03-29 02:00 → 03:00, 2026-10-25 03:00 → 02:00
START = datetime(2026, 1, 1, tzinfo=UTC)


def field(chance, least, most):
    def number():
        return chance.randint(least, most)

    kind = chance.randrange(6)
    if kind == 0:
        return "*"
    if kind == 1:
        return f"*/{chance.randint(1, most)}"
    if kind == 2:
        low, high = sorted((number(), number()))
        return f"{low}-{high}"
    if kind == 3:
        low = chance.randint(least, most - 1)  # cronsim takes 2-2/4 for 2-most/4
        return f"{low}-{chance.randint(low + 1, most)}/{chance.randint(1, 5)}"
    return ",".join(str(number()) for _ in range(kind - 3))


@pytest.mark.slow
def test_times_are_those_of_cronsim():
    for seed in range(300):
        its_times_are_those_of_cronsim(random.Random(seed))


def its_times_are_those_of_cronsim(chance):
    text = " ".join(field(chance, *span) for span in ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6)))
    now = START + timedelta(minutes=chance.randrange(500_000))
    schedule = parse(text)
    try:
        expected = next(CronSim(text, now))
    except StopIteration:
        expected = None
    if expected is None or expected - now > timedelta(days=8 * 366):
        return
    assert schedule.next(now, UTC) == expected, text
    # And the other way round: it is the last one of the time that ends with it.
    assert schedule.latest(now, expected, UTC) == expected, text
    assert schedule.latest(now, expected - timedelta(seconds=1), UTC) is None, text


def times(text, start, end, zone=BERLIN):
    found, moment = [], start
    while True:
        moment = parse(text).next(moment, zone)
        if moment is None or moment > end:
            return [one.astimezone(zone).strftime("%d %H:%M %z") for one in found]
        found.append(moment)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("30 2 * * *", ["28 02:30 +0100", "29 03:30 +0200", "30 02:30 +0200"], id="skipped-time-moves"),
        pytest.param("0 3 29 * *", ["29 03:00 +0200"], id="after-the-gap"),
        pytest.param(
            "0 */1 29 3 *",
            ["29 00:00 +0100", "29 01:00 +0100", *(f"29 {hour:02}:00 +0200" for hour in range(3, 24))],
            id="hourly",
        ),
    ],
)
def test_the_hour_that_is_skipped_in_spring(text, expected):
    assert times(text, datetime(2026, 3, 28, 0, 0, tzinfo=UTC), datetime(2026, 3, 30, 2, 0, tzinfo=UTC)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("30 2 25 10 *", ["25 02:30 +0200"], id="once"),
        pytest.param("0 1-3 25 10 *", ["25 01:00 +0200", "25 02:00 +0200", "25 03:00 +0100"], id="named-hours-once"),
        pytest.param(
            "30 * 25 10 *",
            ["25 00:30 +0200", "25 01:30 +0200", "25 02:30 +0200", "25 02:30 +0100", "25 03:30 +0100"],
            id="hourly-follows-the-clock",
        ),
    ],
)
def test_the_hour_that_comes_twice_in_autumn(text, expected):
    assert times(text, datetime(2026, 10, 24, 22, 0, tzinfo=UTC), datetime(2026, 10, 25, 2, 45, tzinfo=UTC)) == expected


@pytest.mark.parametrize(
    ("text", "same"),
    [
        pytest.param("@daily", "0 0 * * *", id="daily"),
        pytest.param(" @Hourly ", "0 * * * *", id="hourly"),
        pytest.param("0 3 * JAN-mar Mon,fri", "0 3 * 1-3 1,5", id="names"),
        pytest.param("0 0 * * 7", "0 0 * * 0", id="sunday"),
        pytest.param("5/20 0 * * *", "5-59/20 0 * * *", id="step-from"),
    ],
)
def test_what_means_the_same(text, same):
    assert parse(text) == parse(same)


def test_days_of_month_and_week_are_alternatives_if_both_are_named():
    assert [
        day[:2] for day in times("0 0 13 2 5", datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 2, 28, tzinfo=UTC), UTC)
    ] == ["06", "13", "20", "27"]
    assert times("0 0 13 * 1-5/5", datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 2, 3, tzinfo=UTC), UTC) == [
        "02 00:00 +0000"
    ]


def test_a_date_that_never_comes_has_no_time():
    assert parse("0 0 30 2 *").next(START, UTC) is None
    assert parse("0 0 29 2 *").next(START, UTC) == datetime(2028, 2, 29, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", "five fields", id="empty"),
        pytest.param("* * * *", "five fields", id="four"),
        pytest.param("* * * * * *", "five fields", id="six"),
        pytest.param("@reboot", "five fields", id="reboot"),
        pytest.param("60 * * * *", "'60' is not a valid minute (0 to 59)", id="minute"),
        pytest.param("* 24 * * *", "not a valid hour", id="hour"),
        pytest.param("* * 0 * *", "not a valid day of the month (1 to 31)", id="day"),
        pytest.param("* * * 13 *", "not a valid month", id="month"),
        pytest.param("* * * * 8", "not a valid day of the week", id="weekday"),
        pytest.param("5-1 * * * *", "ends before it begins", id="range"),
        pytest.param("*/0 * * * *", "'0' is not a valid step", id="step"),
        pytest.param("*/x * * * *", "not a valid step", id="step-word"),
        pytest.param("1,, * * * *", "'' is not a valid minute", id="comma"),
        pytest.param("L * * * *", "'L' is not a valid minute", id="letter"),
        pytest.param("\u0661 * * * *", "not a valid minute", id="arabic-digit"),
        pytest.param("9999999999999999999999 * * * *", "not a valid minute", id="huge"),
        pytest.param("00000000059 * * * *", "not a valid minute", id="long"),
    ],
)
def test_what_is_not_valid_is_named(text, message):
    with pytest.raises(CronError, match=message.replace("(", r"\(").replace(")", r"\)")):
        parse(text)
