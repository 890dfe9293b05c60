"""The golden cases of load against `docker compose config`: equal, or both refuse, unless the case says why not."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent


def _module(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


compare_compose = _module(HERE / "compare_compose.py")
load_cases = _module(HERE.parent / "unit" / "plugin_utils" / "compose" / "load_cases.py")

pytestmark = pytest.mark.skipif(
    not compare_compose.BINARY.exists(), reason="docker-compose is not there: run tests/tools/fetch_compose.sh"
)
CASES = [
    path.parent
    for path in sorted(load_cases.CASES.glob("*/case.yml"))
    if not {"oracle", "definition"} & set(load_cases.case_of(path.parent))
]


@pytest.mark.parametrize("directory", CASES, ids=lambda path: path.name)
def test_compose_says_the_same(directory):
    case = load_cases.case_of(directory)
    ours = load_cases.run_case(directory)
    name = case.get("name") or ours.get("name") or "project"
    files = [directory / file for file in case.get("sources", ["compose.yml"])]
    variables = {key: str(value) for key, value in case.get("variables", {}).items()}
    compose = compare_compose.ask_compose(files, variables, case.get("profiles", []), name)
    if "problems" in ours:
        assert compose.tree is None
        return
    assert compose.tree is not None, compose.refused
    tree = json.loads(json.dumps(compose.tree).replace(str(directory), load_cases.HOME))
    assert compare_compose.differences(tree, compare_compose.normal_form(ours, name)) == []
