"""docs/guides/values.md: its table matches the generators, and its files compile."""

import importlib
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from ansible_collections.stackwright.swarm.plugins.module_utils.values.generators import GENERATORS
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.compile import CompileRequest, compile_stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.load import Source
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.file_source import MemoryFiles

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "guides" / "values.md").read_text()
FILES = [text for text in re.findall(r"```yaml\n(.*?)```", PAGE, re.S) if "services:\n  " in text and "image:" in text]


def test_the_table_states_the_entropy_of_every_generator():
    found = {}
    for cells in re.findall(r"^\| (`generate_.*) \| .* \| (.*) \|$", PAGE, re.M):
        for name, parameters in re.findall(r"`(generate_\w+)(?:\((.*?)\))?`", cells[0]):
            found[name] = (parameters, cells[1])
    assert set(found) == set(GENERATORS)
    for name, (parameters, entropy) in found.items():
        generator = GENERATORS[name]
        if name == "generate_jwt":
            assert entropy == "that of its key"
            continue
        defaults = dict(re.findall(r'(\w+)="?([^",)]+)', parameters))
        assert defaults == {parameter.name: str(parameter.default) for parameter in generator.parameters}
        # Rounded down, never up.
        stated, bits = float(re.search(r"([0-9.]+) bits$", entropy).group(1)), generator.entropy(generator.params())
        assert bits - 0.1 < stated <= bits


@pytest.mark.parametrize("text", FILES)
def test_the_files_of_the_page_compile(text):
    desired = compile_stack(CompileRequest([Source("compose.yml", text)], name="shop"), MemoryFiles({}))
    assert desired["values"]


def test_there_are_files():
    assert len(FILES) == 2


def test_the_derivation_is_as_described():
    script = re.search(r"<<'EOT'\n(.*?)EOT", PAGE, re.S).group(1)
    printed = subprocess.run(["python3", "-c", script], capture_output=True, text=True, check=True).stdout.strip()
    module = importlib.import_module("ansible_collections.stackwright.swarm.plugins.filter.generate")
    assert module.FilterModule().filters()["generate_hex"]("db", seed="seed") == printed


def test_the_overrides_of_the_page_are_options():
    text = re.search(r"```yaml\n(- stackwright.swarm.compose_stack:\n.*?)```", PAGE, re.S).group(1)
    given = yaml.safe_load(text)[0]["stackwright.swarm.compose_stack"]["env_overrides"]
    request = CompileRequest([Source("compose.yml", FILES[1])], name="shop", env_overrides=given)
    values = {entry["name"]: entry for entry in compile_stack(request, MemoryFiles({}))["values"]}
    assert values["stack/DB_PASSWORD"]["given"] == "{{ vault_db_password }}"
    assert values["stack/DB_USER"]["generator"] == "generate_user"
