"""Commands are split like google/shlex does it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.canonical.commands import (
    UnbalancedQuote,
    split_words,
)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("", []),
        (" \t\n", []),
        ("a  b\tc\nd", ["a", "b", "c", "d"]),
        ("sh -c 'a  b'", ["sh", "-c", "a  b"]),
        ('a"b c"d', ["ab cd"]),
        ("''", [""]),
        ("a '' b", ["a", "", "b"]),
        (r"a\ b \"c\"", ["a b", '"c"']),
        (r'"a\"b\n\\"', ['a"bn\\']),
        (r"'a\'", ["a\\"]),
        ("a # b\nc", ["a", "c"]),
        ("a#b #c", ["a#b"]),
        ("a | b && $C > d", ["a", "|", "b", "&&", "$C", ">", "d"]),
    ],
)
def test_words(command, words):
    assert split_words(command) == words


@pytest.mark.parametrize("command", ["'a", '"a', 'a"', "a\\", '"a\\'])
def test_unbalanced_quotes_are_refused(command):
    with pytest.raises(UnbalancedQuote):
        split_words(command)


@given(st.lists(st.text(st.characters(exclude_characters="'"))))
def test_single_quotes_keep_any_word(words):
    assert split_words(" ".join(f"'{word}'" for word in words)) == words
