"""docs/architecture.md lists exactly the existing rooms and files."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = ROOT / "plugins"
PAGE = (ROOT / "docs" / "architecture.md").read_text()


def listed(page):
    """Returns the files that a page lists, each with its description."""
    found = {}
    for room, text in re.findall(r"^### `([a-z_/]+)/`\n(.*?)(?=^##|\Z)", page, re.M | re.S):
        for file, what in re.findall(r"^\* `([a-z_0-9]+\.pyi?)`: (.*)$", text, re.M):
            assert f"{room}/{file}" not in found, f"{room}/{file} is listed twice"
            found[f"{room}/{file}"] = what
    return found


def there():
    return {
        path.relative_to(PLUGINS).as_posix()
        for path in PLUGINS.rglob("*.py*")
        if path.suffix != ".pyc" and path.name != "__init__.py"
    }


def test_every_file_has_its_line():
    lines = listed(PAGE)
    assert sorted(there() - lines.keys()) == [], "add a line for each under 'Every file' of docs/architecture.md"
    assert sorted(lines.keys() - there()) == [], "docs/architecture.md lists files that are not there"
    assert [file for file, what in lines.items() if len(what) < 10] == [], "say what the file is for"


def test_every_room_has_its_row():
    rows = set(re.findall(r"^\| `([a-z_/]+)/` \| .{10,} \| [^|]* \|$", PAGE, re.M))
    rooms = {path.parent.relative_to(PLUGINS).as_posix() for path in PLUGINS.rglob("*.py") if path.stem != "__init__"}
    assert rooms == rows


def changes():
    table = PAGE.split("## To change something")[1].split("\n## ")[0]
    return re.findall(r"^\| (?!to change|---)([^|]+) \| ([^|]+) \| ([^|]+) \|$", table, re.M)


@pytest.mark.parametrize(("what", "start", "also"), changes(), ids=lambda text: text[:30])
def test_where_a_change_begins_is_there(what, start, also):
    assert re.fullmatch(r"`[^`]+`", start), f"{what}: one file to start in"
    for path in re.findall(r"`([\w/.-]+/[\w/.-]+)`", start + also):
        assert (ROOT / path).exists() or (PLUGINS / path).exists(), f"{what}: {path} is not there"


@pytest.mark.parametrize(
    "kind",
    [
        "Compose key",
        "route",
        "call of the Engine",
        "another try",
        "progress",
        "reason in the plan",
        "check of preflight",
        "result",
        "label",
        "kind of drift",
        "default",
        "lock",
        "bundle",
        "snapshot",
        "channel",
        "survey",
        "role",
        "report",
        "membership",
        "registry of services",
    ],
)
def test_the_table_has_what_is_changed_most(kind):
    assert any(kind in what for what, _start, _also in changes())


def test_a_file_that_nobody_lists_is_found():
    page = "### `module_utils/core/`\n\n* `errors.py`: The errors of the collection.\n"
    assert listed(page) == {"module_utils/core/errors.py": "The errors of the collection."}
