"""Interpolation of one text; the forms themselves are golden cases (cases/load/interpolation)."""

import contextlib
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.substitution import (
    TemplateError,
    substitute,
)

NAMES = st.sampled_from(["A", "B", "_c1", "UNSET"])
SECRET = "hunter2"


def expand(text, variables):
    missing = []
    return substitute(text, variables, missing.append, lambda size: None), missing


@given(st.text())
def test_doubling_every_dollar_keeps_any_text(text):
    assert expand(text.replace("$", "$$"), {}) == (text, [])


@given(st.text(), st.dictionaries(NAMES, st.text()))
@settings(deadline=None)
def test_any_text_gives_a_text_or_a_template_error(text, variables):
    try:
        result, _ = expand(text, variables)
    except TemplateError as error:
        assert error.hint
    else:
        assert isinstance(result, str)


@given(st.text(alphabet="${}:-+?AB x"), st.text(alphabet="${}:-+?AB x"))
@settings(deadline=None)
def test_a_value_is_never_expanded_again_nor_shown_in_an_error(text, value):
    variables = {"A": SECRET + value, "B": SECRET}
    try:
        expand(text, variables)
    except TemplateError as error:
        assert SECRET not in str(error) + error.hint


@given(st.text())
def test_a_value_arrives_as_it_is(value):
    assert expand("[$A|${A}|${A-x}|${U:-$A}]", {"A": value}) == (f"[{value}|{value}|{value}|{value}]", [])


@given(st.text(alphabet="ab c"), NAMES, st.sampled_from([":-", "-", ":+", "+"]), st.sampled_from([None, "", "v"]))
def test_operators_choose_as_a_shell_does(word, name, operator, value):
    variables = {} if value is None else {name: value}
    given_ = bool(value) if ":" in operator else value is not None
    expected = (value if given_ else word) if "-" in operator else (word if given_ else "")
    assert expand("${" + name + operator + word + "}", variables) == (expected, [])


def test_unset_variables_are_told_once_a_use():
    assert expand("$X ${Y} ${X:-d} ${Z+z}", {}) == ("  d ", ["X", "Y"])


@pytest.mark.parametrize("depth", [31, 500, 100_000])
def test_deep_nesting_is_refused_without_recursion(depth):
    with pytest.raises(TemplateError, match="nested deeper"):
        expand("${A:-" * depth + "}" * depth, {})


@pytest.mark.slow
@pytest.mark.parametrize("piece", ["$", "${", "}", "$$", "${A}", "${A:-", "$A", "${A:-x}}"])
def test_long_texts_take_time_in_proportion(piece):
    """Needs a tenth of a second; with quadratic time it would need hours."""
    start = time.process_time()
    with contextlib.suppress(TemplateError):
        expand(piece * 50_000, {"A": "a"})
    assert time.process_time() - start < 2
