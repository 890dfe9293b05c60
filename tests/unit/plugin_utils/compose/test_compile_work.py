"""The work to compile an ordinary file, as counts of calls and lines: seconds would depend on the machine."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[4]
PLUGINS = "ansible_collections.stackwright.swarm.plugins."

#: Compiles in a separate process; prints the modules that it loaded, and the number of calls of our functions.
PROGRAM = """
import cProfile, json, sys
sys.path[:0] = {paths}
from big import compose
text = compose({count}) + {more!r}
from {plugins}plugin_utils.compose.compile import CompileRequest, compile_stack
from {plugins}plugin_utils.compose.load.load import Source
from {plugins}plugin_utils.compose.source.file_source import MemoryFiles
request = CompileRequest([Source("compose.yml", text)], name="big")
profile = cProfile.Profile(builtins=False)
desired = profile.runcall(compile_stack, request, MemoryFiles({{}}))
calls = sum(entry.callcount for entry in profile.getstats() if not isinstance(entry.code, str))
ours = [name[len("{plugins}"):] for name in sys.modules if name.startswith("{plugins}")]
lines = 0
for name in ours:
    with open(sys.modules["{plugins}" + name].__file__, encoding="utf-8") as file:
        lines += len(file.readlines())
json.dump({{"services": len(desired["services"]), "calls": calls, "modules": ours, "lines": lines}}, sys.stdout)
"""


def compiled(count, more=""):
    paths = [path for path in (str(ROOT / "tests" / "benchmark"), *sys.path) if path]
    program = PROGRAM.format(paths=paths, count=count, more=more, plugins=PLUGINS)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def hundred():
    return compiled(100)


@pytest.mark.slow
def test_an_ordinary_file_loads_what_it_needs_and_no_more(hundred):
    """Ansible compiles each line of a collection in every play, without bytecode."""
    assert hundred["services"] == 100
    assert 50 < len(hundred["modules"]) <= 110
    assert 5000 < hundred["lines"] <= 10_000
    for rare in ("gotemplate.expand", "routes", "load.cut", "load.merge", "schema.messages", "values.generators"):
        assert not [name for name in hundred["modules"] if name.endswith("." + rare)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("more", "needed"),
    [
        ("x-env: {A: '{{ generate_password }}'}\n", "module_utils.values.generators"),
        ("include: []\n", "plugin_utils.compose.load.include"),
    ],
)
def test_what_few_files_have_is_loaded_for_them(hundred, more, needed):
    assert needed not in hundred["modules"]
    assert needed in compiled(1, more)["modules"]


@pytest.mark.slow
def test_a_service_takes_a_bounded_number_of_calls(hundred):
    """Counts calls of Python functions. An ordinary service of 17 lines needs 1,160; it once needed 1,830."""
    one, thousand = compiled(1), compiled(1000)
    each = (hundred["calls"] - one["calls"]) / 99
    assert 100 < each <= 1300
    # Linear: 900 more services need no more calls each than the first 99.
    assert (thousand["calls"] - hundred["calls"]) / 900 <= 1.02 * each
