"""Python's own cache of compiled code for files that Ansible's collection loader would compile in each play."""

import ast
import os
import re
import shutil
import subprocess
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path

import pytest

from ansible_collections.stackwright.swarm.plugins.plugin_utils.loading.bytecode import PLUGINS, Finder

ROOT = Path(__file__).resolve().parents[3]
OURS = "ansible_collections.stackwright.swarm.plugins."
FIRST = f"import {OURS}plugin_utils.loading.bytecode as _  # noqa: F401"
KINDS = ("action", "callback", "filter", "inventory", "lookup")
USERS = sorted(
    path for kind in KINDS for path in (ROOT / "plugins" / kind).glob("*.py") if f"\nfrom {OURS}" in path.read_text()
)


@pytest.mark.parametrize("path", USERS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_each_plugin_imports_it_before_anything_else_of_ours(path):
    lines = path.read_text().splitlines()
    assert next(line for line in lines if line.startswith((f"import {OURS}", f"from {OURS}"))) == FIRST


def test_it_finds_what_is_ours_and_nothing_else(tmp_path):
    (tmp_path / "a_room").mkdir()
    (tmp_path / "a_room" / "__init__.py").touch()
    (tmp_path / "a_file.py").touch()
    (tmp_path / "a_folder").mkdir()
    finder, path = Finder(), [str(tmp_path)]
    assert PLUGINS == OURS
    for package in ("plugin_utils", "module_utils"):
        found = finder.find_spec(f"{OURS}{package}.a_file", path)
        assert isinstance(found.loader, SourceFileLoader) and found.origin == str(tmp_path / "a_file.py")
        assert finder.find_spec(f"{OURS}{package}.a_room", path).submodule_search_locations
        assert finder.find_spec(f"{OURS}{package}.a_folder", path) is None
        assert finder.find_spec(f"{OURS}{package}.nothing", path) is None
    assert finder.find_spec(f"{OURS}action.a_file", path) is None
    assert finder.find_spec("a_file", path) is None
    assert finder.find_spec(f"{OURS}plugin_utils.a_file") is None


TASK = """
import sys
from ansible.plugins.loader import action_loader, init_plugin_loader
compiled = []
sys.addaudithook(lambda event, args: compiled.append(str(args[1])) if event == "compile" else None)
init_plugin_loader([])
assert action_loader.get("stackwright.swarm.compose_stack", class_only=True)
print(sorted(name for name in compiled if "plugin_utils" in name or "module_utils" in name))
"""


@pytest.mark.slow
def test_a_second_play_compiles_nothing_that_a_first_has_compiled(tmp_path):
    ours = tmp_path / "ansible_collections" / "stackwright" / "swarm"
    for folder in ("plugins", "meta"):
        shutil.copytree(ROOT / folder, ours / folder, ignore=shutil.ignore_patterns("__pycache__"))
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "ANSIBLE_COLLECTIONS_PATH": str(tmp_path)}
    command = [sys.executable, "-c", TASK]
    first, second = (ast.literal_eval(subprocess.check_output(command, env=environment, text=True)) for _run in "12")
    assert len(first) > 100
    # The packages of these names, and what leads to the finder, stay with Ansible's loader.
    leads = r".*/plugins/(module_utils|plugin_utils)/(loading/)?(__init__|bytecode)\.py"
    assert second == [path for path in first if re.fullmatch(leads, path)]
