"""Our specs against those that docker's CLI 28.2.2 sent for the 382 corpus files that it accepts."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from desired_specs import AS_DOCKER, desired_of, specs_of

from ansible_collections.stackwright.swarm.plugins.module_utils.errors import ComposeError
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.options import ConvertOptions

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
    listed = [reason for reason in DIFFERENCES if not (as_docker and reason.get("ignored"))]
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


def test_every_difference_is_documented():
    page = (Path(__file__).parents[2] / "docs" / "differences.md").read_text()
    assert [reason["id"] for reason in DIFFERENCES if f"### {reason['title']}" not in page] == []


def _differences(name, case, shared, options):
    from compare import compare

    about = case["case"]
    root = shared.resolve() / "corpus"
    supplied = {str(root / fix[len("file ") :]): SUPPLIED for fix in about["fix"] if fix.startswith("file ")}
    try:
        desired = desired_of(root / about["source"] / about["path"], about["env"], supplied, options)
    except ComposeError as error:
        return sorted({f"error:{problem.code}" for problem in error.problems})
    return compare(specs_of(desired, str(root), "@CORPUS"), case["mock"])
