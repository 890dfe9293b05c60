"""Rules for the documentation of the modules."""

import ast
import importlib
import io
import json
from pathlib import Path

import pytest
import yaml
from ansible.module_utils import basic

from ansible_collections.stackwright.swarm.plugins.module_utils.adapter import module as run
from ansible_collections.stackwright.swarm.plugins.module_utils.adapter.option_specs import COMPILED, STACK

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("*.py"))


def keys(returned, path=""):
    for key, entry in (returned or {}).items():
        yield f"{path}{key}", key
        yield from keys(entry.get("contains"), f"{path}{key}.")


@pytest.mark.parametrize("name", MODULES)
def test_no_result_hides_behind_a_method(name):
    """``result.values`` in a template is the method of a dictionary. ansible-test refuses such keys since 2.21."""
    module = importlib.import_module(f"ansible_collections.stackwright.swarm.plugins.modules.{name}")
    found = list(keys(yaml.load(module.RETURN, yaml.CSafeLoader)))
    assert found and [path for path, key in found if hasattr(dict, key) or not key.isidentifier()] == []


@pytest.mark.parametrize("name", MODULES)
def test_only_what_users_can_set_is_an_option(name):
    module = importlib.import_module(f"ansible_collections.stackwright.swarm.plugins.modules.{name}")
    options = yaml.load(module.DOCUMENTATION, yaml.CSafeLoader).get("options") or {}
    assert [option for option in options if "do not set it" in str(options[option]).lower()] == []


@pytest.mark.parametrize("name", ["deploy_webhook", "swarm_events"])
def test_an_event_source_has_documentation_that_can_be_read(name):
    """ansible-doc does not read event sources, so this is the only check."""
    body = ast.parse((ROOT / "extensions/eda/plugins/event_source" / f"{name}.py").read_text()).body
    texts = {node.targets[0].id: node.value for node in body if isinstance(node, ast.Assign)}
    read = yaml.load(ast.literal_eval(texts["DOCUMENTATION"]), yaml.CSafeLoader)
    assert read["module"] == name and read["options"]


@pytest.fixture
def module(monkeypatch):
    def made(**given):
        arguments = json.dumps({"ANSIBLE_MODULE_ARGS": {"name": "shop", **given}}).encode()
        monkeypatch.setattr(basic, "_ANSIBLE_ARGS", arguments)
        monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
        return run.Module(argument_spec=STACK)

    return made


def test_what_the_action_hands_over_is_no_option(module, monkeypatch):
    logged = []
    monkeypatch.setattr(run.Module, "log", lambda self, msg, log_args=None: logged.append((msg, log_args)))
    made = module(**{COMPILED: json.dumps({"desired": {"secret": "hunter2"}})})
    assert made.compiled == {"desired": {"secret": "hunter2"}}
    assert set(made.params) == set(STACK)
    monkeypatch.setattr("sys.stdout", io.StringIO())
    told = made.told({"changed": False})
    assert "hunter2" not in str(logged) + str(told) and COMPILED not in str(told["invocation"])


def test_a_module_without_its_action_has_been_handed_nothing(module):
    assert module().compiled == {}
