"""A key is one row, and at most one function: those of docs/contributing/compose_key.md are added, and work."""

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert import service_spec
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.keys.table import SERVICE_KEYS

ROOT = Path(__file__).resolve().parents[4]
COMPOSE = ROOT / "plugins" / "plugin_utils" / "compose"
PAGE = (ROOT / "docs" / "contributing" / "compose_key.md").read_text()
SHOWN = re.compile(r"<!-- (row|function) of: (\S+) -->\n```python\n(.*?)```", re.S)

#: Replaces the text of our files when Python loads them, then compiles each project of the input.
PROGRAM = """
import importlib.abc, importlib.machinery, json, sys
given = json.load(sys.stdin)
sys.path[:0] = given["path"]

class Changed(importlib.machinery.SourceFileLoader):
    def get_code(self, name):
        return compile(given["files"][name], self.path, "exec")

class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        spec = importlib.machinery.PathFinder.find_spec(name, path, target) if name in given["files"] else None
        if spec:
            spec.loader = Changed(name, spec.origin)
        return spec

sys.meta_path.insert(0, Finder())
our = "ansible_collections.stackwright.swarm.plugins."
errors = __import__(our + "module_utils.core.errors", fromlist=["x"])
compiler = __import__(our + "plugin_utils.compose.compile", fromlist=["x"])
loader = __import__(our + "plugin_utils.compose.load.load", fromlist=["x"])
files = __import__(our + "plugin_utils.compose.source.file_source", fromlist=["x"])
found = []
for texts in given["projects"]:
    sources = [loader.Source(f"{number}.yml", text) for number, text in enumerate(texts)]
    try:
        desired = compiler.compile_stack(compiler.CompileRequest(sources, name="shop"), files.MemoryFiles({}))
        specs = {service["name"]: service["spec"] for service in desired["services"]}
        found.append({name: spec["TaskTemplate"]["ContainerSpec"] for name, spec in specs.items()})
    except errors.ComposeError as error:
        found.append([problem.as_dict() for problem in error.problems])
json.dump(found, sys.stdout)
"""


def changed_files(shown=None):
    """Returns the files of the page with its additions (or ``shown``), by the names of their modules."""
    texts = {}
    for what, name, code in SHOWN.findall(PAGE) if shown is None else shown:
        module = "ansible_collections.stackwright.swarm." + name[: -len(".py")].replace("/", ".")
        text = texts.get(module) or (ROOT / name).read_text()
        table = "SERVICE: dict[str, Key] = {\n"
        assert what == "function" or table in text
        texts[module] = text.replace(table, table + code) if what == "row" else f"{text}\n\n{code}"
    return texts


def compiled(*projects, files=None):
    given = {
        "files": changed_files() if files is None else files,
        "path": [path for path in sys.path if path],
        "projects": [[f"services: {{web: {service}}}" for service in services] for services in projects],
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], input=json.dumps(given), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_page_shows_two_rows_and_one_function():
    assert Counter(what for what, _name, _code in SHOWN.findall(PAGE)) == {"row": 2, "function": 1}


def test_without_its_row_a_key_is_unknown():
    [problems] = compiled(["{image: a, storage_classes: [fast]}"], files={})
    assert [problem["code"] for problem in problems] == ["unknown_key"]


def test_a_row_is_enough():
    plain, merged, replaced, wrong, step = compiled(
        ["{image: a, storage_classes: [fast, big]}"],
        ["{image: a, storage_classes: [fast, big]}", "{storage_classes: [big, cold]}"],
        ["{image: a, storage_classes: [fast, big]}", "{storage_classes: !override [cold]}"],
        ["{image: a, storage_classes: {a: b}}"],
        ["{image: a, storage_classes: [fast], pre_start: [{command: b}]}"],
    )
    assert plain["shop_web"]["StorageClasses"] == ["fast", "big"]
    assert merged["shop_web"]["StorageClasses"] == ["fast", "big", "cold"], "each text once"
    assert replaced["shop_web"]["StorageClasses"] == ["cold"]
    assert [(problem["key"], problem["code"]) for problem in wrong] == [("services.web.storage_classes", "type")]
    assert wrong[0]["message"] == "expected a list of texts, found a mapping"
    assert step["shop_web_pre_start_1"]["StorageClasses"] == ["fast"]


