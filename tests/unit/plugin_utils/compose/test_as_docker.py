"""``as_docker`` in the desired state: the spec that docker would create from the same file."""

import pytest

from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.compile import CompileRequest, compile_stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.load import Source
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.file_source import MemoryFiles

FILE = """\
services:
  db: {image: postgres}
  plain: {image: nginx}
  vpn: {image: vpn, network_mode: host}
  web: {image: nginx, tmpfs: /run, links: ["db:database"]}
"""


def services(**more):
    desired = compile_stack(CompileRequest([Source("compose.yml", FILE)], name="shop", **more), MemoryFiles({}))
    return {service["key"]: service for service in desired["services"]}


def test_services_that_docker_would_make_otherwise_remember_how():
    found = services()
    keys = {key: service["as_docker"]["keys"] for key, service in found.items() if "as_docker" in service}
    assert keys == {"db": ["links"], "vpn": ["network_mode"], "web": ["links", "tmpfs"]}
    assert "Mounts" in found["web"]["spec"]["TaskTemplate"]["ContainerSpec"]
    assert "Mounts" not in found["web"]["as_docker"]["spec"]["TaskTemplate"]["ContainerSpec"]
    networks = found["vpn"]["as_docker"]["spec"]["TaskTemplate"]["Networks"]
    assert [network["Target"] for network in networks] == ["shop_default"]


@pytest.mark.parametrize(
    "asked",
    [
        {"apply_ignored_keys": True},
        {"shared_networks": ["public"]},
        {"platform": {"environment": {"A": "b"}}},
        {"project": "acme", "environment": "test"},
    ],
)
def test_nothing_is_remembered_where_the_services_change_anyway(asked):
    assert not any("as_docker" in service for service in services(**asked).values())


def test_policies_that_are_off_leave_it_alone():
    assert "as_docker" in services(platform={"update_config": "keep", "generic_resources": {"nvidia": "GPU"}})["web"]
