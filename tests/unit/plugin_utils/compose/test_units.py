import pytest

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source import units

S = 10**9


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("1h1m1s1ms1us1ns", 3661001001001),
        ("1.5h", 5400 * S),
        ("0", 0),
        ("0s", 0),
        ("-2s", -2 * S),
        ("+.5s", S // 2),
        ("5.s", 5 * S),
        ("1µs1μs", 2000),
        ("1d", 86400 * S),
        ("1w2d", 9 * 86400 * S),
        ("1.9999999999s", 1999999999),
    ],
)
def test_durations(text, nanoseconds):
    assert units.duration(text) == nanoseconds


@pytest.mark.parametrize("text", ["", "5", "s", "1x", "1s ", " 1s", "1 s", "1s2", "--1s", "1e3s", ".s", "9999999h"])
def test_no_durations(text):
    with pytest.raises(ValueError, match="duration"):
        units.duration(text)


def test_a_long_number_without_a_unit_takes_linear_time():
    with pytest.raises(ValueError, match="a number needs a unit"):
        units.duration("1" * 1_000_000)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        (1048576, 1048576),
        ("0", 0),
        ("100b", 100),
        ("1k", 1024),
        ("1kb", 1024),
        ("1KiB", 1024),
        ("1.5gb", 3 * 2**29),
        ("64 m", 64 * 2**20),
        ("1T", 2**40),
        ("2p", 2**51),
        (".5m", 2**19),
        ("0.3k", 307),
        ("1e3", 1000),
    ],
)
def test_sizes(text, size):
    assert units.byte_size(text) == size


@pytest.mark.parametrize(
    "text", ["", "m", "1Gi", "-1", "1 mm", "1kbb", "1  m", "1m ", "1x", "0x1", True, "1" * 50, "9" * 20]
)
def test_no_sizes(text):
    with pytest.raises(ValueError, match=r"size|digits|too large"):
        units.byte_size(text)


@pytest.mark.parametrize(
    ("text", "nano"),
    [
        ("0.5", S // 2),
        (2, 2 * S),
        (0.1, S // 10),
        ("1e-1", S // 10),
        ("1/2", S // 2),
        ("", 0),
        ("1/3", 333333333),
        ("2.", 2 * S),
        (".25", S // 4),
    ],
)
def test_cpus(text, nano):
    assert units.nano_cpus(text) == nano


@pytest.mark.parametrize("text", ["-1", "half", "1/0", "1 ", "1,5", True, "1/2/3", "1e999", "99999999999"])
def test_no_cpus(text):
    with pytest.raises(ValueError, match="CPUs"):
        units.nano_cpus(text)
