"""Labels to routes, as case files: tests/unit/cases/routes/CASE.

compose.yml    the Compose file
options.yml    optional: fields of CompileRequest
expected.yml   ``routes`` as in the desired state; notices and problems as ``LINE KEY CODE: MESSAGE``
"""

import json
from pathlib import Path

import pytest
import yaml

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ComposeError
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.compile import CompileRequest, compile_stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.load import Source
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.file_source import MemoryFiles

CASES = sorted((Path(__file__).resolve().parents[2] / "cases" / "routes").iterdir())


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name)
def test_case(case):
    expected = yaml.safe_load((case / "expected.yml").read_text())
    options = case / "options.yml"
    given = yaml.safe_load(options.read_text()) if options.exists() else {}
    source = Source("compose.yml", (case / "compose.yml").read_text())
    request = CompileRequest([source], **{"name": "shop", **given})
    try:
        desired = compile_stack(request, MemoryFiles({}))
    except ComposeError as error:
        assert [f"{p.line} {p.key} {p.code}: {p.message}" for p in error.problems] == expected.get("problems")
        return
    assert "problems" not in expected
    assert json.loads(json.dumps(desired)) == desired
    assert desired["routes"] == expected["routes"]
    notices = [f"{n['line']} {n['key']} {n['code']}: {n['message']}" for n in desired["notices"]]
    assert notices == expected.get("notices", [])


def test_twice_the_services_are_twice_the_work(calls):
    def work(count):
        labels = "deploy: {labels: {stackwright.http.port: '80', stackwright.http.routes.0.domain: h%d.example.com}}"
        services = "".join(f"  s{i}: {{image: x, {labels % i}}}\n" for i in range(count))
        request = CompileRequest([Source("compose.yml", "services:\n" + services)], name="shop")
        return calls(lambda: compile_stack(request, MemoryFiles({})))

    assert work(200) < 2.3 * work(100)
