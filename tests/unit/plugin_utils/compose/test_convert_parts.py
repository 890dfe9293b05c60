"""Parts of convert that a Compose file can't easily show."""

import pytest

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ComposeError
from ansible_collections.stackwright.swarm.plugins.module_utils.swarm.names import Stack
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.context import hosts_named
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.desired import convert
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.convert.image import normalise
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.keys.keys_service import SERVICE
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.platform.policy import platform
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.project.project import Project
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.inline import read_plain
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.report import Report

DIGEST = "sha256:" + "0123456789abcdef" * 4


def project(tree, contents=None):
    """Returns a project like load does, but without checks."""
    return Project("shop", "/srv", read_plain(tree, "compose.yml", Report()), contents or {})


@pytest.mark.parametrize(
    ("reference", "normal"),
    [
        ("nginx", "nginx:latest"),
        ("library/nginx:1", "nginx:1"),
        ("index.docker.io/library/nginx", "nginx:latest"),
        ("docker.io/a/b/c", "a/b/c:latest"),
        ("localhost/x", "localhost/x:latest"),
        ("[::1]:5000/x", "[::1]:5000/x:latest"),
        ("Host/x:1", "Host/x:1"),
        ("nginx@" + DIGEST, "nginx@" + DIGEST),
        ("nginx:1@" + DIGEST, "nginx:1@" + DIGEST),
        ("0123456789abcdef" * 4, "0123456789abcdef" * 4),
    ],
)
def test_images(reference, normal):
    assert normalise(reference) == normal


@pytest.mark.parametrize(
    "reference",
    [
        "",
        "NGINX",
        "nginx:",
        ":1",
        "a b",
        "nginx:t@sha256:abc",
        "a//b",
        "x/",
        "-a",
        "a..b",
        "é",
        "a" * 256,
        "nginx\n",
        "h:1/X",
    ],
)
def test_no_images(reference):
    assert normalise(reference) is None


@pytest.mark.parametrize(
    ("service", "hosts"),
    [
        ({"environment": {"DB_HOST": "db", "DB_USER": "user"}}, ["db"]),
        ({"environment": {"URL": "postgres://me:pw@pg:5432/base"}}, ["me", "pg"]),
        ({"environment": {"SERVERS": "one:80,two:81"}}, ["one", "two"]),
        ({"environment": {"PATHS": "/data/x:1", "TEXT": "some words"}}, []),
        ({"command": ["run", "--host=db", "http://web/"]}, ["db", "web"]),
        ({"command": "text", "environment": ["A"]}, []),
    ],
)
def test_hosts_that_a_service_names(service, hosts):
    assert list(hosts_named(service)) == hosts


@pytest.mark.parametrize(("kind", "most"), [("configs", 1_024_000), ("secrets", 512_000)])
def test_content_that_the_engine_would_refuse(kind, most):
    tree = {"services": {"a": {"image": "x"}}, kind: {"big": {"file": "big"}}}
    assert convert(project(tree, {(kind, "big"): b"x" * (most - 1)}), Stack("shop"))[kind]
    with pytest.raises(ComposeError) as caught:
        convert(project(tree, {(kind, "big"): b"x" * most}), Stack("shop"))
    assert [problem.code for problem in caught.value.problems] == ["too_large"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("pids_limit", 2**63),
        ("pids_limit", str(-(2**63) - 1)),
        ("ulimits", {"nofile": {"soft": 1, "hard": 2**63}}),
        ("cpu_quota", 10**15),
    ],
)
def test_numbers_that_the_engine_can_not_parse_are_problems(key, value):
    with pytest.raises(ComposeError) as caught:
        convert(project({"services": {"web": {"image": "x", key: value}}}), Stack("shop"))
    assert [(problem.code, problem.key.split(".")[2]) for problem in caught.value.problems] == [("range", key)]


#: Each of these values is valid for a few keys only.
ODD = [
    None,
    True,
    -1,
    2**70,
    1.5,
    float("nan"),
    "",
    "odd",
    [],
    [None],
    [{}],
    [["x"]],
    {},
    {"a": None},
    {"a": {"b": [1]}},
]


@pytest.mark.slow
@pytest.mark.parametrize("pattern", sorted(SERVICE))
def test_whatever_a_key_holds_the_answer_is_specs_or_problems(pattern):
    for value in ODD:
        service = {"image": "x"}
        node, parts = service, pattern.replace("[]", ".[]").split(".")
        for part, following in zip(parts, [*parts[1:], None]):
            below = value if following is None else [] if following == "[]" else {}
            if part == "[]":
                node.append(below)
            else:
                node["web" if part == "*" else part] = below
            node = below
        _survives({"services": {"web": service}})


@pytest.mark.parametrize("section", ["services", "networks", "volumes", "configs", "secrets"])
def test_whatever_a_section_holds(section):
    mount = {"type": "volume", "source": "thing", "target": "/t"}
    web = {"image": "x", "networks": {"thing": None}, "volumes": [mount], "configs": [{"source": "thing"}]}
    for value in ODD:
        inner = {"labels": value, "ipam": value, "driver": value, "name": value, "external": value}
        for entry in (value, {"thing": value}, {"thing": inner}):
            _survives({"services": {"web": web}, section: entry})


def _survives(tree):
    given = project(tree)
    try:
        desired = convert(given, Stack("shop"))
    except ComposeError as error:
        assert error.problems
    else:
        platform(
            desired, given, {"shared_networks": ["stackwright"], "update_config": "safe", "environment": {"A": "b"}}
        )
