"""YAML to a tree with marks: bounded, and always a tree or a problem with its place."""

import contextlib
import json

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ComposeError
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source import reader
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.report import Report
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import Map, locate, to_plain


def read(data):
    report = Report()
    tree = None
    with contextlib.suppress(ComposeError):  # the budget of the run is used up
        tree = reader.read_yaml(data, "f.yml", report)
    return tree, [(p.code, p.line) for p in report.problems]


def bomb(levels, width):
    lines = ["a0: &a0 [" + ",".join("x" * width) + "]"]
    lines += [f"a{n}: &a{n} [" + ",".join([f"*a{n - 1}"] * width) + "]" for n in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("data", "problems"),
    [
        pytest.param(bytes(range(256)), [("encoding", 2)], id="binary"),
        pytest.param(b"a: 1\nb: \xe9\n", [("encoding", 2)], id="latin-1"),
        pytest.param("a: 1\nb: \0\n", [("encoding", 2)], id="NUL"),
        pytest.param("a: '\ud800'", [("encoding", 1)], id="lone surrogate"),
        pytest.param("a:\n\tb: 1\n", [("yaml_syntax", 2)], id="tab"),
        pytest.param("a: [1\nb: 2\n", [("yaml_syntax", 2)], id="open list"),
        pytest.param("%YAML 3.0\n---\na: b\n", [("yaml_syntax", 1)], id="unknown version"),
        pytest.param("a: &a [*a]", [("recursive_anchor", 1)], id="recursive list"),
        pytest.param("a: &a\n  b:\n    c: *a\n", [("recursive_anchor", 3)], id="recursive mapping"),
        pytest.param("a: *b", [("unknown_anchor", 1)], id="unknown anchor"),
        pytest.param("a: 1\nb: 2\na: 3\n", [("duplicate_key", 3)], id="duplicate key"),
        pytest.param("x: &x {a: 1}\ny:\n  <<: *x\n  <<: *x\n", [("duplicate_key", 4)], id="two merge keys"),
        pytest.param("y:\n  <<: [1]\n", [("merge_key", 2)], id="merge key of numbers"),
        pytest.param("a:\n  1: x\n  true: y\n  ~: z\n", [("key_type", 2), ("key_type", 3), ("key_type", 4)], id="keys"),
        pytest.param("? [a]\n: b\n? {c: d}\n: e\n", [("key_type", 1), ("key_type", 3)], id="containers as keys"),
        pytest.param("a: !!int x\nb: !!binary '***'\n", [("yaml_tag", 1), ("yaml_tag", 2)], id="wrong tags"),
        pytest.param("a: " + "[" * 200 + "]" * 200, [("too_deep", 1)], id="nesting"),
        pytest.param(
            "\n".join(f"a{n}: &a{n} [{f'*a{n - 1}' if n else 1}]" for n in range(200)), [("too_deep", 99)], id="aliases"
        ),
        pytest.param(bomb(9, 10), [("too_large", 6)], id="bomb"),
        pytest.param("a:\n" + "- x\n" * 340_000, [("too_large", 332_220)], id="too many values"),
        pytest.param(b"a" * (reader.MAX_BYTES + 1), [("too_large", 1)], id="too many bytes"),
    ],
)
def test_what_can_not_be_read_is_a_problem_at_its_line(data, problems):
    assert read(data)[1] == problems


@pytest.mark.parametrize(
    ("data", "tree"),
    [
        pytest.param("a: é".encode("utf-16"), {"a": "é"}, id="UTF-16"),
        pytest.param(b"\xef\xbb\xbfa: 1", {"a": 1}, id="byte order mark"),
        pytest.param(b"a: 1\r\nb: |\r\n  x\r\n", {"a": 1, "b": "x\n"}, id="CRLF"),
        pytest.param('{"a": [1, "b", null, true]}', {"a": [1, "b", None, True]}, id="JSON"),
        pytest.param("a: !!binary aGk=\nb: !!float 1\nc: !!null ''", {"a": "hi", "b": 1, "c": None}, id="tags"),
        pytest.param("", None, id="empty"),
        pytest.param("# only a comment", None, id="comment"),
        pytest.param("a: 1\n---\n]broken", {"a": 1}, id="second document"),
    ],
)
def test_what_can_be_read(data, tree):
    result, problems = read(data)
    assert problems == []
    assert to_plain(result) == tree


def test_reset_and_override_are_remembered():
    tree, _ = read("a: !reset [1]\nb: !override {c: !reset null, d: 1}\ne: [1, !reset 2]\n")
    assert to_plain(tree) == {"b": {"d": 1}, "e": [1]}
    assert tree.tags == {"a": "reset", "b": "override"}
    assert tree["b"].tags == {"c": "reset"}


def test_marks_say_where_an_entry_stands_also_behind_anchors():
    tree, _ = read("x: &x\n  a: 1\ny:\n  <<: *x\n  b:\n    - c\n    - d: 2\n")
    lines = {path: locate(tree, path).line for path in [("y", "a"), ("y", "b", 1, "d"), ("y", "gone", 3), ("none",)]}
    assert lines == {("y", "a"): 2, ("y", "b", 1, "d"): 7, ("y", "gone", 3): 3, ("none",): 1}
    assert locate(tree, ("y", "b", 1)).column == 7


def test_the_pure_parser_reads_the_same(monkeypatch):
    text = "%YAML 1.1\n---\na: &a {b: [1, 'x', \"y\", yes, !foo z]}\nc:\n  <<: *a\n  d: |\n    text\n"
    fast = read(text)
    monkeypatch.setattr(reader, "CParser", None)
    assert read(text) == fast
    assert read("a: [1\nb: 2\n")[1] == [("yaml_syntax", 2)]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=20,
)


@given(st.binary(max_size=200) | st.text(max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_input_gives_a_tree_or_a_problem(data):
    tree, problems = read(data)
    if tree is None and problems == []:
        assert read(data) == (None, [])
    for code, line in problems:
        assert code
        assert line >= 0


@pytest.mark.slow
@given(
    st.dictionaries(
        st.text(st.characters(codec="utf-8", categories=["L", "N"]), min_size=1, max_size=6), VALUES, max_size=5
    )
)
@settings(max_examples=100, deadline=None)
def test_quoted_data_is_read_as_it_was_written(data):
    # JSON is YAML in which all texts are quoted, so the result does not depend on the rules for plain scalars.
    text = json.dumps(data)
    tree, problems = read(text)
    if not problems:
        assert isinstance(tree, Map)
        assert to_plain(tree) == json.loads(text)
    else:
        assert {code for code, _ in problems} <= {"encoding", "yaml_syntax"}


@pytest.mark.slow
@given(VALUES)
@settings(max_examples=100, deadline=None)
def test_what_pyyaml_writes_can_be_read(value):
    text = yaml.safe_dump({"x": value}, allow_unicode=True)
    report = Report()
    reader.read_yaml(text, "f.yml", report)
    assert {problem.code for problem in report.problems} <= {"key_type", "duplicate_key", "encoding", "merge_key"}


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("a: b: c\n", "put quotes around text that contains ': '"),
        ("a: @b\n", "put quotes around the text"),
        ("a: [1\nb: 2\n", "a bracket or a brace is not closed"),
        ("a:\n  - 1\n b: 2\n", "the indentation is wrong"),
    ],
)
def test_a_mistake_in_the_syntax_says_what_people_mostly_did(text, hint):
    report = Report()
    assert reader.read_yaml(text, "compose.yml", report) is None
    (problem,) = report.problems
    assert problem.hint.startswith(hint), problem
