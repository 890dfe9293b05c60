"""Exports of what docker's CLI deployed, without an engine: from the specs that an engine read back.

tests/benchmark/export.py does the same with an engine, and with the files that need objects of others.
"""

from __future__ import annotations

import json
import os

import pytest
from compare_compose import BINARY
from desired_specs import STACK
from export_oracles import of_compose, of_docker_s_cli
from test_takeover_corpus import observed_of

from ansible_collections.stackwright.swarm.plugins.plugin_utils.exporting.stack import export_stack

SAMPLE = 1 if os.environ.get("STACKWRIGHT_LONG") else 8
#: What docker deploys and no deployment of ours would.
NO_SERVICE = f"stack {STACK}: it has no services to deploy"
NO_PATH = "the mount's target is not an absolute path"
NAMED = {
    "Haxxnet+Compose-Examples/examples/firezone/docker-compose.yml": NO_SERVICE,
    "compose-spec+docs/10-fragments-L47.yml": NO_PATH,
    "docker+awesome-compose/elasticsearch-logstash-kibana/compose.yaml": NO_SERVICE,
    "docker+cli/e2e/stack/testdata/stack-with-named-resources.yml": NO_PATH,
    "geraldsummers+Datamancy/stack.compose/docker-proxy.yml": NO_SERVICE,
    "portainer+templates/stacks/openamt/docker-compose.yml": NO_SERVICE,
    "vegasbrianc+prometheus/pwd-stack.yml": NO_SERVICE,
}
#: Compose makes a path of an empty device; the Engine and we leave it empty.
EMPTY_DEVICE = "docker+compose/pkg/e2e/fixtures/project-volume-bind-test/docker-compose.yml"


@pytest.fixture(scope="module")
def exports(shared):
    """Name → what docker's CLI was asked, and the export of what an engine made of it."""
    folder = shared / "corpus-expected"
    found = {}
    for path in sorted(folder.glob("*/**/*.json")):
        case = json.loads(path.read_text())
        if case["real"]:
            real = json.loads(json.dumps(case["real"]).replace('"@auto"', '"10.0.1.0/24"'))
            made = export_stack(STACK, observed_of(real, "/root/corpus"), "stackwright")
            found[str(path.relative_to(folder))[: -len(".json")]] = case, made
    assert len(found) == 272
    return found


def test_an_export_changes_nothing_or_says_why(exports):
    lost = {name: {one.rpartition("]: ")[2] for one in made.lost} for name, (_case, made) in exports.items()}
    assert {name: found for name, found in lost.items() if found} == {name: {why} for name, why in NAMED.items()}


def test_docker_makes_the_same_of_the_export(exports, tmp_path):
    differing = {}
    for name, (case, made) in list(exports.items())[::SAMPLE]:
        if not made.lost:
            file = written(made, tmp_path / name)
            given = json.loads(json.dumps(case["mock"]).replace("@CORPUS", "/root/corpus"))
            found = of_docker_s_cli(file, STACK, given, case["case"]["seed"])
            differing.update({name: found} if found else {})
    assert differing == {}


@pytest.mark.skipif(not BINARY.exists(), reason="docker-compose is not there: run tests/tools/fetch_compose.sh")
def test_compose_reads_in_the_export_what_we_read(exports, tmp_path):
    differing = {}
    for name, (_case, made) in list(exports.items())[::SAMPLE]:
        if not made.lost:
            found = of_compose(written(made, tmp_path / name))
            differing.update({name: found} if found else {})
    lines = differing.pop(EMPTY_DEVICE, ["volumes.project-data.driver_opts.device: "])
    assert [line.partition(": ")[0] for line in lines] == ["volumes.project-data.driver_opts.device"]
    assert differing == {}


def written(made, folder):
    for path, content in made.files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder / "compose.yml"
