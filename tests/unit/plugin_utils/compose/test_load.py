"""Golden cases of load: each directory under tests/unit/cases/load/ is one (see load_cases.py)."""

import importlib.util
from pathlib import Path

import pytest
import yaml

_SPEC = importlib.util.spec_from_file_location("load_cases", Path(__file__).with_name("load_cases.py"))
load_cases = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(load_cases)

DIRECTORIES = sorted(path.parent for path in load_cases.CASES.glob("*/case.yml"))


def test_there_are_cases():
    assert len(DIRECTORIES) > 20


@pytest.mark.slow
@pytest.mark.parametrize("directory", DIRECTORIES, ids=lambda path: path.name)
def test_load_gives_what_the_case_expects(directory):
    assert load_cases.case_of(directory)["intent"]
    expected = yaml.safe_load((directory / "expected.yml").read_text(encoding="utf-8"))
    assert yaml.safe_load(load_cases.dump(load_cases.run_case(directory))) == expected
