"""Registries with any value at any place: problems, never a traceback."""

import copy
import os
import sys
from pathlib import Path
from random import Random

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parent))

from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.checks.check_registry import checked
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.checks.images import images_to_ask
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.generate.changes import service_changes
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.generate.files import generate
from ansible_collections.stackwright.swarm.plugins.plugin_utils.registry.model import RegistryError, Source

CASE = Path(__file__).resolve().parents[2] / "cases" / "registry_files" / "shop" / "services.registry.yaml"
RUNS = int(os.environ.get("STACKWRIGHT_FUZZ_REGISTRY", "200"))
JUNK = (
    None, True, False, 0, -1, 10**30, 1.5, float("inf"), "", " ", "x", "$", "${", "${A", "${A:-${B}}", "a: b", "\u202e",
    "é", "\n", "-" * 300, "{{ generate_user }}", "{{ generate_", [], {}, [None], [[]], [{}], {"": ""}, {"a": None},
    {"x-a": 1}, ["a"], ["a", "a"], {"a": {"b": {"c": []}}}, "80:80", "[::1]:80:80", ":", "/", "..", "*", "*.a",
    "http://a", {"source": None}, {"target": "x"}, {"condition": 1}, {"order": None},
)  # fmt: skip


def places(node, path=()):
    yield path
    if isinstance(node, dict):
        for key, value in node.items():
            yield from places(value, (*path, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from places(value, (*path, index))


def spoilt(tree, random):
    tree = copy.deepcopy(tree)
    for _change in range(random.choice((1, 1, 1, 3))):
        path = random.choice(list(places(tree)))
        junk = copy.deepcopy(random.choice(JUNK))
        if not path:
            continue
        node = tree
        for key in path[:-1]:
            node = node[key]
        if isinstance(node, dict) and random.random() < 0.2:
            node[random.choice(("x", "", "é", "a b", "image", "routes", "deploy", "compose", "phases", "proxy"))] = junk
        else:
            node[path[-1]] = junk
    return tree


@pytest.mark.slow
def test_any_value_at_any_place():
    text = CASE.read_text().replace("{{ generate_user }}", '"{{ generate_user }}"')
    tree = yaml.safe_load(text)
    random = Random(47)
    failed = 0
    for number in range(RUNS):
        wrong = yaml.safe_dump(spoilt(tree, random), allow_unicode=True, sort_keys=False)
        try:
            registry, findings = checked([Source("r.yaml", wrong.encode())])
            images_to_ask(registry)
            files = generate(registry, findings, "r.yaml")
            findings.finish()
            service_changes({}, files)
        except RegistryError as error:
            failed += 1
            assert all(problem.line for problem in error.problems), f"{number}: {error}"
        except Exception as error:
            raise AssertionError(f"run {number}: {error!r}\n{wrong}") from error
    assert RUNS / 4 < failed < RUNS
