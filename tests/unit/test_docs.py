"""Runs the examples of docs/pipeline.md, so that the page stays up to date."""

import json
import re
from pathlib import Path

import pytest
import yaml

from ansible_collections.stackwright.swarm.plugins.module_utils.binding.bind import bind
from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ComposeError
from ansible_collections.stackwright.swarm.plugins.module_utils.planning.reconcile import reconcile
from ansible_collections.stackwright.swarm.plugins.module_utils.request.options import with_defaults
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.compile import CompileRequest, compile_stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.load import Source, load
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.file_source import MemoryFiles

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "pipeline.md").read_text()
EMPTY = {"info": {}, "services": [], "networks": [], "configs": [], "secrets": [], "tasks": []}


def block(title):
    return re.search(rf"<!-- {re.escape(title)} -->\n```\w+\n(.*?)```", PAGE, re.S).group(1)


@pytest.fixture
def source():
    return Source("compose.yml", block("file: compose.yml"))


def compiled(source, **more):
    return compile_stack(CompileRequest([source], variables={"LEVEL": "info"}, **more), MemoryFiles({}))


def plain(value):
    return json.loads(json.dumps(value))


def test_load(source):
    project = load([source], reader=MemoryFiles({}), variables={"LEVEL": "info"})
    assert plain(project.services) == yaml.safe_load(block("expect: services of the project"))


def test_validate():
    with pytest.raises(ComposeError) as caught:
        compiled(Source("compose.yml", block("problems of:")), name="shop")
    assert str(caught.value) + "\n" == block("are:")


def test_convert(source):
    web = next(service for service in compiled(source)["services"] if service["key"] == "web")
    assert web["spec"] == yaml.safe_load(block("expect: spec of web"))


def test_platform(source):
    desired = compiled(source, project="acme", environment="production", shared_networks=["public"])
    spec = next(service for service in desired["services"] if service["key"] == "web")["spec"]
    seen = {"Networks": spec["TaskTemplate"]["Networks"], "Labels": spec["Labels"]}
    assert seen == yaml.safe_load(block("expect: platform of web"))


def test_plan(source):
    desired = compiled(source)
    plan = reconcile(bind(desired, EMPTY, False), EMPTY, with_defaults({"resolve_image": "never"}))
    assert "".join(line + "\n" for line in plan.lines()) == block("expect: plan")
