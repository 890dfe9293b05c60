"""The example stacks of examples/catalogue: each compiles without a finding, and plans its first deployment."""

import re
import sys
from pathlib import Path

import pytest

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.compile import CompileRequest, compile_stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.load import Source
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.local_files import LocalFiles

ROOT = Path(__file__).resolve().parents[2]
CATALOGUE = ROOT / "examples" / "catalogue"
STACKS = sorted(path.parent.name for path in CATALOGUE.glob("*/compose.yml"))

sys.path.insert(0, str(Path(__file__).parent / "module_utils" / "deploy"))
from fake_swarm import FakeSwarm
from runs import deploy


def compiled(name, **variables):
    path = CATALOGUE / name / "compose.yml"
    return compile_stack(
        CompileRequest(sources=[Source(str(path))], variables=variables, confine="project"), LocalFiles()
    )


@pytest.mark.parametrize("name", STACKS)
def test_an_example_compiles_and_plans_its_services(name):
    desired = compiled(name)
    assert desired["notices"] == []
    plan = deploy(FakeSwarm(), desired, check=True)["plan"]
    created = {step["name"] for step in plan if (step["kind"], step["action"]) == ("service", "create")}
    wanted = {entry["name"] for entry in desired["services"]}
    assert wanted <= created and not [step for step in plan if step["action"] not in ("create", "remove", "set")]


def test_the_page_lists_each_of_them():
    listed = re.findall(r"\]\((\w+)/compose\.yml\)", (CATALOGUE / "README.md").read_text())
    assert sorted(listed) == STACKS and len(STACKS) == 8


def test_each_has_domains_of_its_own():
    found = [route["domain"] for name in STACKS for route in compiled(name)["routes"]]
    assert len(set(found)) == len(found) > 5


def test_the_switch_of_blue_and_green_changes_no_task():
    switched = {"BLUE_DOMAIN": "next.shop.example.com", "GREEN_DOMAIN": "shop.example.com"}
    before, after = (
        {entry["name"]: entry["spec"] for entry in compiled("blue_green", **given)["services"]}
        for given in ({}, switched)
    )
    assert before != after
    assert {name: spec["TaskTemplate"] for name, spec in before.items()} == {
        name: spec["TaskTemplate"] for name, spec in after.items()
    }
