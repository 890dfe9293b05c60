import base64
import importlib
import json
from pathlib import Path

import pytest
import yaml
from ansible.errors import AnsibleFilterError

from ansible_collections.stackwright.swarm.plugins.module_utils.values.generators import GENERATORS

ID = "lucvlyso2bct2tgtqfxb2slfxt34rnc5"


def filter_of(name):
    module = importlib.import_module(f"ansible_collections.stackwright.swarm.plugins.filter.{name}")
    return module.FilterModule().filters()[name]


@pytest.mark.parametrize(("name", "value"), [("stack_id", ID), ("stack_hash", ID[:8])])
def test_the_stack_is_a_name_or_a_mapping(name, value):
    parts = {"name": "shop", "project": "acme", "environment": "production"}
    assert filter_of(name)(parts) == value
    assert filter_of(name)("shop", project="acme", environment="production") == value
    assert filter_of(name)("shop") != value
    with pytest.raises(AnsibleFilterError, match="not a valid name for Swarm objects"):
        filter_of(name)("two words")


def test_hashed_name():
    hashed_name = filter_of("hashed_name")
    assert hashed_name("web", "shop", "acme", "production") == "lucvlyso_web"
    assert hashed_name("web", stack_hash="lucvlyso", host=True) == "lucvlyso-web"
    with pytest.raises(AnsibleFilterError, match="either"):
        hashed_name("web")
    with pytest.raises(AnsibleFilterError, match="key of a service"):
        hashed_name("", "shop")


DEFINITION = """
services: {web: {image: "nginx:${TAG}", secrets: [token], configs: [page, raw]}}
secrets: {token: {content: very-secret-value}}
configs: {page: {content: "é ${TAG}"}, raw: {file: raw.bin}}
"""


def test_compose_render_shows_what_would_be_deployed_and_no_secret(tmp_path):
    (tmp_path / "raw.bin").write_bytes(b"\xff\x00")
    text = filter_of("compose_render")(
        DEFINITION, name="shop", variables={"TAG": 2}, project_directory=str(tmp_path), shared_networks=["stackwright"]
    )
    assert "very-secret-value" not in text
    assert "dmVyeS1zZWNyZXQtdmFsdWU" not in text
    shown = yaml.safe_load(text)
    assert shown["services"]["shop_web"]["TaskTemplate"]["ContainerSpec"]["Image"] == "nginx:2"
    assert shown["configs"]["shop_page"]["content"] == "é 2"
    assert shown["configs"]["shop_raw"]["content"] == b"\xff\x00"
    assert shown["networks"]["stackwright"] == {"external": True}
    assert shown["waves"] == [["web"]]


@pytest.mark.parametrize(
    "definition", [None, 5, ["x"], "services: {web: {}}", "a: [", {"services": {"web": {"imagee": 1}}}]
)
def test_compose_render_tells_what_is_wrong(definition):
    with pytest.raises(AnsibleFilterError):
        filter_of("compose_render")(definition, name="shop")


def generator(name):
    module = importlib.import_module("ansible_collections.stackwright.swarm.plugins.filter.generate")
    return module.FilterModule().filters()[name]


def test_every_generator_is_a_documented_filter():
    folder = Path(__file__).resolve().parents[3] / "plugins" / "filter"
    module = importlib.import_module("ansible_collections.stackwright.swarm.plugins.filter.generate")
    assert set(module.FilterModule().filters()) == set(GENERATORS)
    for name, known in GENERATORS.items():
        options = yaml.safe_load((folder / f"{name}.yml").read_text())["DOCUMENTATION"]["options"]
        if name != "generate_jwt":
            assert set(options) == {"_input", "seed", *(parameter.name for parameter in known.parameters)}
            for parameter in known.parameters:
                assert options[parameter.name]["default"] == parameter.default


@pytest.mark.parametrize("name", sorted(set(GENERATORS) - {"generate_jwt"}))
def test_generated_by_chance_or_from_a_seed(name):
    make = generator(name)
    assert len({make("x") for _number in range(5)}) > 1
    assert make("x", seed="s") == make("x", seed="s")
    assert len({make("x", seed="s"), make("y", seed="s"), make("x", seed="t")}) == 3


