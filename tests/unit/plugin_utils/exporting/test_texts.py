"""Numbers and kept values as texts of a Compose file."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.stackwright.swarm.plugins.module_utils.values.generators import GENERATORS, generator_of
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.expressions import parse
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.units import (
    byte_size,
    duration,
    nano_cpus,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.exporting.expressions import Expressions
from ansible_collections.stackwright.swarm.plugins.plugin_utils.exporting.unit_texts import WRITERS

NUMBERS = st.integers(min_value=0, max_value=2**62)


@pytest.mark.parametrize("read", [duration, byte_size, nano_cpus], ids=lambda read: read.__name__)
@given(NUMBERS)
def test_each_number_reads_back(read, number):
    assert read(WRITERS[read](number)) == number


@pytest.mark.parametrize(
    ("read", "number", "text"),
    [
        (duration, 0, "0s"),
        (duration, 90 * 10**9, "1m30s"),
        (duration, -(10**9), "-1s"),
        (duration, 1_500_000_000, "1s500ms"),
        (byte_size, 512 << 20, "512M"),
        (byte_size, 1000, "1000b"),
        (nano_cpus, 500_000_000, "0.5"),
        (nano_cpus, 2 * 10**9, "2"),
    ],
    ids=lambda value: str(getattr(value, "__name__", value)),
)
def test_numbers_look_as_people_write_them(read, number, text):
    assert WRITERS[read](number) == text


@pytest.mark.parametrize("name", [name for name in GENERATORS if name != "generate_jwt"])
def test_an_expression_reads_back(name):
    """With the parameters from a store, which are complete."""
    params = generator_of(name).params((), {})
    expressions = Expressions({"web/KEY": (name, params)})
    marked = expressions.marked({"text": "a $ \0web/KEY\0 b"})
    text = expressions.expanded(marked["text"])
    before, call, after = parse(text)
    assert (before, call.name, after) == ("a $ ", name, " b")
    assert generator_of(name).params(call.positional, call.named) == params


def test_values_of_the_stack_are_variables():
    expressions = Expressions({"stack/PASSWORD": ("generate_user", {})})
    marked = expressions.marked({"services": {"web": {"command": ["--password=\0stack/PASSWORD\0"]}}})
    assert expressions.expanded(marked["services"]["web"]["command"][0]) == "--password=${PASSWORD}"
    assert expressions.expanded(marked["x-env"]["PASSWORD"]) == "{{ generate_user }}"
