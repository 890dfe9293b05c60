"""Golden cases of exports: each directory under tests/unit/cases/export/ is one.

CASE/spec.json    what the Engine gives, as cluster/observe.py reads it
CASE/compose.yml  the export of the one stack in it (of loose services, as a stack)
CASE/other.yml    optional: ``files`` (path to text), ``options``, ``lost``, ``secrets``, ``refused``
"""

import copy
import json
from pathlib import Path

import pytest
import yaml

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import StackwrightError
from ansible_collections.stackwright.swarm.plugins.plugin_utils.exporting.whole import export_stacks, export_swarm

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


def snapshot(case):
    return json.loads((CASES[0].parent / case / "spec.json").read_text())


def test_a_stack_whose_name_is_a_path_is_no_folder():
    """The label may contain any text."""
    hostile = json.loads(json.dumps(snapshot("one_service")).replace('"shop"', '"../../etc"'))
    stacks, _loose, refused = export_swarm(hostile, "stackwright")
    assert (stacks, len(refused)) == ([], 1)
    with pytest.raises(StackwrightError) as caught:
        export_stacks(["../../etc"], hostile, "stackwright")
    assert caught.value.error_code == "invalid_name"


def test_a_text_that_no_yaml_can_hold_is_an_error_of_its_stack():
    broken = snapshot("one_service")
    other = copy.deepcopy(broken["services"][0])
    broken["services"][0]["Spec"]["TaskTemplate"]["ContainerSpec"]["Env"] = ["A=\ud800"]
    other["Spec"].update(Name="other_web", Labels={"com.docker.stack.namespace": "other"})
    broken["services"].append(other)
    stacks, _loose, refused = export_swarm(broken, "stackwright")
    assert ([one.name for one in stacks], len(refused)) == (["other"], 1)
    with pytest.raises(StackwrightError) as caught:
        export_stacks(["shop"], broken, "stackwright")
    assert caught.value.error_code == "not_exportable"


def test_a_loose_service_takes_no_name_of_a_stack():
    both = snapshot("loose")
    both["services"].append({**snapshot("one_service")["services"][0]})
    both["services"][-1]["Spec"].update(Name="hand-made_x", Labels={"com.docker.stack.namespace": "hand-made"})
    _stacks, loose, _refused = export_swarm(both, "stackwright")
    assert [(one.name, one.loose) for one in loose] == [("hand-made-2", "hand-made")]
