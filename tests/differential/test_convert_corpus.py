"""Our specs against those that docker's CLI 28.2.2 sent for the 382 corpus files that it accepts."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from desired_specs import AS_DOCKER, STACK, Files, desired_of, specs_of

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ComposeError
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.compile import CompileRequest, compile_stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.context import ConvertOptions
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.load import Source

DIFFERENCES = yaml.safe_load((Path(__file__).parent / "convert" / "differences.yml").read_text())
#: What the oracle's run put where a file was missing.
SUPPLIED = b"K=v\n"
COUNT = 382


@pytest.fixture(scope="module")
def corpus(shared):
    folder = shared / "corpus-expected"
    cases = {str(path.relative_to(folder))[: -len(".json")]: path for path in folder.glob("*/**/*.json")}
    assert len(cases) == COUNT
    return {name: json.loads(path.read_text()) for name, path in sorted(cases.items())}


@pytest.mark.parametrize("as_docker", [True, False], ids=["as docker", "with the keys that docker ignores"])
def test_the_corpus_is_equal_but_for_the_listed_differences(as_docker, corpus, shared):
    listed = [r for r in DIFFERENCES if not (r.get("refused") or as_docker and r.get("ignored"))]
    options = AS_DOCKER if as_docker else ConvertOptions()
    unlisted, seen = [], set()
    for name, case in corpus.items():
        for difference in _differences(name, case, shared, options):
            path = difference if difference.startswith("error:") else difference.split(": ")[0]
            reasons = [r["id"] for r in listed if name in r["files"] and re.search(r["paths"], path)]
            seen.update((reason, name) for reason in reasons)
            if not reasons:
                unlisted.append(f"{name} {difference}")
    assert unlisted == []
    assert seen == {(reason["id"], name) for reason in listed for name in reason["files"]}
    equal = COUNT - len({name for _, name in seen})
    print(f"{equal} of {COUNT} equal")


def test_the_whole_compiler_refuses_only_the_listed_files(corpus, shared):
    root = shared.resolve() / "corpus"
    codes = {}
    for name, case in corpus.items():
        about = case["case"]
        path = root / about["source"] / about["path"]
        variables = {"HOME": "/root", **about["env"]}
        request = CompileRequest([Source(str(path))], name=STACK, variables=variables)
        try:
            compile_stack(request, Files(_supplied(about, root)))
        except ComposeError as error:
            codes[name] = {f"error:{problem.code}" for problem in error.problems}
    expected = {
        name: reason
        for reason in DIFFERENCES
        for name in reason["files"]
        if reason["paths"].lstrip("^")[:6] == "error:"
    }
    assert {name: sorted(found) for name, found in codes.items() if name not in expected} == {}
    assert sorted(set(expected) - set(codes)) == []
    wrong = {n: found for n, found in codes.items() if not all(re.search(expected[n]["paths"], c) for c in found)}
    assert wrong == {}


def test_every_difference_is_documented():
    page = (Path(__file__).parents[2] / "docs" / "differences.md").read_text()
    assert [reason["id"] for reason in DIFFERENCES if f"### {reason['title']}" not in page] == []


def _differences(name, case, shared, options):
    from compare import compare

    about = case["case"]
    root = shared.resolve() / "corpus"
    try:
        desired = desired_of(root / about["source"] / about["path"], about["env"], _supplied(about, root), options)
    except ComposeError as error:
        return sorted({f"error:{problem.code}" for problem in error.problems})
    return compare(specs_of(desired, str(root), "@CORPUS"), case["mock"])


def _supplied(about, root):
    return {str(root / fix[len("file ") :]): SUPPLIED for fix in about["fix"] if fix.startswith("file ")}
