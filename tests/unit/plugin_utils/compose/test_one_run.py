"""One run reports all problems of a file, and none that only follows from another one.

The tests break a good file in each place, and in each pair of places, as text and as a definition.
"""

import copy
import json

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ComposeError, StackwrightError
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.compile import CompileRequest, compile_stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.load import Source
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.file_source import MemoryFiles

FILES = {"motd.txt": "hello", "web.env": "A=1\n"}
#: One service and the objects that it uses; NAME and PORT make it independent of another one.
GROUP = """
services:
  NAME:
    image: nginx
    command: [serve, --now]
    environment: {LEVEL: info, WORKERS: 4}
    env_file: [{path: web.env, required: true}]
    labels: [a=b, c=d]
    ports: ["PORT1:80", {target: 81, published: PORT2, mode: host, protocol: udp}]
    networks: {NAME-net: {aliases: [www]}}
    volumes: ["NAME-data:/data", {type: volume, source: NAME-more, target: /more, read_only: true}]
    configs: [{source: NAME-motd, target: /etc/motd, mode: 288}, {source: NAME-issue, target: /etc/issue}]
    secrets: [NAME-password]
    depends_on: {NAME-db: {condition: service_healthy, required: true}}
    extra_hosts: ["host=10.0.0.1"]
    logging: {driver: json-file, options: {max-size: 10m}}
    ulimits: {nofile: {soft: 1, hard: 2}}
    stop_grace_period: 1m
    init: true
    deploy:
      mode: replicated
      replicas: 3
      placement:
        constraints: [node.role == worker, node.labels.disk != slow]
        preferences: [{spread: node.labels.zone}]
      resources: {limits: {cpus: "0.5", memory: 64M}, reservations: {memory: 32M}}
      update_config: {parallelism: 1, delay: 10s, order: start-first, failure_action: rollback}
      restart_policy: {condition: on-failure, max_attempts: 3}
  NAME-db:
    extends: NAME-base
    healthcheck: {test: [CMD, check], interval: 5s, retries: 3}
    user: postgres
  NAME-base:
    image: postgres
    tmpfs: [/tmp]
networks: {NAME-net: {driver: overlay, ipam: {config: [{subnet: 10.PORT.0.0/24}]}}}
volumes: {NAME-data: {driver: local}, NAME-more: {external: true, name: more}}
configs: {NAME-motd: {file: motd.txt}, NAME-issue: {content: text}}
secrets: {NAME-password: {file: motd.txt}}
"""
SECTIONS = ("services", "networks", "volumes", "configs", "secrets")


def group(name, port):
    return yaml.safe_load(GROUP.replace("NAME", name).replace("PORT", str(port)))


A, B = group("aa", 10), group("bb", 20)
WRONG = ([[]], {"x": {}}, 5.5, "", "no such thing", "${UNSET:?}", -1, True, None)


def paths(node, path=()):
    """Returns the paths of all values of a tree."""
    if path:
        yield path
    for key, value in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        yield from paths(value, (*path, key))


def parent_of(tree, path):
    for key in path[:-1]:
        tree = tree[key]
    return tree


def with_value(tree, path, value):
    tree = copy.deepcopy(tree)
    parent_of(tree, path)[path[-1]] = value
    return tree


def without(tree, path):
    tree = copy.deepcopy(tree)
    del parent_of(tree, path)[path[-1]]
    return tree


def renamed(tree, path):
    """Returns the tree with the key misspelled, at its place."""
    tree = copy.deepcopy(tree)
    parent = parent_of(tree, path)
    entries = list(parent.items())
    parent.clear()
    parent.update((f"{key}x" if key == path[-1] else key, value) for key, value in entries)
    return tree


def mutations(tree):
    for path in paths(tree):
        if len(path) > 1:
            for value in WRONG:
                yield with_value(tree, path, value)
            yield without(tree, path)
            if isinstance(path[-1], str):
                yield renamed(tree, path)


def both(one, other):
    return {section: {**one.get(section, {}), **other.get(section, {})} for section in SECTIONS}


def problems_of(tree, inline):
    """Returns the problems without their lines, which change."""
    text = tree if inline else json.dumps(tree, indent=1)
    try:
        compile_stack(CompileRequest([Source("compose.yml", text)], name="shop"), MemoryFiles(FILES))
    except ComposeError as error:
        return [(problem.key, problem.message) for problem in error.problems]
    return []


MUTATIONS_A, MUTATIONS_B = list(mutations(A)), list(mutations(B))


