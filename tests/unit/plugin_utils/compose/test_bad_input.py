"""For any invalid file, the compiler quickly returns problems with a place.

The invalid files are random trees, and good files with parts that are replaced, dropped or moved.
"""

import copy
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ComposeError, Problem
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.compile import CompileRequest, compile_stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.load import Source
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.project.project import Project
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.rules.check_project import (
    MOST_SHOWN,
    check_project,
)
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.schema.check_document import check_document
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.file_source import MemoryFiles
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.inline import read_plain
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.reader import read_yaml
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.report import Report
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.tree import to_plain

CASES = Path(__file__).resolve().parents[2] / "cases" / "validate"
#: A check of each document takes milliseconds; the limit is for a busy machine.
SECONDS = 5

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.binary(max_size=4)
    | st.dates()
    | st.sampled_from(["", "x" * 5000, "a:b:c:d", "${", "$A", "1e400", "-1", "9" * 400, "node.role==", "\u0000", "é"])
)
KEYS = st.text(max_size=8) | st.sampled_from(
    ["services", "volumes", "web", "image", "deploy", "ports", "x-a", "<<", "a=b", "networks", "configs"]
)
TREES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=25
)


def good_trees():
    for case in sorted(CASES.iterdir()):
        tree = read_yaml((case / "compose.yml").read_bytes(), "compose.yml", Report())
        if isinstance(tree, dict):
            yield to_plain(tree)


GOOD = list(good_trees())


def containers(node):
    """Yields all mappings and lists of a tree that are not empty."""
    if isinstance(node, (dict, list)) and node:
        yield node
        for value in list(node.values()) if isinstance(node, dict) else node:
            yield from containers(value)


@st.composite
def broken_trees(draw):
    """Draws a good file, with up to four entries replaced by anything, dropped, or copied elsewhere."""
    tree = copy.deepcopy(draw(st.sampled_from(GOOD)))
    for _ in range(draw(st.integers(1, 4))):
        places = list(containers(tree))
        if not places:
            break
        node = draw(st.sampled_from(places))
        key = draw(st.sampled_from(sorted(node) if isinstance(node, dict) else range(len(node))))
        how = draw(st.sampled_from(["replace", "drop", "move"]))
        if how == "drop":
            del node[key]
        else:
            node[key] = draw(TREES) if how == "replace" else copy.deepcopy(draw(st.sampled_from(places)))
    return tree


def answers(tree):
    """Returns the problems or notices of a tree; fails for any other exception, or if it takes too long."""
    before = time.process_time()
    try:
        desired = compile_stack(CompileRequest([Source("compose.yml", tree)], name="shop"), MemoryFiles({}))
        found = [Problem(**notice) for notice in desired["notices"]]
    except ComposeError as error:
        found = error.problems
        assert found
    assert time.process_time() - before < SECONDS
    assert all(isinstance(problem, Problem) and problem.message and problem.code for problem in found)
    return found


@pytest.mark.slow
@settings(max_examples=200, deadline=None, derandomize=True)
@given(TREES)
def test_any_tree_is_checked(tree):
    assert all(problem.file == "f.yml" for problem in check_document(tree, "f.yml"))


@pytest.mark.slow
@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.dictionaries(KEYS, TREES, max_size=5))
def test_any_definition_is_answered(tree):
    answers(tree)
    check_rules(tree)


@pytest.mark.slow
@settings(max_examples=400, deadline=None, derandomize=True)
@given(broken_trees())
def test_a_broken_file_is_answered(tree):
    answers(tree)
    check_rules(tree)


def check_rules(tree):
    """Rules raise no exception, even for trees that load and schema would have refused."""
    for found in check_project(Project("shop", ".", read_plain(tree, "compose.yml", Report())), "shop"):
        assert all(isinstance(problem, Problem) for problem in found)


@pytest.mark.slow
@pytest.mark.parametrize(
    "tree",
    [
        {"services": {f"s{n}": {"image": "a", "depends_on": [f"s{(n + 1) % 3000}"]} for n in range(3000)}},
        {"services": {f"s{n}": {"image": "a", "depends_on": [f"s{m}" for m in range(200)]} for n in range(200)}},
        {"services": {"web": {"image": "a" * 1_000_000 + "!"}}},
        {"services": {"web": {"image": "a", "environment": ["a" * 100] * 50_000}}},
        {"services": {"a-" * 20_000 + "!": {"image": "a"}}},
        {"services": {"web": {"image": "a/" * 50_000}}},
        {"services": {f"key{n}": 3 for n in range(20_000)}},
        {"services": {"web": {f"key{n}": 3 for n in range(20_000)}}},
        {
            "services": {f"service-{n}": {"image": "a", "volumes": [f"volume-{n}-a:/a"]} for n in range(3000)},
            "volumes": {f"volume-{n}-b": None for n in range(3000)},
        },
        {f"key{n}": n for n in range(20_000)},
        {"services": {"web": {"image": "a", "stop_grace_period": "1" * 100_000}}},
        {"services": {"web": {"image": "a", "hostname": "{{ " + "1" * 100_000 + "_ }}"}}},
        {"services": {"web": {"image": "a", "labels": {"traefik.http.routers.a.rule": "Host(" + " " * 100_000}}}},
        {"services": {"web": {"image": "a", "labels": {"traefik.http.routers.a.rule": "Host(" * 100_000}}}},
    ],
    ids=[
        "long cycle",
        "tangle",
        "long image",
        "long list",
        "long name",
        "many parts",
        "many errors",
        "unknown keys",
        "undefined volumes",
        "many keys",
        "long duration",
        "long number in a template",
        "long space in a rule",
        "many rules",
    ],
)
def test_large_files_are_answered_soon(tree):
    answers(tree)


def test_many_problems_are_counted():
    tree = {"services": {f"s{n}": {"command": "a"} for n in range(1000)}}
    found = answers(tree)
    assert len(found) == MOST_SHOWN + 1
    assert (found[-1].code, found[-1].message) == ("more", "and 800 more problems are not shown")
