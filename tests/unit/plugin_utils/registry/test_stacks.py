"""A registry as one stack per category: what each has, what they share, and in which order they are deployed."""

from __future__ import annotations

import pytest
import yaml

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ComposeError
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.compile import CompileRequest, compile_stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.load import Source as ComposeSource
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.file_source import MemoryFiles
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.checks.check_registry import checked
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.generate.stacks import by_category
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.generate.whole import project_of
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.model import Source
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.showing.describe import steps

TEXT = """\
networks:
  back: {subnet: 10.30.0.0/24, attachable: true, labels: [a=b]}
  public: {external: true}
volumes: {data: , files: {name: kept}, nfs: {external: true}}
secrets: {key: {content: abc}, other: {content: def}}
configs: {page: {content: hello}}
data:
  db: {image: "postgres:16", networks: [back], volumes: ["data:/data"], secrets: [key], phase: one}
  backup: {image: "backup:1", volumes: ["data:/data:ro", "files:/f"], depends_on: [db], phase: one}
apps:
  web:
    image: "web:1"
    networks: [back, public]
    depends_on: {db: {condition: service_healthy}, cache: {condition: service_started}}
    configs: [{source: page, target: /page}]
    secrets: [key]
    phase: two
  cache: {image: "cache:1", networks: [back], phase: two}
phases: {one: {order: 1}, two: {order: 2}}
"""


def split(text, absent=()):
    registry, findings = checked([Source("/p/services.registry.yaml", text.encode())])
    found = by_category(registry, project_of(registry, findings, "stackwright"), "shop", absent, findings)
    findings.finish()
    return registry, *found


def test_each_stack_has_what_its_services_use():
    _registry, stacks, networks = split(TEXT)
    assert list(stacks) == ["data", "apps"]
    data, apps = (yaml.safe_load(text) for text in stacks.values())
    assert list(data["services"]) == ["db", "backup"] and data["services"]["backup"]["depends_on"] == ["db"]
    assert apps["services"]["web"]["depends_on"] == {"cache": {"condition": "service_started"}}
    assert list(data["secrets"]) == ["key"] == list(apps["secrets"]) and "configs" not in data
    assert list(apps["configs"]) == ["page"]
    shared = {"external": True, "name": "shop_back"}
    assert data["networks"] == {"back": shared, "default": {"external": True, "name": "shop_default"}}
    assert apps["networks"] == {"back": shared, "public": {"external": True, "name": "public"}}
    names = {"data": {"name": "shop_data"}, "files": {"name": "kept"}, "nfs": {"external": True, "name": "nfs"}}
    assert data["volumes"] == names
    assert networks == [
        {"name": "shop_default"},
        {"name": "shop_back", "attachable": True, "labels": {"a": "b"}, "ipam": [{"subnet": "10.30.0.0/24"}]},
    ]


def test_networks_that_do_not_exist_yet_are_planned():
    _registry, stacks, _networks = split(TEXT, ["shop_back"])
    found = yaml.safe_load(stacks["data"])["networks"]
    assert found["back"]["name"] == "shop_back" and "external" not in found["back"]
    assert found["default"] == {"external": True, "name": "shop_default"}


def test_each_stack_compiles():
    _registry, stacks, _networks = split(TEXT)
    for category, text in stacks.items():
        request = CompileRequest([ComposeSource("compose.yml", text)], name=f"shop-{category}")
        desired = compile_stack(request, MemoryFiles({}))
        assert all(network["external"] for network in desired["networks"])


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("content: abc", "content: '{{ generate_hex }}'", 5, "each of the stacks of the categories data and apps"),
        ("attachable: true", "driver: $DRIVER", 2, "can't have variables"),
        ("attachable: true", "ipam: {driver: x}", 2, "can't have ipam.driver"),
    ],
)
def test_what_stacks_can_not_share_is_a_problem(old, new, line, message):
    with pytest.raises(ComposeError) as error:
        split(TEXT.replace("subnet: 10.30.0.0/24, attachable", "attachable").replace(old, new))
    assert f"services.registry.yaml:{line}:" in str(error.value) and message in str(error.value)


def test_a_generated_value_of_one_category_is_its_own():
    text = TEXT.replace("content: def", "content: '{{ generate_hex }}'")
    assert "generate_hex" not in "".join(split(text)[1].values())


def test_the_deployments_of_a_step_are_in_the_order_of_their_dependencies():
    text = """\
a:
  one: {image: "x:1"}
  three: {image: "x:1", depends_on: [two]}
  free: {image: "x:1", depends_on: [one]}
b:
  two: {image: "x:1", depends_on: [one]}
"""
    registry = split(text)[0]
    (step,) = steps(registry, per_category=True)
    assert [(part["category"], part["services"]) for part in step["parts"]] == [
        ("a", ["one", "free"]),
        ("b", ["two"]),
        ("a", ["three"]),
    ]
    (step,) = steps(registry)
    assert step["parts"] == [{"category": "", "services": ["one", "three", "free", "two"]}]
