"""References: found, bound and masked in any plain data."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ValueStoreError
from ansible_collections.stackwright.swarm.plugins.module_utils.values.value_references import (
    bind_values,
    escaped,
    reference,
    references_in,
    show_references,
    unescaped,
)

NASTY = [
    "'\"`\\",
    "$HOME ${X} $$",
    "# no comment",
    "two\nlines\r\n\tand a tab",
    "käse 漢字 😀",
    "\udc80 no UTF-8",
    "{{.Node.Hostname}} {{{",
    "x" * 100_000,
    "",
    "%s {0} \\1 \\g<0>",
]


def encoded(text):
    return base64.b64encode(text.encode("utf-8", "surrogateescape")).decode()


def decoded(data):
    return base64.b64decode(data).decode("utf-8", "surrogateescape")


@pytest.mark.parametrize("value", NASTY)
def test_a_value_arrives_byte_for_byte(value):
    ref = reference("db/PW")
    entry = {"key": "c", "template": True, "data": encoded(f"<{ref}|{ref}>")}
    spec = {"TaskTemplate": {"ContainerSpec": {"Args": [f"a{ref}b"], "Env": [f"PW={ref}"], "Labels": {"Env": ref}}}}
    bound = bind_values({"configs": [entry], "services": [{"spec": spec}]}, {"db/PW": value})
    container = bound["services"][0]["spec"]["TaskTemplate"]["ContainerSpec"]
    assert container["Args"] == [f"a{value}b"]
    assert container["Labels"] == {"Env": value}
    # Swarm expands templates in environments: the escaped form becomes the value again.
    assert container["Env"] == ["PW=" + value.replace("{{", '{{"{{"}}')]
    assert unescaped(container["Env"][0]) == "PW=" + value
    assert decoded(bound["configs"][0]["data"]) == f"<{value}|{value}>"


def test_only_templates_are_bound():
    ref = reference("a/B")
    binary = {"data": encoded(ref), "spec": {}}
    assert bind_values(binary, {"a/B": "x"}) is binary
    assert references_in(binary) == set()


def test_what_has_no_reference_is_shared():
    data = {"a": [1, None, {"b": "c"}], "d": [reference("x/Y")]}
    bound = bind_values(data, {"x/Y": "1"})
    assert bound == {"a": data["a"], "d": ["1"]}
    assert bound["a"] is data["a"]
    assert data["d"] == [reference("x/Y")]


def test_a_value_is_not_read_for_references():
    assert bind_values([reference("a/B")], {"a/B": reference("c/D")}) == [reference("c/D")]


def test_all_missing_values_are_named():
    data = [reference("b/X"), {"template": True, "data": encoded(reference("a/Y"))}, reference("c/Z")]
    with pytest.raises(ValueStoreError, match="there is no value for: a/Y, b/X") as caught:
        bind_values(data, {"c/Z": "1"})
    assert caught.value.error_code == "value_missing"
    assert caught.value.details == {"missing_values": ["a/Y", "b/X"]}


def test_shown_to_people():
    assert show_references({"a": ["x" + reference("db/PW"), 1]}) == {"a": ["x<generated>", 1]}


names = st.from_regex(r"[a-z]{1,3}/[A-Z]{1,3}(#[2-9])?", fullmatch=True)
plain = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
texts = st.lists(st.one_of(plain, names.map(reference))).map("".join)
trees = st.recursive(
    st.one_of(texts, st.none(), st.integers(), st.booleans()),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(plain, inner)),
    max_leaves=12,
)


@pytest.mark.slow
@given(trees, st.dictionaries(names, plain))
def test_binding_leaves_no_reference_and_changes_nothing_else(tree, values):
    before = json.dumps(tree)
    every = {**dict.fromkeys(references_in(tree), "v"), **values}
    bound = bind_values(tree, every)
    assert references_in(bound) == set()
    assert "\\u0000" not in json.dumps(bound)
    assert json.dumps(tree) == before
    if not references_in(tree):
        assert bound == tree


def test_escaped_for_swarm():
    text = "x {{ y }} {{.Node.Hostname}} {{{ z"
    assert escaped(text) == 'x {{"{{"}} y }} {{"{{"}}.Node.Hostname}} {{"{{"}}{ z'
    assert unescaped(escaped(text)) == text
