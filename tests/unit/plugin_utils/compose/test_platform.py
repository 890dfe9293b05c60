"""Golden cases of platform: each directory under tests/unit/cases/platform/ is one (see desired_cases.py)."""

import importlib.util
from pathlib import Path

import pytest

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.compile import CompileRequest, compile_stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.load import Source
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.file_source import MemoryFiles

_SPEC = importlib.util.spec_from_file_location("desired_cases", Path(__file__).with_name("desired_cases.py"))
desired_cases = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(desired_cases)

DIRECTORIES = desired_cases.directories("platform")


def test_there_are_cases():
    assert len(DIRECTORIES) > 5


@pytest.mark.parametrize("directory", DIRECTORIES, ids=lambda path: path.name)
def test_case(directory):
    assert desired_cases.differences(directory) == []


TOLD = """
services:
  web:
    image: x
    environment: {DB: "{{ network_alias | 'db' }}"}
    deploy: {labels: {stackwright.http.port: 80, stackwright.http.routes.0.domain: a.example.com}}
  db: {image: x}
"""


@pytest.mark.parametrize(
    "shared, options, hashed",
    [
        (None, {"preset": "paas"}, True),
        ([], {"preset": "paas"}, False),
        (["other"], {"preset": "paas"}, True),
        (None, {}, False),
        (None, {"preset": None, "logging": {"driver": None, "options": None}}, False),
    ],
)
def test_what_a_preset_shares_is_known_everywhere(shared, options, hashed):
    request = CompileRequest([Source("compose.yml", TOLD)], name="shop", shared_networks=shared, platform=options)
    desired = compile_stack(request, MemoryFiles({}))
    (web,) = (service for service in desired["services"] if service["key"] == "web")
    start = desired["stack"]["hash"] + "-"
    assert web["spec"]["TaskTemplate"]["ContainerSpec"]["Env"] == [f"DB={start if hashed else ''}db"]
    assert desired["routes"][0]["upstream"].startswith(start) == hashed
    joined = {network["name"] for network in desired["networks"]} - {"shop_default"}
    assert joined == (set(shared or ["public"]) if hashed else set())
