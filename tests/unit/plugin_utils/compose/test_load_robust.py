"""For any file, load ends with a Project or a ComposeError, never with another exception."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.stackwright.swarm.plugins.module_utils.core.errors import ComposeError
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.load.load import Project, Source, load
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.file_source import MemoryFiles
from ansible_collections.stackwright.swarm.plugins.plugin_utils.compose.source.local_files import LocalFiles

KEYS = """
    services networks volumes configs secrets include name version x-a a b image command entrypoint environment env_file
    label_file labels ports expose depends_on healthcheck test deploy resources limits placement constraints logging
    options driver extra_hosts ulimits nofile soft extends service file profiles external target source published mode
    path project_directory content required format type aliases ipam config devices
"""
KEYS = st.sampled_from(KEYS.split())
TEXTS = ["", "a", "b", "80:80", "1-9:1-9", "a:/b", "./x:/y:ro", "A=1", "$A", "${A:?}", "~", "c.yml", "x.env", "["]
SCALARS = st.none() | st.booleans() | st.integers(-3, 99999) | st.floats() | st.sampled_from(TEXTS)
TREES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=25
)
SERVICES = st.fixed_dictionaries(
    {"services": st.dictionaries(st.sampled_from("ab"), st.dictionaries(KEYS, TREES, max_size=6), min_size=1)},
    optional=dict.fromkeys(("networks", "volumes", "configs", "secrets", "include", "name"), TREES),
)
FILES = {"/p/x.env": "A=1\nB='2\n", "/p/c.yml": "services: {a: {extends: {file: compose.yml, service: a}}}\n"}


def load_or_refuse(*definitions):
    sources = [Source(f"/p/{'compose' if n == 0 else n}.yml", text) for n, text in enumerate(definitions)]
    try:
        return load(sources, reader=MemoryFiles(FILES), variables={"A": "hunter2"})
    except ComposeError as error:
        assert error.problems
        return error


@pytest.mark.slow
@given(SERVICES | TREES, SERVICES)
@settings(max_examples=150, deadline=None)
def test_any_definition_is_loaded_or_refused(first, second):
    assert isinstance(load_or_refuse(first, second), (Project, ComposeError))


@pytest.mark.slow
@given(SERVICES)
@settings(max_examples=50, deadline=None)
def test_problems_name_their_file(definition):
    result = load_or_refuse(definition)
    if isinstance(result, ComposeError):
        assert all(problem.file.startswith("/p") for problem in result.problems)
    else:
        assert all(result.where(("services", name)).file for name in result.services)


@given(st.binary(max_size=100) | st.text(max_size=100))
@settings(max_examples=100, deadline=None)
def test_any_text_is_loaded_or_refused(data):
    assert isinstance(load_or_refuse(data), (Project, ComposeError))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("definition", "code"),
    [
        ("services: {a: {image: x, ports: [" + ",".join(['"1-65000:1-65000"'] * 50) + "]}}", "too_large"),
        (
            "services:\n  s0: {image: x}\n"
            + "".join(f"  s{n}: {{extends: s{n - 1}, volumes: ['v{n}:/v{n}']}}\n" for n in range(1, 4000)),
            "too_large",
        ),
        ("include: [" + ",".join(["c.yml"] * 1000) + "]", "too_many_files"),
    ],
)
def test_work_beyond_the_files_is_bounded(definition, code):
    files = MemoryFiles({"/p/c.yml": "services: {c: {image: x}}"})
    with pytest.raises(ComposeError) as caught:
        load([Source("/p/compose.yml", definition)], reader=files, variables={})
    assert code in {problem.code for problem in caught.value.problems}


def test_a_long_chain_of_extends_needs_no_stack():
    text = "services:\n  s0: {image: x}\n" + "".join(f"  s{n}: {{extends: s{n - 1}}}\n" for n in range(1, 3000))
    project = load([Source("/p/compose.yml", text)], reader=MemoryFiles({}), variables={})
    assert project.services["s2999"] == {"image": "x"}


def test_thousands_of_problems_are_counted_not_listed():
    text = "services:\n" + "".join(f"  s{n}: {{image: '${{'}}\n" for n in range(3000))
    with pytest.raises(ComposeError) as caught:
        load([Source("/p/compose.yml", text)], reader=MemoryFiles({}), variables={})
    assert len(caught.value.problems) == 501
    assert "2500 more problems" in str(caught.value)


def test_nothing_comes_from_the_environment(monkeypatch):
    monkeypatch.setenv("LEAK", "leaked")
    monkeypatch.setenv("COMPOSE_PROFILES", "p")
    text = "services: {a: {image: 'x:${LEAK}', environment: [LEAK]}, b: {image: x, profiles: [p]}}"
    project = load([Source("/p/compose.yml", text)], reader=MemoryFiles({"/p/.env": "LEAK=dot"}), variables={})
    assert project.services == {"a": {"image": "x:", "environment": {}}}


def test_no_sources_and_missing_sources_are_problems(tmp_path):
    for sources, code in (
        ([], "no_file"),
        ([Source(str(tmp_path / "none.yml"))], "file_missing"),
        ([Source(str(tmp_path))], "file_unreadable"),
        ([Source("/dev/zero")], "file_forbidden"),
        ([Source("/a\0b")], "file_unreadable"),
        ([Source("/" + "a" * 5000)], "file_unreadable"),
        ([Source(str(tmp_path / "file" / "x.yml"))], "file_unreadable"),
    ):
        (tmp_path / "file").write_text("x", encoding="utf-8")
        with pytest.raises(ComposeError) as caught:
            load(sources, reader=LocalFiles(), variables={})
        assert [problem.code for problem in caught.value.problems] == [code]


def test_contents_and_texts_are_not_in_the_repr():
    text = "services: {a: {image: x}}\nsecrets: {s: {environment: A}}\n"
    project = load([Source("/p/compose.yml", text)], reader=MemoryFiles({}), variables={"A": "hunter2"})
    assert project.contents == {("secrets", "s"): b"hunter2"}
    assert "hunter2" not in repr(project)
    assert "hunter2" not in repr(Source("x", "hunter2"))


def test_a_definition_that_contains_itself_or_is_not_text_is_refused():
    loop = {"services": {}}
    loop["services"]["a"] = loop
    wide = {"x-a": [0] * 340_000}
    for definition, codes in ((loop, {"too_large"}), (wide, {"too_large"}), ({True: 1, None: 2}, {"key_type"})):
        result = load_or_refuse(definition)
        assert {problem.code for problem in result.problems} == codes


def test_keys_of_a_definition_are_checked_like_its_values():
    """Python can't print the number; a NUL marks the references of values."""
    for key, code in ((16**5000, "key_type"), (-(16**5000), "key_type"), ("a\0stack/A\0", "encoding")):
        result = load_or_refuse({"services": {"a": {"image": "x", "environment": {key: "1"}}}})
        assert [problem.code for problem in result.problems] == [code]


def test_variables_are_single_values():
    with pytest.raises(ComposeError, match="variable X is not a single value"):
        load([Source("/p/c.yml", "services: {}")], reader=MemoryFiles({}), variables={"X": ["hunter2"]})
