"""Groups of module_defaults: every module is in one, and modules of ``stack`` have the options that it sets."""

import ast
from pathlib import Path

import parsed
import yaml

ROOT = Path(__file__).resolve().parents[2]
GROUPS = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text(encoding="utf-8"))["action_groups"]
MODULES = {path.stem: path.read_text(encoding="utf-8") for path in (ROOT / "plugins" / "modules").glob("*.py")}


def test_every_module_is_in_the_group_of_all():
    assert sorted(GROUPS["swarm"]) == sorted(MODULES)


def test_the_modules_of_a_stack_are_those_that_know_its_options():
    of_a_stack = {name for name, text in MODULES.items() if "\n  - stackwright.swarm.stack\n" in text}
    assert sorted(GROUPS["stack"]) == sorted(of_a_stack)
    assert not {"swarm_info", "caddy_route", "caddy_route_info"} & of_a_stack


def test_each_says_in_which_groups_it_is():
    for name, text in MODULES.items():
        (documentation,) = [
            ast.literal_eval(node.value)
            for node in parsed.tree(text).body
            if isinstance(node, ast.Assign) and node.targets[0].id == "DOCUMENTATION"
        ]
        fragments = yaml.load(documentation, yaml.CSafeLoader)["extends_documentation_fragment"]
        fragment = "stack_group" if name in GROUPS["stack"] else "action_group"
        assert f"stackwright.swarm.attributes.{fragment}" in fragments, name
