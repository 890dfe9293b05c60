"""Loading every corpus file, compared with `docker compose config`; a sample unless STACKWRIGHT_LONG is set."""

from __future__ import annotations

import os
import re
from collections import Counter
from pathlib import Path

import compare_compose
import pytest
import yaml

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.schema.check_document import check_document

LISTED = yaml.safe_load((Path(__file__).parent / "load_differences.yml").read_text(encoding="utf-8"))
SAMPLE = 1 if os.environ.get("STACKWRIGHT_LONG") else 15
SLICES = 8
REQUIRED = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*):?\?")


@pytest.mark.skipif(
    not compare_compose.BINARY.exists(), reason="docker-compose is not there: run tests/tools/fetch_compose.sh"
)
@pytest.mark.parametrize("part", range(SLICES))
def test_the_corpus_loads_as_compose_loads_it(part, shared):
    corpus = (shared / "corpus").resolve()
    files = sorted(path for pattern in ("*.yml", "*.yaml") for path in corpus.rglob(pattern))[::SAMPLE]
    assert len(files) >= 1000 // SAMPLE
    results, unlisted = Counter(), []
    for file in files[part::SLICES]:
        result, lines = _compare(file)
        results[result] += 1
        unlisted += [f"{file.relative_to(corpus)}: {line}" for line in lines if not _listed(result, file, line)]
    print(dict(results))
    assert unlisted == []


def _compare(file):
    text = file.read_text(encoding="utf-8", errors="replace")
    # What a file requires is given, so that more than its refusal is compared.
    variables = dict.fromkeys(REQUIRED.findall(text), "1")
    compose = compare_compose.ask_compose([file], variables)
    ours = compare_compose.ask_ours([file], variables, check=check_document)
    if compose.tree is None and ours.tree is None:
        return "both_refuse", []
    if compose.tree is None:
        return "compose_refuses", [compose.refused]
    if ours.tree is None:
        return "ours_refuses", [ours.refused]
    lines = compare_compose.differences(compose.tree, ours.tree)
    return ("differ", lines) if lines else ("equal", [])


def _listed(result, file, line):
    return any(
        entry["kind"] == result
        and re.search(entry["match"], line)
        and any(str(file).endswith(name) for name in entry.get("files", [""]))
        for entry in LISTED
    )