def test_a_function_makes_a_field_that_is_not_the_value():
    text, later, absent, hot, wrong = compiled(
        ['{image: a, warmth: "${NONE:-12}"}'],
        ["{image: a, warmth: 12}", "{warmth: 13}"],
        ["{image: a}"],
        ["{image: a, warmth: 101}"],
        ["{image: a, warmth: many}"],
    )
    assert text["shop_web"]["Warmth"] == {"Degrees": 12}
    assert later["shop_web"]["Warmth"] == {"Degrees": 13}
    assert "Warmth" not in absent["shop_web"]
    assert [(problem["message"], problem["line"]) for problem in hot] == [("is too hot", 1)]
    assert [problem["key"] for problem in wrong] == ["services.web.warmth"]


#: A value of each kind of a service's key, and the value of its field.
KINDS = {
    "TEXT_OR_NULL": ("a", "a"),
    "PLAIN_OR_NULL": ("7", "7"),
    "TEXTS": ("[b, a]", ["b", "a"]),
    "PLAINS": ("[7]", ["7"]),
    "TEXT_OR_TEXTS": ("a", ["a"]),
    "COMMAND": ("a 'b c'", ["a", "b c"]),
    "PAIRS": ("[B=1, A]", {"A": "", "B": "1"}),
    "OPTIONS": ("{a: 1}", {"a": "1"}),
    "BOOLEAN_OR_NULL": ("'yes'", True),
    "SWITCH": ("'off'", False),
    "INTEGER_OR_NULL": ("'12'", 12),
    "NUMBER_OR_NULL": ("'0.5'", 0.5),
    "DURATION": ("1m30s", 90 * 10**9),
    "MEMORY": ("8M", 8 * 2**20),
    "SIZE": ("1k", 1024),
    "CPUS": ("'0.5'", 5 * 10**8),
}


def test_each_kind_brings_its_values_into_the_field():
    table = "plugins/plugin_utils/compose/keys/keys_service.py"
    rows = [("row", table, f'    "a_{kind.lower()}": carried(k.{kind}, _C + "A{kind}"),\n') for kind in KINDS]
    keys = "".join(f", a_{kind.lower()}: {value}" for kind, (value, _field) in KINDS.items())
    [found] = compiled([f"{{image: a{keys}}}"], files=changed_files(rows))
    assert {kind: found["shop_web"].get(f"A{kind}") for kind in KINDS} == {kind: f for kind, (_v, f) in KINDS.items()}


#: Keys that are copied to a field, and also have another effect.
ALSO = {
    "command": "hosts are looked for in it",
    "entrypoint": "hosts are looked for in it",
    "hostname": "Swarm expands templates in it",
    "isolation": "build has such a key",
    "read_only": "volumes have such a key",
    "user": "steps and security have such a key",
    "working_dir": "steps have such a key",
}


def copied():
    made = {key for field in (*service_spec.CONTAINER, *service_spec.TASK) for key in field.keys}
    functions = {key for field in service_spec.FIELDS for key in field.keys}
    return sorted(key for key in made - functions if key not in ALSO)


@pytest.mark.parametrize("key", copied())
def test_a_key_that_is_copied_stands_in_the_table_only(key):
    files = [*COMPOSE.rglob("*.py"), *COMPOSE.rglob("*.json")]
    places = [path.relative_to(COMPOSE).as_posix() for path in files if f'"{key}"' in path.read_text()]
    assert places == ["keys/keys_service.py"]


def test_such_keys_are_found():
    assert {"group_add", "oom_score_adj", "sysctls", "tty"} <= set(copied())
    assert set(ALSO) <= SERVICE_KEYS.keys()