def test_the_good_file_is_good():
    assert problems_of(both(A, B), False) == problems_of(both(A, B), True) == []
    assert len(MUTATIONS_A) > 1000


@pytest.mark.slow
@given(st.sampled_from(MUTATIONS_A), st.sampled_from(MUTATIONS_B), st.booleans())
@settings(max_examples=150, deadline=None, derandomize=True)
def test_two_mistakes_give_the_problems_of_both(spoilt, other, inline):
    alone = problems_of(both(spoilt, B), inline) + problems_of(both(A, other), inline)
    assert sorted(problems_of(both(spoilt, other), inline)) == sorted(alone)


@pytest.mark.slow
@pytest.mark.parametrize("inline", [False, True])
def test_a_value_of_a_wrong_type_is_one_problem(inline):
    found = {path: problems_of(with_value(A, path, [[[]]]), inline) for path in paths(A)}
    assert {path: problems for path, problems in found.items() if len(problems) != 1} == {}


@pytest.mark.slow
@pytest.mark.parametrize("inline", [False, True])
def test_a_variable_without_a_value_is_one_problem(inline):
    found = {path: problems_of(with_value(A, path, "${UNSET:?}"), inline) for path in paths(A)}
    assert {path: problems for path, problems in found.items() if len(problems) != 1} == {}


@pytest.mark.slow
@pytest.mark.parametrize("inline", [False, True])
def test_a_misspelled_key_is_at_most_one_problem(inline):
    keys = [path for path in paths(A) if isinstance(path[-1], str)]
    found = {path: problems_of(renamed(A, path), inline) for path in keys}
    assert {path: problems for path, problems in found.items() if len(problems) > 1} == {}


def codes_of(*texts, **request):
    sources = [Source(f"{number}.yml", text) for number, text in enumerate(texts)]
    with pytest.raises(StackwrightError) as caught:
        compile_stack(CompileRequest(sources, **{"name": "shop", **request}), MemoryFiles(FILES))
    if not isinstance(caught.value, ComposeError):
        return caught.value.error_code
    return [problem.code for problem in caught.value.problems]


GOOD = "services: {web: {image: nginx}}"
BAD = "services: {web: {image: Nginx, user: [x], mac_address: a}}"


@pytest.mark.parametrize(
    ("texts", "request_", "codes"),
    [
        pytest.param([BAD], {"name": None}, ["required", "image", "type"], id="no name, and more"),
        pytest.param([BAD], {"name": "a b"}, ["invalid_name", "image", "type"], id="a wrong name, and more"),
        pytest.param([GOOD], {"name": "a b"}, "invalid_name", id="a wrong name alone"),
        pytest.param([BAD], {"project": "acme"}, ["invalid_name", "image", "type"], id="half a project, and more"),
        pytest.param(["name: [x]\n" + GOOD], {"name": None}, ["type"], id="no name, since it is wrong"),
        pytest.param(["name: ${A:?}\n" + GOOD], {"name": None}, ["required_variable"], id="no value for the name"),
        pytest.param([BAD], {"strict": True}, ["image", "type", "no_effect"], id="notices are errors"),
        pytest.param(
            ["services: {web: {networks: [front], user: [x], restart: sometimes}}", "networks: ["],
            {},
            ["type", "enum", "yaml_syntax"],
            id="the other file may have the image and the network",
        ),
        pytest.param(["services: [", "a: ["], {}, ["yaml_syntax", "yaml_syntax"], id="nothing can be read"),
        pytest.param(
            ["services: {web: {image: 'x:${TAG:?}', restart: sometimes}}"],
            {"env_files": ["missing.env"]},
            ["enum", "file_missing"],
            id="the missing file may have the variable",
        ),
        pytest.param(
            ["services: {web: {image: [x]}}", "services: {web: {image: Nginx}}"],
            {},
            ["type", "image"],
            id="a later file gives what was cut",
        ),
        pytest.param(["services: {1: {image: nginx}, web: {image: Nginx}}"], {}, ["key_type", "image"], id="a number"),
    ],
)
def test_what_belongs_together_is_said_together(texts, request_, codes):
    assert codes_of(*texts, **request_) == codes


@pytest.mark.slow
def test_a_file_with_too_many_mistakes_ends_soon():
    lines = "".join(f"  s{number}: {{image: [x], user: [x]}}\n" for number in range(6000))
    codes = codes_of("services:\n" + lines)
    assert len(codes) == 101
    assert set(codes) == {"type", "more"}
