"""Golden cases of platform: each directory under tests/unit/cases/platform/ is one (see desired_cases.py)."""

import importlib.util
from pathlib import Path

import pytest

_SPEC = importlib.util.spec_from_file_location("desired_cases", Path(__file__).with_name("desired_cases.py"))
desired_cases = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(desired_cases)

DIRECTORIES = desired_cases.directories("platform")


def test_there_are_cases():
    assert len(DIRECTORIES) > 5


@pytest.mark.parametrize("directory", DIRECTORIES, ids=lambda path: path.name)
def test_case(directory):
    assert desired_cases.differences(directory) == []
