"""Options for part of a stack, as the compiler turns them into a desired state."""

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.errors import ComposeError
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.compile import CompileRequest, compile_stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.files import MemoryFiles
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load import Source

FILE = {"services": {"web": {"image": "a:1"}, "db": {"image": "b:1"}, "job": {"image": "c:1"}}}


def compiled(file=FILE, files=(), **parts):
    request = CompileRequest([Source("/p/compose.yml", file)], name="shop", parts=parts)
    return compile_stack(request, MemoryFiles(dict(files)))


def by_key(desired):
    return {service["key"]: service for service in desired["services"]}


def test_what_is_left_stands_at_each_service():
    services = by_key(compiled(leave={"all": ["image"], "services": {"web": ["replicas", "image"], "db": "replicas"}}))
    assert services["web"]["leave"] == ["image", "replicas"] and services["db"]["leave"] == ["image", "replicas"]
    assert services["job"]["leave"] == ["image"]
    assert "leave" not in by_key(compiled())["web"]


def test_a_service_that_is_not_there_is_a_problem():
    with pytest.raises(ComposeError, match=r"leave.services: there is no service 'wep' \(did you mean web\?\)"):
        compiled(leave={"services": {"wep": ["replicas"]}})
