"""docs/errors.md lists every error code of the collection, and no other."""

import ast
import builtins
import functools
import re
from pathlib import Path

import parsed
import pytest

ROOT = Path(__file__).resolve().parents[2]
CODE = re.compile(r"[a-z][a-z0-9_]*\Z")
#: Internal: caught before a task ends, or replaced by the code of its cause.
INTERNAL = {"error", "not_shared", "unanswered"}


def literals(node):
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from literals(node.body)
        yield from literals(node.orelse)


def of_source(source):
    """Yields the texts of a source in the places of an error code."""
    for node in parsed.nodes(source):
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            ours = name.endswith("Error") and not hasattr(builtins, name)
            if ours and len(node.args) > 1:
                yield from literals(node.args[1])
            for keyword in node.keywords:
                if keyword.arg == "error_code":
                    yield from literals(keyword.value)
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and key.value == "error_code":
                    yield from literals(value)
        elif isinstance(node, ast.Assign) and any(getattr(one, "id", "") == "default_code" for one in node.targets):
            yield from literals(node.value)


@functools.cache
def used():
    sources = (path.read_text() for path in (ROOT / "plugins").rglob("*.py"))
    return {code for source in sources for code in of_source(source) if CODE.match(code)} - INTERNAL


def listed():
    rows = re.findall(r"^\| (`.*?`) \|", (ROOT / "docs/errors.md").read_text(), re.M)
    return [code for row in rows for code in re.findall(r"`(\w+)`", row)]


def test_each_code_has_its_cause_and_remedy():
    missing = sorted(used() - set(listed()))
    assert not missing, f"add to docs/errors.md: {missing}"


@pytest.mark.parametrize("guide", sorted((ROOT / "docs/guides").glob("*.md")), ids=lambda path: path.stem)
def test_each_code_of_a_guide_is_in_the_list(guide):
    tables = re.findall(r"^\| (?:`?error_code`? \||code \| meaning).*\n((?:\|.*\n)+)", guide.read_text(), re.M)
    named = {
        code
        for rows in tables
        for cell in re.findall(r"^\|(.*?)\|", rows, re.M)
        for code in re.findall(r"`(\w+)`", cell)
    }
    assert not named - set(listed())


def test_no_code_is_listed_that_nobody_gives():
    text = "\n".join(path.read_text() for path in (ROOT / "plugins").rglob("*.py"))
    spare = [code for code in listed() if f'"{code}"' not in text]
    assert not spare and len(listed()) == len(set(listed()))


def test_the_scan_sees_each_form():
    text = "class A(E):\n    default_code = 'a'\nE2Error('x', 'b')\nf(error_code='c' if x else 'e')\n"
    assert set(of_source(text + "d = {'error_code': 'd'}\n")) == {"a", "b", "c", "d", "e"}
    assert len(used()) > 100
