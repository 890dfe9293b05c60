"""Golden cases of exports: each directory under tests/unit/cases/export/ is one.

CASE/spec.json    what the Engine gives, as cluster/observe.py reads it
CASE/compose.yml  the export of the one stack in it (of loose services, as a stack)
CASE/other.yml    optional: ``files`` (path to text), ``options``, ``lost``, ``secrets``, ``refused``
"""

import json
from pathlib import Path

import pytest
import yaml

from ansible_collections.stackwright.swarm.plugins.plugin_utils.exporting.whole import export_swarm

CASES = sorted((Path(__file__).parents[2] / "cases" / "export").iterdir())


@pytest.mark.parametrize("directory", CASES, ids=lambda path: path.name)
def test_case(directory):
    stacks, loose, refused = export_swarm(json.loads((directory / "spec.json").read_text()), "stackwright")
    (made,) = [*stacks, *loose]
    assert made.files["compose.yml"].decode() == (directory / "compose.yml").read_text()
    other = directory / "other.yml"
    expected = yaml.safe_load(other.read_text()) if other.exists() else {}
    files = {path: content.decode() for path, content in made.files.items() if path != "compose.yml"}
    found = {"files": files, "options": dict(made.options), "lost": made.lost, "secrets": made.secrets}
    assert {**found, "refused": refused} == {
        "files": {},
        "options": {"name": made.name},
        "lost": [],
        "secrets": [],
        "refused": [],
        **expected,
    }
