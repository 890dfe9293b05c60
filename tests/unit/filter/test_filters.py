import importlib

import pytest
import yaml
from ansible.errors import AnsibleFilterError

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
    with pytest.raises(AnsibleFilterError, match="no name for objects"):
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
        DEFINITION, name="shop", variables={"TAG": 2}, project_directory=str(tmp_path), shared_networks=["zane"]
    )
    assert "very-secret-value" not in text
    assert "dmVyeS1zZWNyZXQtdmFsdWU" not in text
    shown = yaml.safe_load(text)
    assert shown["services"]["shop_web"]["TaskTemplate"]["ContainerSpec"]["Image"] == "nginx:2"
    assert shown["configs"]["shop_page"]["content"] == "é 2"
    assert shown["configs"]["shop_raw"]["content"] == b"\xff\x00"
    assert shown["networks"]["zane"] == {"external": True}
    assert shown["waves"] == [["web"]]


@pytest.mark.parametrize(
    "definition", [None, 5, ["x"], "services: {web: {}}", "a: [", {"services": {"web": {"imagee": 1}}}]
)
def test_compose_render_tells_what_is_wrong(definition):
    with pytest.raises(AnsibleFilterError):
        filter_of("compose_render")(definition, name="shop")
