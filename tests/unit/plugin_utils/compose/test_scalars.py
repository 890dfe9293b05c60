"""Numbers are printed like Go does it (compared with docker compose config if it is installed)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.scalars import (
    go_number_text,
    resolve_plain,
    scalar_text,
)


@pytest.mark.parametrize(
    ("written", "printed"),
    [
        ("0.1", "0.1"), ("1.10", "1.1"), ("100000.0", "100000"), ("1000000.0", "1e+06"), ("1234567.0", "1.234567e+06"),
        ("12345678.5", "1.23456785e+07"), ("123456.5", "123456.5"), ("1e20", "1e+20"), ("1e2", "100"), ("2e7", "2e+07"),
        ("0.0001", "0.0001"), ("0.00001", "1e-05"), ("0.00012345", "0.00012345"), ("1e-7", "1e-07"), ("-0.5", "-0.5"),
        ("-1e6", "-1e+06"), ("0.0", "0"), ("-0.0", "-0"), ("100000000000000000000", "1e+20"), (".inf", "+Inf"),
        ("-.inf", "-Inf"), (".nan", "NaN"), ("12", "12"), ("-017", "-15"),
        ("18446744073709551615", "18446744073709551615"),
        ("true", "true"), ("~", ""), ("08", "8"), ("1e400", "1e400"), ("0o8", "0o8"), ("0x", "0x"), ("1_0.5", "10.5"),
    ],
)  # fmt: skip
def test_numbers_are_printed_as_go_prints_them(written, printed):
    assert scalar_text(resolve_plain(written)) == printed


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_printed_float_reads_back_as_itself(value):
    assert float(go_number_text(value)) == value


@given(st.text())
def test_any_text_resolves_to_a_scalar(text):
    assert isinstance(resolve_plain(text), (str, int, float, bool, type(None)))