def test_seeded_values_stay_what_they_are():
    # Users keep no copy: these must never change.
    assert generator("generate_user")("db", seed="seed") == "keen_harvest_7128"
    assert generator("generate_hex")("db", 8, seed="seed") == "891668b384a2427b"
    assert generator("generate_random_chars")("db", 12, seed="seed") == "SX7Wk4FmfXBH"
    assert not generator("generate_hex")("db", 16, seed="seed").startswith("891668b384a2427b")


def test_parameters_of_generators():
    assert len(generator("generate_random_chars")("", 5)) == 5
    assert len(generator("generate_secure_password")("", length=20)) == 20
    for call in (
        lambda: generator("generate_hex")("", 1),
        lambda: generator("generate_hex")("", length=9),
        lambda: generator("generate_hex")(None),
        lambda: generator("generate_hex")("", seed=""),
        lambda: generator("generate_jwt")(""),
        lambda: generator("generate_jwt")("k", days=-1),
    ):
        with pytest.raises(AnsibleFilterError, match="generate_"):
            call()


def test_a_token():
    make = generator("generate_jwt")
    assert make("k", role="anon") == make("k", role="anon") != make("l", role="anon")
    body = make("k", days=1, role="anon").split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    assert claims["exp"] - claims["iat"] == 86_400


def test_compose_render_shows_no_value():
    text = filter_of("compose_render")(
        "x-env: {PW: {{ generate_hex }}}\n"
        "services: {web: {image: x, environment: {A: 'a ${PW}'}, configs: [page]}}\n"
        "configs: {page: {content: 'b ${PW}'}}",
        name="shop",
    )
    shown = yaml.safe_load(text)
    assert shown["services"]["shop_web"]["TaskTemplate"]["ContainerSpec"]["Env"] == ["A=a <generated>"]
    assert shown["configs"]["shop_page"]["content"] == "b <generated>"


@pytest.mark.parametrize(
    ("value", "kind", "read"),
    [
        (" shop \n", "text", "shop"),
        ("services:\n  web: {}\n", "text", "services:\n  web: {}\n"),
        ("", "text", "none"),
        (" \n ", "list", "none"),
        (None, "dict", "none"),
        ("Yes", "bool", True),
        ("false", "bool", False),
        ("perhaps", "bool", "perhaps"),
        (False, "bool", False),
        (" 7", "int", 7),
        ("seven", "int", "seven"),
        (0, "int", 0),
        ("a.yml, b.yml\nc.yml\r\n", "list", ["a.yml", "b.yml", "c.yml"]),
        ("- a,b\n- c", "list", ["a,b", "c"]),
        ("[]", "list", []),
        ("[broken", "list", "[broken"),
        (["kept"], "list", ["kept"]),
        (
            "# tags\nTAG=1.10\nURL = http://a/?b=c \n\nEMPTY=",
            "dict",
            {"TAG": "1.10", "URL": "http://a/?b=c", "EMPTY": ""},
        ),
        ("TAG: 1.10\nlimits: {cpus: 0.50, on: yes}", "dict", {"TAG": "1.10", "limits": {"cpus": "0.50", "on": "yes"}}),
        ('{"TAG": "a=b", "n": 1}', "dict", {"TAG": "a=b", "n": "1"}),
        ("TAG: a=b", "dict", {"TAG": "a=b"}),
        ("just words", "dict", "just words"),
        ("a: b: c", "dict", "a: b: c"),
        ({"n": 1}, "dict", {"n": 1}),
    ],
)
def test_answers_of_a_survey(value, kind, read):
    assert filter_of("answer")(value, kind, "none") == read


def test_an_answer_of_a_kind_that_is_not_there():
    with pytest.raises(AnsibleFilterError, match="not one of text, bool, int, list, dict"):
        filter_of("answer")("x", "float")


def test_compose_render_reads_what_it_may_and_no_deeper_than_it_can(tmp_path):
    compose_render = filter_of("compose_render")
    (tmp_path / "project").mkdir()
    (tmp_path / "outside").write_text("A=1\n", encoding="utf-8")
    definition = {"services": {"web": {"image": "nginx", "env_file": "../outside"}}}
    options = {"name": "shop", "project_directory": str(tmp_path / "project")}
    assert "A=1" in compose_render(definition, **options)
    with pytest.raises(AnsibleFilterError, match="outside of the project folder"):
        compose_render(definition, confine="project", **options)
    with pytest.raises(AnsibleFilterError, match="project or none"):
        compose_render(definition, confine="all", **options)
    deep = []
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(AnsibleFilterError, match="nested too deep"):
        compose_render({"services": {"web": {"image": deep}}}, **options)
