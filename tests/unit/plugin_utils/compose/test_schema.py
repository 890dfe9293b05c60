"""The schema itself, and our keywords against those of jsonschema."""

import datetime
import json

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema.validators import Draft202012Validator

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.schema import loader
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.schema.check_document import (
    MOST_SHOWN,
    check_document,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.schema.keywords import (
    CHECKS,
    DESCEND,
    fits,
    violations,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.schema.messages import EXPLAIN

FILE = loader.with_references()
WORDS = st.sampled_from(
    [
        "services",
        "networks",
        "volumes",
        "configs",
        "secrets",
        "web",
        "image",
        "ports",
        "target",
        "published",
        "deploy",
        "replicas",
        "environment",
        "x-a",
        "a",
        "3",
        "true",
        "service_healthy",
        "depends_on",
        "condition",
        "healthcheck",
        "test",
        "30s",
        "gpus",
        "all",
        "include",
        "path",
        "env_file",
        "ulimits",
        "soft",
    ]
)
# Here 3.0 is not a whole number, as in YAML.
FRACTIONS = st.floats(-1, 2).filter(lambda number: number != int(number))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 70000) | FRACTIONS | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=12,
)


def test_the_schema_is_valid():
    Draft202012Validator.check_schema(FILE)


def test_no_branches():
    """An error is always about the value's type: there is no anyOf with only failing branches."""
    text = json.dumps(FILE["$defs"]) + json.dumps(FILE["properties"])
    assert [word for word in ("anyOf", "oneOf", "allOf", '"not"', '"if"') if word in text] == []


@pytest.mark.slow
@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.dictionaries(WORDS, VALUES, max_size=4), st.dictionaries(WORDS, VALUES, max_size=5))
def test_our_keywords_mean_what_they_mean_to_jsonschema(document, service):
    """jsonschema, with the schema before references are resolved, finds the same errors at the same places."""
    document = {**document, "services": {"web": service}}
    stock = {(tuple(e.absolute_path), e.validator) for e in Draft202012Validator(FILE).iter_errors(document)}
    ours = {(violation.path, violation.keyword) for violation in violations(document, loader.schema())}
    assert fits(document, loader.schema()) == (not ours)
    assert ours == stock


@pytest.mark.parametrize(
    ("tree", "code", "words"),
    [
        (None, "empty", "the file is empty"),
        ([], "not_a_mapping", "found a list"),
        ("hunter2", "not_a_mapping", "found text"),
        (3, "not_a_mapping", "found a whole number"),
        ({"services": {1: {}}}, "key_type", "a key must be text, found a whole number"),
        ({"services": {None: {}}}, "key_type", "found nothing (null)"),
        ({"x-a": float("nan")}, "number", "infinity and NaN"),
        ({"services": {"a": {"image": "a", "scale": 2**64}}}, "number", "this large"),
        ({"services": []}, "type", "found a list"),
        ({"services": {"a": {"image": datetime.date(2026, 1, 1)}}}, "type", "found a date"),
    ],
)
def test_shape(tree, code, words):
    problems = check_document(tree, "compose.yml")
    assert [(problem.code, problem.file) for problem in problems] == [(code, "compose.yml")]
    assert words in problems[0].message


def test_absent_sections_are_fine():
    for tree in ({}, {"services": None}, {"volumes": {"data": None}}, {"include": ["a.yml"]}):
        assert check_document(tree, "compose.yml") == []


def test_an_anchor_that_contains_itself():
    tree = yaml.safe_load("services: &a {web: *a}")
    assert [problem.code for problem in check_document(tree, "compose.yml")] == ["too_big"]


def test_aliases_that_grow_without_bounds():
    level = ["x"]
    for _ in range(60):
        level = [level, level]
    assert [problem.code for problem in check_document({"x-bomb": level}, "compose.yml")] == ["too_big"]


def test_deep_nesting():
    tree = "end"
    for _ in range(5000):
        tree = {"x": tree}
    assert [problem.code for problem in check_document({"x-deep": tree}, "compose.yml")] == ["too_big"]


def test_many_problems_are_counted():
    tree = {"services": {f"s{number}": {"imagee": 1, "ports": 3} for number in range(300)}}
    problems = check_document(tree, "compose.yml")
    assert len(problems) == MOST_SHOWN + 1
    assert problems[-1].code == "more" and problems[-1].message.startswith("and 500 more problems")


def test_no_place_is_told_twice():
    tree = {"services": {"web": {"ports": [{"target": "x", "mode": 3}], "deploy": {"replicas": []}}}}
    keys = [problem.key for problem in check_document(tree, "compose.yml")]
    assert sorted(keys) == sorted(set(keys)) and len(keys) == 3


def test_every_keyword_of_the_schema_is_one_that_we_know():
    words = set()

    def walk(node):
        if node is True or node is False:
            return
        words.update(node)
        for name in ("properties", "patternProperties"):
            for part in node.get(name, {}).values():
                walk(part)
        for name in ("items", "additionalProperties"):
            walk(node.get(name, True))

    walk(loader.schema())
    assert words - {"title", "description", "$schema", "$comment"} == {*CHECKS, *DESCEND}
    assert set(EXPLAIN) == {*CHECKS, "additionalProperties"}


def test_the_schema_is_read_once():
    assert loader.schema() is loader.schema()
